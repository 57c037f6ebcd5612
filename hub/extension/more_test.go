package extension_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/upgrade"
)

type eventList struct {
	Value []fairlead.ExtensionEvent `json:"value"`
	Next  int64                     `json:"next"`
}

func (b *bench) events(a *agent, since int64) eventList {
	b.Helper()
	got := b.do(http.MethodGet, path(a, "demo")+"/events"+version+"&since="+strconv.FormatInt(since, 10), "").want(http.StatusOK)
	var found eventList
	if err := json.Unmarshal([]byte(got.text), &found); err != nil {
		b.Fatal(err)
	}
	return found
}

func (a *agent) happened(name string, from, to int64) {
	a.b.Helper()
	var events []fairlead.ExtensionEvent
	for sequence := from; sequence <= to; sequence++ {
		events = append(events, fairlead.ExtensionEvent{Extension: name, Sequence: sequence, Time: time.Now(), Level: "Information", Reason: "Applied", Message: "x"})
	}
	a.call(fairlead.OpExtensionEvents, events, nil)
}

func TestEventsComeInOrderOnceAndAreBounded(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	a.happened("demo", 1, 3)
	a.happened("demo", 2, 5) // the acknowledgement of the first was lost
	if got := b.events(a, 0); len(got.Value) != 5 || got.Value[0].Sequence != 1 || got.Next != 5 {
		t.Errorf("%+v", got)
	}
	if got := b.events(a, 3); len(got.Value) != 2 || got.Value[0].Sequence != 4 {
		t.Errorf("%+v", got)
	}
	a.happened("demo", 6, 700)
	if got := b.events(a, 0); got.Value[0].Sequence != 201 {
		t.Errorf("the oldest of 700 events is %d, want 500 kept", got.Value[0].Sequence)
	}
	a.happened("other", 1000, 1001)
	b.do(http.MethodGet, path(a, "other")+"/events"+version, "").want(http.StatusNotFound)
}

func TestAPollForEventsIsWokenByTheFirst(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	answers := make(chan eventList, 1)
	go func() { answers <- b.events(a, 0) }()
	select {
	case early := <-answers:
		t.Fatalf("the poll did not wait: %+v", early)
	case <-time.After(200 * time.Millisecond):
	}
	a.happened("demo", 1, 1)
	select {
	case got := <-answers:
		if len(got.Value) != 1 || got.Next != 1 {
			t.Errorf("%+v", got)
		}
	case <-time.After(5 * time.Second):
		t.Error("the event wakes nobody")
	}
}

func TestTypesAreFoundByLocationAndByCluster(t *testing.T) {
	b, a := demoBench(t)
	byCluster, byLocation := a.id.String()+kinds, subscription+"/providers/Microsoft.KubernetesConfiguration/locations/local/extensionTypes"
	for _, at := range []string{byCluster, byLocation} {
		if got := b.do(http.MethodGet, at+previews, "").want(http.StatusOK); !strings.Contains(got.text, `"contoso.demo"`) || strings.Contains(got.text, "oci://") {
			t.Errorf("%s", got.text)
		}
		b.do(http.MethodGet, at+"/Contoso.Demo"+previews, "").want(http.StatusOK).has("name", "contoso.demo", "properties.supportedScopes.defaultScope", "cluster",
			"properties.supportedScopes.clusterScopeSettings.defaultReleaseNamespace", "contoso",
			"properties.supportedScopes.clusterScopeSettings.properties.defaultReleaseNamespace", "contoso",
			"properties.supportedScopes.clusterScopeSettings.properties.allowMultipleInstances", "true")
		b.do(http.MethodGet, at+"/contoso.none"+previews, "").want(http.StatusNotFound)
		for query, want := range map[string]string{
			"&releaseTrain=stable": "1.1.0 1.0.0", "&releaseTrain=Stable&showLatest=true": "1.1.0", "&majorVersion=2": "2.0.0-rc.1",
			"&releaseTrain=preview": "2.0.0-rc.1 1.1.0 1.0.0 0.9.0",
		} {
			if got := b.versions(at + "/contoso.demo/versions" + previews + query); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		b.do(http.MethodGet, at+"/contoso.demo/versions/1.0.0"+previews, "").want(http.StatusOK).has("properties.version", "1.0.0",
			"properties.supportedClusterTypes", `["connectedClusters","managedClusters"]`)
		b.do(http.MethodGet, at+"/contoso.demo/versions/7.0.0"+previews, "").want(http.StatusNotFound)
	}
	b.do(http.MethodGet, kinds+previews, "").want(http.StatusOK)
}

func (b *bench) versions(path string) string {
	b.Helper()
	var found struct {
		Value []struct {
			Name string `json:"name"`
		} `json:"value"`
	}
	if err := json.Unmarshal([]byte(b.do(http.MethodGet, path, "").want(http.StatusOK).text), &found); err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, one := range found.Value {
		names = append(names, one.Name)
	}
	return strings.Join(names, " ")
}

func TestOnlyTheTenantsAdministratorsDecideOnCharts(t *testing.T) {
	b, a := demoBench(t)
	const contributor, stranger = "0b0e0000-0000-4000-8000-000000000004", "0b0e0000-0000-4000-8000-000000000005"
	for who, role := range map[string]string{contributor: access.KubernetesExtensions} {
		if err := b.checker.Assign(t.Context(), who, role, group); err != nil {
			t.Fatal(err)
		}
	}
	b.as(contributor, http.MethodPut, kinds+"/evil"+previews, `{"properties":{"chart":"oci://127.0.0.1/x"}}`).want(http.StatusForbidden)
	b.as(contributor, http.MethodPut, a.id.String()+kinds+"/evil"+previews, `{"properties":{"chart":"oci://127.0.0.1/x"}}`).want(http.StatusForbidden)
	b.do(http.MethodPut, a.id.String()+kinds+"/evil"+previews, `{"properties":{"chart":"oci://127.0.0.1/x"}}`).want(http.StatusMethodNotAllowed)
	b.as(contributor, http.MethodGet, a.id.String()+kinds+previews, "").want(http.StatusOK)
	b.as(contributor, http.MethodPut, one(a, "demo"), demo).want(http.StatusCreated)
	for method, at := range map[string]string{http.MethodGet: one(a, "demo"), http.MethodPut: one(a, "demo"), http.MethodDelete: one(a, "demo")} {
		b.as(stranger, method, at, demo).want(http.StatusForbidden)
	}
	b.as(stranger, http.MethodGet, path(a, "demo")+"/events"+version, "").want(http.StatusForbidden)
	b.as(stranger, http.MethodGet, a.id.String()+kinds+previews, "").want(http.StatusForbidden)
}

func TestBadTypesAreRefused(t *testing.T) {
	b := start(t)
	for name, c := range map[string]struct{ properties, says string }{
		"no chart":            {`{}`, "oci://HOST/PATH"},
		"plain HTTP":          {`{"chart":"http://charts.example.org","chartName":"x"}`, "https"},
		"credentials inside":  {`{"chart":"oci://me:secret@charts.example.org/x"}`, "without credentials"},
		"metadata":            {`{"chart":"https://169.254.169.254/latest","chartName":"x"}`, "not one of a registry"},
		"metadata in IPv6":    {`{"chart":"https://[::ffff:169.254.169.254]/latest","chartName":"x"}`, "not one of a registry"},
		"a bad range":         {`{"chart":"oci://charts.example.org/x","releaseTrains":{"stable":">>1"}}`, "cannot be read"},
		"a bad window":        {`{"chart":"oci://charts.example.org/x","upgrade":{"windows":[{"start":"2","duration":"1h"}]}}`, "start"},
		"a bundle that is no": {`{"chart":"oci://charts.example.org/x","caBundle":"x"}`, "caBundle"},
	} {
		got := b.do(http.MethodPut, kinds+"/contoso.x"+previews, `{"properties":`+c.properties+`}`).want(http.StatusBadRequest)
		if !strings.Contains(got.text, c.says) {
			t.Errorf("%s: %s, want it to say %q", name, got.text, c.says)
		}
	}
}

func TestCredentialsOfTypesAreNeverShown(t *testing.T) {
	b := start(t)
	b.push("1.0.0")
	b.register(`{"stable":"*"}`)
	patch := `{"properties":{"credentials":{"username":"reader","password":"p4ssw0rd-x"}}}`
	got := b.do(http.MethodPatch, kinds+"/contoso.demo"+previews, patch).want(http.StatusOK).has("properties.hasCredentials", "true", "properties.credentials", "null")
	if all := got.text + b.do(http.MethodGet, kinds+previews, "").text + b.log.String(); strings.Contains(all, "p4ssw0rd") {
		t.Error("the password is shown")
	}
	b.do(http.MethodPatch, kinds+"/contoso.demo"+previews, `{"properties":{"description":"x"}}`).has("properties.hasCredentials", "true")
	b.do(http.MethodPatch, kinds+"/contoso.demo"+previews, `{"properties":{"credentials":null}}`).has("properties.hasCredentials", "false")
}

// look does what the hub does every minute.
func (b *bench) look(at time.Time) {
	b.Helper()
	upgrader := &upgrade.Upgrader{
		Store: b.db, Service: b.service, Catalogue: b.catalogue, Change: b.api.Change, Now: func() time.Time { return at }, Log: b.service.Log,
	}
	b.catalogue.Clock = func() time.Time { return at }
	if err := upgrader.Look(b.Context()); err != nil {
		b.Error(err)
	}
}

func TestUpgradesGoThroughWavesAndStopAtAFailure(t *testing.T) {
	b := start(t)
	b.push("1.0.0")
	b.register(`{"stable":">=1.0.0"}`)
	b.do(http.MethodPatch, kinds+"/contoso.demo"+previews, `{"properties":{"upgrade":{"waves":[{"tag":"ring","value":"canary"}],"healthGate":"30m"}}}`).want(http.StatusOK)
	canary, broad := b.connectAs(clusters+"/canary", "?api-version=2024-01-01", `"ring":"canary"`), b.connect("broad")
	b.install(canary)
	before := b.install(broad)
	b.push("1.1.0", "2.0.0")
	now := time.Now().Add(time.Hour)
	b.look(now)
	is := func(version string) func(fairlead.Configuration, fairlead.ExtensionSpec) bool {
		return func(_ fairlead.Configuration, spec fairlead.ExtensionSpec) bool { return spec.Version == version }
	}
	_, spec := canary.spec(is("1.1.0"))
	if _, other := broad.spec(nil); other.Generation != before.Generation {
		t.Errorf("the second wave has begun: %+v", other)
	}
	b.look(now)
	canary.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.1.0", ReleaseRevision: 2})
	b.settled(canary, "demo", "Succeeded")
	b.look(time.Now().Add(time.Minute))
	if _, other := broad.spec(nil); other.Generation != before.Generation {
		t.Errorf("the second wave begins before the first has been well: %+v", other)
	}
	b.look(time.Now().Add(31 * time.Minute))
	_, spec = broad.spec(is("1.1.0"))
	broad.report(fairlead.ExtensionState{
		ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionFailed, CurrentVersion: "1.0.0", ReleaseRevision: 3,
		ErrorInfo: &fairlead.ExtensionError{Code: fairlead.CauseReadinessTimeout, Message: "not ready; revision 1 is restored"},
	})
	b.settled(broad, "demo", "Failed")
	b.look(time.Now().Add(time.Hour))
	_, spec = broad.spec(is("1.0.0"))
	broad.report(fairlead.ExtensionState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.0.0", ReleaseRevision: 3})
	b.settled(broad, "demo", "Succeeded")
	if got := b.do(http.MethodGet, one(broad, "demo"), ""); !strings.Contains(got.text, "UpgradeHeldBack") || !strings.Contains(got.text, "1.1.0") {
		t.Errorf("%s", got.text)
	}
	b.look(time.Now().Add(2 * time.Hour))
	if _, other := broad.spec(nil); other.Version != "1.0.0" {
		t.Errorf("the version that failed is tried again: %+v", other)
	}
	b.push("1.1.1")
	b.look(time.Now().Add(3 * time.Hour))
	canary.spec(is("1.1.1"))
}

// settled waits until an extension is shown in a state, after its operation.
func (b *bench) settled(a *agent, name, state string) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if b.do(http.MethodGet, one(a, name), "").document.Text("properties.provisioningState") == state {
			return
		}
	}
	b.Fatalf("%s is not shown as %s", name, state)
}

func TestPinnedExtensionsStay(t *testing.T) {
	b := start(t)
	b.push("1.0.0")
	b.register(`{"stable":"*"}`)
	a := b.connect("edge-1")
	accepted := b.do(http.MethodPut, one(a, "demo"), `{"properties":{"extensionType":"contoso.demo","version":"1.0.0","autoUpgradeMinorVersion":false}}`).want(http.StatusCreated)
	_, before := a.spec(nil)
	a.report(fairlead.ExtensionState{ObservedGeneration: before.Generation, ProvisioningState: fairlead.ExtensionSucceeded, CurrentVersion: "1.0.0"})
	b.ended(accepted).has("status", "Succeeded")
	b.push("1.1.0")
	b.look(time.Now().Add(time.Hour))
	if _, now := a.spec(nil); now.Generation != before.Generation {
		t.Errorf("%+v", now)
	}
}

func TestManagedClustersHaveExtensionsToo(t *testing.T) {
	b := start(t)
	b.push("1.0.0")
	b.register(`{"stable":"*"}`)
	a := b.connectAs(group+"/providers/Microsoft.ContainerService/managedClusters/aks-1", "?api-version=2024-09-01", "")
	if !strings.Contains(fairlead.DataPlanePath(a.id, "x"), "/provider/managedclusters/clusters/aks-1/x") {
		t.Error(fairlead.DataPlanePath(a.id, "x"))
	}
	b.install(a)
	b.do(http.MethodGet, one(a, "demo"), "").want(http.StatusOK).has("properties.provisioningState", "Succeeded")
}

func TestCountsAreShown(t *testing.T) {
	b, a := demoBench(t)
	b.install(a)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(extension.Metrics{Service: b.service})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			for _, label := range metric.GetLabel() {
				if family.GetName() == "fairlead_hub_extension_operations_total" && label.GetValue() == "succeeded" && metric.GetCounter().GetValue() == 1 {
					return
				}
			}
		}
	}
	t.Errorf("no operation that succeeded is counted: %v", families)
}
