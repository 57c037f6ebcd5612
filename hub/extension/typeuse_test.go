package extension_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func TestATypeThatIsInUseStays(t *testing.T) {
	b, a := demoBench(t)
	kind := kinds + "/contoso.demo" + previews
	b.install(a)
	for i := range 4 {
		b.do(http.MethodPut, one(a, fmt.Sprintf("more-%d", i)), demo).want(http.StatusCreated)
	}
	got := b.do(http.MethodDelete, kind, "").want(http.StatusConflict).has("error.code", "ExtensionTypeInUse")
	for _, says := range []string{"5 extensions use: 'demo' on edge-1 in shops, 'more-0' on edge-1 in shops", " and 2 more", "forceDelete=true"} {
		if !strings.Contains(got.text, says) {
			t.Errorf("%s, want it to say %q", got.text, says)
		}
	}
	b.do(http.MethodGet, kind, "").want(http.StatusOK)
	b.do(http.MethodDelete, kind+"&forceDelete=true", "").want(http.StatusOK, http.StatusAccepted)
	b.goes(kind)
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusOK).has("properties.currentVersion", "1.1.0")
}

func TestATypeGoesWhoseExtensionsGo(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	b.do(http.MethodDelete, one(a, "demo"), "").want(http.StatusAccepted)
	b.do(http.MethodDelete, kinds+"/contoso.demo"+previews, "").want(http.StatusOK, http.StatusAccepted)
	b.goes(kinds + "/contoso.demo" + previews)
	_, spec := a.spec(func(one fairlead.Configuration, _ fairlead.ExtensionSpec) bool { return one.Deleted })
	if spec.Chart.Repository == "" {
		t.Errorf("the cluster is told %+v", spec)
	}
}
