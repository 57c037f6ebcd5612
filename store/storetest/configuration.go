package storetest

import (
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

const (
	someCluster   = "/subscriptions/s/resourcegroups/g/providers/microsoft.kubernetes/connectedclusters/c"
	someExtension = someCluster + "/providers/microsoft.kubernetesconfiguration/extensions/demo"
)

func saidOf(generation int64, state string) store.Configuration {
	return store.Configuration{
		Key: someExtension, ClusterKey: someCluster, Kind: fairlead.ExtensionConfigKind, Name: "demo", State: []byte(state), Observed: generation, At: time.UnixMicro(generation).UTC(),
	}
}

func testConfigurations(t *testing.T, db *store.DB) {
	for _, said := range []store.Configuration{saidOf(2, `{"x":2}`), saidOf(3, `{"x":3}`), saidOf(1, `{"x":1}`)} {
		if err := db.SaveConfigurationStates(t.Context(), []store.Configuration{said}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := db.GetConfiguration(t.Context(), someExtension)
	if err != nil || found.Observed != 3 || string(found.State) != `{"x":3}` || found.Forgotten || !found.At.Equal(time.UnixMicro(3)) {
		t.Errorf("%+v %v, want the newest generation", found, err)
	}
	cluster, cancel := db.Subscribe(someCluster)
	defer cancel()
	if err := db.ForgetConfiguration(t.Context(), store.Configuration{Key: someExtension, ClusterKey: someCluster, Kind: fairlead.ExtensionConfigKind, Name: "demo", Generation: 4}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-cluster:
	case <-time.After(5 * time.Second):
		t.Error("the cluster is not woken")
	}
	all, err := db.ListConfigurations(t.Context(), someCluster, fairlead.ExtensionConfigKind)
	if err != nil || len(all) != 1 || !all[0].Forgotten || all[0].Generation != 4 {
		t.Errorf("%+v %v", all, err)
	}
	if err := db.DropConfiguration(t.Context(), someExtension); err != nil {
		t.Fatal(err)
	}
	if _, err := db.GetConfiguration(t.Context(), someExtension); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("%v, want NotFound", err)
	}
	if err := db.DropConfiguration(t.Context(), someExtension); err != nil {
		t.Errorf("to drop what is not there is an error: %v", err)
	}
}

// Two kinds may have a name in common: neither is taken for the other, nor goes with it.
func testKindsOfConfigurations(t *testing.T, db *store.DB) {
	flux := saidOf(7, `{"flux":true}`)
	flux.Key, flux.Kind = someCluster+"/providers/microsoft.kubernetesconfiguration/fluxconfigurations/demo", fairlead.FluxConfigKind
	if err := db.SaveConfigurationStates(t.Context(), []store.Configuration{saidOf(1, `{}`), flux}); err != nil {
		t.Fatal(err)
	}
	event := store.ExtensionEvent{ClusterKey: someCluster, Name: "demo", Sequence: 1, Event: []byte(`{}`)}
	if err := db.AddExtensionEvents(t.Context(), []store.ExtensionEvent{event}, nil); err != nil {
		t.Fatal(err)
	}
	if err := db.AddFluxLogs(t.Context(), someCluster, "demo", linesAt("one", 1, 2), someLogs); err != nil {
		t.Fatal(err)
	}
	found, err := db.ListConfigurations(t.Context(), someCluster, fairlead.FluxConfigKind)
	if err != nil || len(found) != 1 || found[0].Key != flux.Key || found[0].Kind != flux.Kind || string(found[0].State) != `{"flux":true}` {
		t.Errorf("%+v %v", found, err)
	}
	if err := db.DropConfiguration(t.Context(), flux.Key); err != nil {
		t.Fatal(err)
	}
	if events, err := db.ListExtensionEvents(t.Context(), someCluster, "demo", 0, 10); err != nil || len(events) != 1 {
		t.Errorf("%d events of the extension of that name are left, %v", len(events), err)
	}
	if lines, err := db.ListFluxLogs(t.Context(), someCluster, "demo", 0, 10); err != nil || len(lines) != 0 {
		t.Errorf("%d lines about the configuration are left, %v", len(lines), err)
	}
	if found, err := db.ListConfigurations(t.Context(), someCluster, fairlead.ExtensionConfigKind); err != nil || len(found) != 1 {
		t.Errorf("%+v %v", found, err)
	}
	if err := db.DropConfigurations(t.Context(), someCluster); err != nil {
		t.Fatal(err)
	}
	if found, err := db.ListConfigurations(t.Context(), someCluster, fairlead.ExtensionConfigKind); err != nil || len(found) != 0 {
		t.Errorf("%+v %v", found, err)
	}
}

func testExtensionEvents(t *testing.T, db *store.DB) {
	var events []store.ExtensionEvent
	for sequence := int64(1); sequence <= 510; sequence++ {
		events = append(events, store.ExtensionEvent{ClusterKey: someCluster, Name: "demo", Sequence: sequence, Event: []byte(`{}`)})
	}
	events = append(events, store.ExtensionEvent{ClusterKey: someCluster, Name: "other", Sequence: 600, Event: []byte(`{}`)})
	for range 2 { // what is sent twice is kept once
		if err := db.AddExtensionEvents(t.Context(), events, []string{someExtension}); err != nil {
			t.Fatal(err)
		}
	}
	found, err := db.ListExtensionEvents(t.Context(), someCluster, "demo", 0, 1000)
	if err != nil || len(found) != 500 || found[0].Sequence != 11 || found[499].Sequence != 510 {
		t.Errorf("%d events, %v", len(found), err)
	}
	if found, err = db.ListExtensionEvents(t.Context(), someCluster, "demo", 505, 3); err != nil || len(found) != 3 || found[0].Sequence != 506 {
		t.Errorf("%+v %v", found, err)
	}
	if err := db.DropConfigurations(t.Context(), someCluster); err != nil {
		t.Fatal(err)
	}
	if found, err = db.ListExtensionEvents(t.Context(), someCluster, "other", 0, 10); err != nil || len(found) != 0 {
		t.Errorf("%+v %v", found, err)
	}
}

func testSealed(t *testing.T, db *store.DB) {
	put := func(change func(*store.Resource)) {
		t.Helper()
		resource := store.Resource{Key: someExtension, ID: someExtension, Type: "t", Name: "demo", Body: []byte(`{}`)}
		change(&resource)
		if _, err := db.PutResource(t.Context(), resource, store.AnyState); err != nil {
			t.Fatal(err)
		}
	}
	want := func(value string) {
		t.Helper()
		if got, err := db.GetSealed(t.Context(), someExtension); err != nil || string(got) != value {
			t.Errorf("%q %v, want %q", got, err, value)
		}
	}
	put(func(r *store.Resource) { r.Sealed = []byte("one") })
	want("one")
	put(func(*store.Resource) {})
	want("one")
	put(func(r *store.Resource) { r.Sealed = []byte("two") })
	want("two")
	put(func(r *store.Resource) { r.Unseal = true })
	if _, err := db.GetSealed(t.Context(), someExtension); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("%v, want NotFound", err)
	}
	put(func(r *store.Resource) { r.Sealed = []byte("three") })
	if err := db.DeleteResource(t.Context(), someExtension, store.AnyState); err != nil {
		t.Fatal(err)
	}
	if _, err := db.GetSealed(t.Context(), someExtension); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("%v, want what was sealed to go with its resource", err)
	}
}
