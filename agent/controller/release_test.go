package controller

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func stored(t testing.TB, manifest string) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"name": "azure-arc", "manifest": manifest})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(packed.Bytes()))
}

const manifest = `---
# Source: azure-arc-k8sagents/templates/agents.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: config-agent, namespace: azure-arc}
spec: {replicas: 1}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: note, namespace: azure-arc}
data: {text: "kind: Deployment"}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: other, namespace: elsewhere}
`

func TestDeploymentsOfARelease(t *testing.T) {
	found, err := deployments(corev1.Secret{Data: map[string][]byte{"release": stored(t, manifest)}}, "azure-arc")
	if err != nil {
		t.Fatal(err)
	}
	if names := slices.Collect(maps.Keys(found)); !slices.Equal(names, []string{"config-agent"}) {
		t.Errorf("found %q, want config-agent alone: neither text in a ConfigMap nor another namespace is ours", names)
	}
}

func TestDamagedReleasesAreErrors(t *testing.T) {
	good := stored(t, manifest)
	for name, data := range map[string][]byte{
		"Empty": nil, "NotBase64": []byte("%%"), "NotGzip": []byte(base64.StdEncoding.EncodeToString([]byte("x"))), "CutOff": good[:len(good)/2],
	} {
		if _, err := deployments(corev1.Secret{Data: map[string][]byte{"release": data}}, "azure-arc"); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestAReleaseThatUnpacksTooFarIsRefused(t *testing.T) {
	if _, err := manifestOf(stored(t, strings.Repeat("a", maxRelease+1))); err == nil {
		t.Error("a release of any size is unpacked")
	}
}

func TestNewestRevisionDecides(t *testing.T) {
	secret := func(version, status string) metadata {
		return metadata{ObjectMeta: metav1.ObjectMeta{Name: "v" + version, Labels: map[string]string{"version": version, "status": status}}}
	}
	cases := map[string]struct {
		reason     string
		all        []metadata
		name       string
		repairable bool
	}{
		"Deployed":     {"at rest", []metadata{secret("1", "deployed")}, "v1", true},
		"Upgrading":    {"Helm works on it", []metadata{secret("1", "deployed"), secret("2", "pending-upgrade")}, "v2", false},
		"Tenth":        {"revisions are numbers, not words", []metadata{secret("9", "superseded"), secret("10", "deployed")}, "v10", true},
		"Uninstalling": {"what disappears is meant to", []metadata{secret("1", "uninstalling")}, "v1", false},
		"Installing":   {"not all is there yet", []metadata{secret("1", "pending-install")}, "v1", false},
		"Failed":       {"a time-out of the client; the agents are wanted all the same", []metadata{secret("1", "failed")}, "v1", true},
		"None":         {"uninstalled", nil, "", false},
		"Foreign":      {"not a release", []metadata{secret("new", "deployed")}, "", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, found := newest(c.all)
			if got.name != c.name || found != (c.name != "") || got.repairable() != c.repairable {
				t.Errorf("%s: %+v", c.reason, got)
			}
		})
	}
}

func FuzzManifestOf(f *testing.F) {
	f.Add(stored(f, manifest))
	f.Add([]byte("H4sIAAAAAAAA"))
	f.Fuzz(func(t *testing.T, data []byte) {
		text, err := manifestOf(data)
		if err != nil && text != "" {
			t.Error("text with an error")
		}
	})
}
