package discovery_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	known "k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/discovery"
)

// client-go itself shows the words of each refusal that it would hide as a Status.
func TestClientGoShowsTheWords(t *testing.T) {
	for _, code := range []int{http.StatusForbidden, http.StatusNotFound, http.StatusServiceUnavailable, http.StatusBadGateway} {
		asked := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !discovery.Asks(r, r.URL.Path) {
				t.Errorf("%s %s %v is not known", r.Method, r.URL, r.Header["Accept"])
			}
			asked++
			discovery.Refuse(w, code, "the reason", "and what to do")
		}))
		client := known.NewDiscoveryClientForConfigOrDie(&rest.Config{Host: server.URL})
		for name, ask := range map[string]func() error{
			"groups":  func() error { _, _, err := client.ServerGroupsAndResources(); return err },
			"version": func() error { _, err := client.ServerVersion(); return err },
			"openapi": func() error { _, err := client.OpenAPISchema(); return err },
			"schemas": func() error { _, err := client.OpenAPIV3().Paths(); return err },
		} {
			if err := ask(); err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "and what to do") {
				t.Errorf("%d, %s: %v", code, name, err)
			}
		}
		server.Close()
		if asked < 4 {
			t.Errorf("%d requests came", asked)
		}
	}
}

func TestOthersAreGivenAStatus(t *testing.T) {
	for _, one := range []struct{ method, path, accept string }{
		{http.MethodGet, "/api", "application/json"},
		{http.MethodGet, "/apis", ""},
		{http.MethodPost, "/api", "*/*"},
		{http.MethodGet, "/api/v1/pods", "*/*"},
		{http.MethodGet, "/openapi/v2", "application/json"},
	} {
		r := httptest.NewRequest(one.method, one.path, nil)
		r.Header.Set("Accept", one.accept)
		if discovery.Asks(r, one.path) {
			t.Errorf("%v is taken for client-go's", one)
		}
	}
}

func TestARefusalWithATimeToComeBackStaysOne(t *testing.T) {
	if got := discovery.Code(http.StatusServiceUnavailable, http.Header{"Retry-After": {"1"}}); got != http.StatusServiceUnavailable {
		t.Error(got)
	}
}
