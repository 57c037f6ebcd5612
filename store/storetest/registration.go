package storetest

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func testRegistrations(t *testing.T, db *store.DB) {
	t.Helper()
	const subscription, namespace = "Sub-1", "Contoso.Kubernetes"
	if _, err := db.Registration(t.Context(), subscription, namespace); fairlead.KindOf(err) != fairlead.NotFound {
		t.Fatalf("before: %v", err)
	}
	for _, r := range []store.Registration{
		{Subscription: subscription, Name: namespace, Registered: true},
		{Subscription: subscription, Name: namespace + "/Preview", Registered: true},
		{Subscription: subscription, Name: strings.ToUpper(namespace)},
		{Subscription: "sub-2", Name: namespace, Registered: true},
	} {
		if err := db.Register(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	got, err := db.Registration(t.Context(), strings.ToUpper(subscription), strings.ToLower(namespace))
	if err != nil || got.Registered || got.Name != namespace || got.ChangedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := db.Registrations(t.Context(), subscription)
	if err != nil || len(all) != 2 || !all[1].Registered {
		t.Errorf("%+v, %v", all, err)
	}
	if err := db.Register(t.Context(), store.Registration{Subscription: subscription}); fairlead.KindOf(err) != fairlead.Invalid {
		t.Errorf("without a name: %v", err)
	}
}

func testUnregister(t *testing.T, db *store.DB) {
	t.Helper()
	unregister := func(subscription, name string) error {
		return db.UnregisterNamespace(t.Context(), store.Registration{Subscription: subscription, Name: name, Registered: true})
	}
	used := store.Resource{
		Key: "/subscriptions/s1/x", ID: "/subscriptions/S1/X", Name: "X", Type: "contoso.kubernetes/things", Subscription: "s1", Body: []byte(`{}`),
	}
	if _, err := db.PutResource(t.Context(), used, store.AnyState); err != nil {
		t.Fatal(err)
	}
	if err := unregister("S1", "Contoso.Kubernetes"); fairlead.KindOf(err) != fairlead.Conflict || !strings.Contains(err.Error(), used.ID) {
		t.Errorf("in use: %v", err)
	}
	for _, free := range [][2]string{{"s2", "Contoso.Kubernetes"}, {"s1", "Contoso.Kubernete"}, {"s1", "Contoso.KubernetesConfiguration"}} {
		if err := unregister(free[0], free[1]); err != nil {
			t.Errorf("%v: %v", free, err)
		}
	}
	if err := db.DeleteResource(t.Context(), used.Key, store.AnyState); err != nil {
		t.Fatal(err)
	}
	if err := unregister("S1", "Contoso.Kubernetes"); err != nil {
		t.Error(err)
	}
	if got, err := db.Registration(t.Context(), "s1", "contoso.kubernetes"); err != nil || got.Registered {
		t.Errorf("%+v, %v", got, err)
	}
}
