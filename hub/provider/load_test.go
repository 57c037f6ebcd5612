package provider_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/store"
)

// BenchmarkTenThousandClusters is what looking costs with that many: at one, at a page of the list.
func BenchmarkTenThousandClusters(b *testing.B) {
	hub := start(b)
	body := []byte(clusterBody(onboardingKey(b, 4096)))
	for i := range 10_000 {
		id := fmt.Sprintf("%s/edge-%05d", clusters, i)
		_, err := hub.db.PutResource(b.Context(), store.Resource{
			Key: strings.ToLower(id), ID: id, Type: "microsoft.kubernetes/connectedclusters", Name: fmt.Sprintf("edge-%05d", i),
			Subscription: strings.TrimPrefix(subscription, "/subscriptions/"), ResourceGroup: "shops", Body: body,
		}, store.MustBeAbsent)
		if err != nil {
			b.Fatal(err)
		}
	}
	for name, path := range map[string]string{"One": clusters + "/edge-05000" + version, "Page": clusters + version} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				hub.do("GET", path, "").want(http.StatusOK)
			}
		})
	}
}
