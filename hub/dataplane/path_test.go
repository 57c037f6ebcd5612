package dataplane

import (
	"net/url"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func FuzzParse(f *testing.F) {
	good := fairlead.DataPlanePath(fairlead.ConnectedClusterID("s", "g", "c"), fairlead.OpPendingConfigs)
	for _, seed := range []string{
		good, strings.ToUpper(good), strings.Replace(good, "/s/", "//", 1), good + "/../..", "/subscriptions/%2e%2e/x",
		"/azure-arc-k8sagents/healthCheck", "/azure-arc-k8sagents/", "/", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := url.ParseRequestURI(text)
		if err != nil {
			return
		}
		wanted, err := parse(u)
		if err != nil {
			if fairlead.KindOf(err) == fairlead.Internal {
				t.Errorf("%q: %v is told as the hub's fault", text, err)
			}
			return
		}
		if wanted.question != "" {
			return
		}
		// Whatever was accepted names one cluster in one way.
		if !strings.EqualFold(u.Path, fairlead.DataPlanePath(wanted.cluster, wanted.operation)) {
			t.Errorf("%q was read as %+v", text, wanted)
		}
		if _, err := fairlead.ParseResourceID(wanted.cluster.String()); err != nil {
			t.Errorf("%q names %v, which is no resource: %v", text, wanted.cluster, err)
		}
	})
}
