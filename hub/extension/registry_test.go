package extension_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// lend registers the extension type with credentials of that password, as properties have them besides.
func (b *bench) lend(password, more string) answer {
	b.Helper()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.charts.Certificate().Raw}))
	body, err := json.Marshal(map[string]any{"properties": map[string]any{"chart": b.chart(), "caBundle": ca}})
	if err != nil {
		b.Fatal(err)
	}
	given := ""
	if password != "" {
		given = `,"credentials":{"username":"reader","password":"` + password + `"}`
	}
	return b.do(http.MethodPut, kinds+"/contoso.demo"+previews, strings.TrimSuffix(string(body), "}}")+given+more+"}}")
}

const forClusters = `,"credentialsForClusters":true`

// chart is where the demo's chart is.
func (b *bench) chart() string {
	return "oci://" + strings.TrimPrefix(b.charts.URL, "https://") + "/charts/demo"
}

// elsewhere is where the same chart is at another port.
func (b *bench) elsewhere() string {
	b.Helper()
	other := httptest.NewTLSServer(b.charts.Config.Handler)
	b.Cleanup(other.Close)
	return "oci://" + strings.TrimPrefix(other.URL, "https://") + "/charts/demo"
}

// let reads the credentials that a cluster gets with an extension, as its agent does; nil when it gets none.
func (a *agent) let(one fairlead.Configuration) map[string]string {
	a.b.Helper()
	if one.Registry == nil {
		return nil
	}
	parsed, err := jose.ParseEncryptedCompact(one.Registry.Sealed, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM})
	if err != nil {
		a.b.Fatal(err)
	}
	text, err := parsed.Decrypt(a.key)
	if err != nil {
		a.b.Fatal(err)
	}
	given := map[string]string{}
	if err := json.Unmarshal(text, &given); err != nil {
		a.b.Fatal(err)
	}
	return given
}

// lentBench is a hub whose extension type has credentials that clusters get, with a cluster that has an extension of it.
func lentBench(t *testing.T) (*bench, *agent) {
	t.Helper()
	b := start(t)
	b.push("1.0.0")
	b.lend("first-p4ss", forClusters).want(http.StatusCreated).has("properties.credentialsForClusters", "true", "properties.hasCredentials", "true")
	a := b.connect("edge-1")
	b.do(http.MethodPut, one(a, "demo"), `{"properties":{"extensionType":"contoso.demo"}}`).want(http.StatusCreated)
	return b, a
}

func TestACredentialReachesTheClustersThatNeedItAlone(t *testing.T) {
	b, a := lentBench(t)
	told, spec := a.spec(nil)
	want := map[string]string{"host": strings.TrimPrefix(b.charts.URL, "https://"), "username": "reader", "password": "first-p4ss"}
	if got := a.let(told); len(got) != len(want) || got["host"] != want["host"] || got["username"] != want["username"] || got["password"] != want["password"] {
		t.Errorf("the cluster gets %q, want %q", got, want)
	}
	if spec.Generation == 0 || strings.Contains(string(told.Spec), "first-p4ss") || strings.Contains(string(told.Spec), told.Registry.Hash) {
		t.Errorf("spec %s", told.Spec)
	}
	other := b.connect("edge-2")
	if got := other.pending(); len(got) > 0 {
		t.Errorf("a cluster without the extension is told %+v", got)
	}
	b.do(http.MethodDelete, one(a, "demo"), "").want(http.StatusAccepted)
	if gone, _ := a.spec(func(one fairlead.Configuration, _ fairlead.ExtensionSpec) bool { return one.Deleted }); gone.Registry != nil {
		t.Error("the cluster gets them with an extension that is to go")
	}
}

func TestCredentialsForClustersAreNeverShown(t *testing.T) {
	b, a := lentBench(t)
	told, _ := a.spec(nil)
	kind := "/contoso.demo" + previews
	seen := b.log.String()
	for _, at := range []string{
		kinds + kind, kinds + previews, a.id.String() + kinds + kind, a.id.String() + kinds + previews, a.id.String() + kinds + "/contoso.demo/versions" + previews,
		subscription + "/providers/Microsoft.KubernetesConfiguration/locations/local/extensionTypes" + previews,
		one(a, "demo"), path(a, "") + version, subscription + "/resources?api-version=2022-09-01",
	} {
		seen += b.do(http.MethodGet, strings.Replace(at, "/extensions/?", "/extensions?", 1), "").want(http.StatusOK).text
	}
	for _, secret := range []string{"first-p4ss", told.Registry.Hash, "lentHash"} {
		if strings.Contains(seen, secret) {
			t.Errorf("%s is shown", secret)
		}
	}
	stored, err := b.db.ListResources(t.Context(), store.Query{})
	if err != nil || len(stored) == 0 {
		t.Fatal(err)
	}
	for _, one := range stored {
		if strings.Contains(string(one.Body), "first-p4ss") {
			t.Errorf("%s holds the password in clear", one.Key)
		}
	}
}

// Without a new generation, so that nothing is installed anew for it.
func TestAnotherPasswordReachesClustersWithTheirNextConfiguration(t *testing.T) {
	b, a := lentBench(t)
	before, spec := a.spec(nil)
	b.lend("second-p4ss", forClusters).want(http.StatusOK)
	told := a.pending()["demo"]
	if got := a.let(told); got["password"] != "second-p4ss" || told.Registry.Hash == before.Registry.Hash || string(told.Spec) != string(before.Spec) {
		t.Errorf("generation %d: the cluster gets %q with %s", spec.Generation, got, told.Spec)
	}
	b.do(http.MethodPatch, kinds+"/contoso.demo"+previews, `{"properties":{"description":"x"}}`).want(http.StatusOK)
	a.etag = ""
	if same := a.pending()["demo"]; same.Registry == nil || same.Registry.Hash != told.Registry.Hash {
		t.Error("what has nothing to do with the credentials looks like other ones")
	}
}

func TestClustersLoseCredentials(t *testing.T) {
	for reason, end := range map[string]func(b *bench){
		"it is asked for": func(b *bench) { b.patchType(`{"credentialsForClusters":false}`) },
		"they are gone":   func(b *bench) { b.patchType(`{"credentials":null}`) },
		"the type says no more of it, and keeps them for the hub": func(b *bench) { b.lend("", "").want(http.StatusOK).has("properties.hasCredentials", "true") },
		"they are for the chart that was": func(b *bench) {
			b.patchType(`{"chart":"` + b.elsewhere() + `"}`)
		},
		"the type is gone": func(b *bench) {
			b.do(http.MethodDelete, kinds+"/contoso.demo"+previews+"&forceDelete=true", "").want(http.StatusOK, http.StatusAccepted)
			b.goes(kinds + "/contoso.demo" + previews)
		},
	} {
		t.Run(reason, func(t *testing.T) {
			b, a := lentBench(t)
			if told, _ := a.spec(nil); a.let(told) == nil {
				t.Fatal("the cluster does not get them in the first place")
			}
			end(b)
			if told, found := a.pending()["demo"]; !found || told.Registry != nil {
				t.Errorf("the cluster is told %+v", told.Registry)
			}
		})
	}
}

func (b *bench) patchType(properties string) {
	b.Helper()
	b.do(http.MethodPatch, kinds+"/contoso.demo"+previews, `{"properties":`+properties+`}`).want(http.StatusOK).has("properties.credentialsForClusters", "false")
}

// The type's chart is elsewhere now, with credentials for there. The extension still has the version that it had.
func TestCredentialsAreForTheHostForWhichTheyWereGiven(t *testing.T) {
	b, a := lentBench(t)
	b.do(http.MethodPatch, kinds+"/contoso.demo"+previews,
		`{"properties":{"chart":"`+b.elsewhere()+`","credentials":{"username":"a","password":"third-p4ss"},"credentialsForClusters":true}}`).
		want(http.StatusOK).has("properties.credentialsForClusters", "true")
	if told, _ := a.spec(nil); told.Registry != nil {
		t.Error("the cluster gets credentials that are for another host")
	}
}

func TestCredentialsForClustersAreRefused(t *testing.T) {
	b := start(t)
	b.push("1.0.0")
	for reason, c := range map[string]struct{ properties, says string }{
		"there are none":     {`{"chart":"` + b.chart() + `","credentialsForClusters":true}`, "credentials"},
		"not over TLS":       {`{"chart":"http://charts.example.org/x","chartName":"x","credentials":{"username":"a","password":"hush"},"credentialsForClusters":true}`, "https"},
		"a word is no truth": {`{"chart":"` + b.chart() + `","credentialsForClusters":"yes","credentials":{"username":"a","password":"hush"}}`, "credentialsForClusters"},
		"another case":       {`{"chart":"` + b.chart() + `","Credentials":{"username":"a","password":"hush"}}`, "case matters"},
	} {
		got := b.do(http.MethodPut, kinds+"/contoso.x"+previews, `{"properties":`+c.properties+`}`).want(http.StatusBadRequest)
		if !strings.Contains(got.text, c.says) || strings.Contains(got.text, "hush") {
			t.Errorf("%s: %s, want it to say %q", reason, got.text, c.says)
		}
	}
}
