package agent_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead"
)

// repository serves one chart, whose one object shows a protected setting.
func repository(t *testing.T) *httptest.Server {
	t.Helper()
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	archive := tar.NewWriter(compressed)
	for name, text := range map[string]string{
		"web/Chart.yaml":          "apiVersion: v2\nname: web\nversion: 1.0.0\n",
		"web/templates/note.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web-note}\ndata: {given: {{ .Values.db.password | sha256sum | quote }}}\n",
	} {
		if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/index.yaml" {
			_, _ = w.Write([]byte("apiVersion: v1\nentries:\n  web:\n  - version: 1.0.0\n    urls: [web-1.0.0.tgz]\n"))
			return
		}
		_, _ = w.Write(packed.Bytes())
	}))
	t.Cleanup(server.Close)
	return server
}

// seal encrypts settings to the certificate that the cluster has now.
func (c *cluster) seal(settings map[string]string) string {
	c.t.Helper()
	certificate := c.identity()
	encrypter, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: jose.ECDH_ES_A256KW, Key: certificate.PublicKey}, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := json.Marshal(settings)
	if err != nil {
		c.t.Fatal(err)
	}
	sealed, err := encrypter.Encrypt(text)
	if err != nil {
		c.t.Fatal(err)
	}
	compact, err := sealed.CompactSerialize()
	if err != nil {
		c.t.Fatal(err)
	}
	return compact
}

// identity is the certificate that the cluster has now.
func (c *cluster) identity() *x509.Certificate {
	c.t.Helper()
	text, err := base64.StdEncoding.DecodeString(c.get(identitySecret)["data"].(map[string]any)["tls.crt"].(string))
	if err != nil {
		c.t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		c.t.Fatal(err)
	}
	return certificate
}

// offer makes the hub want an extension.
func (h *hub) offer(spec fairlead.ExtensionSpec, change func(*fairlead.Configuration)) {
	h.t.Helper()
	text, err := json.Marshal(spec)
	if err != nil {
		h.t.Fatal(err)
	}
	one := fairlead.Configuration{APIVersion: fairlead.ExtensionConfigVersion, Kind: fairlead.ExtensionConfigKind, Name: "web", Spec: text}
	change(&one)
	h.set(func(h *hub) { h.more = []fairlead.Configuration{one} })
}

func (h *hub) reported(state string, generation int64) func(*hub) bool {
	return func(h *hub) bool {
		return slices.ContainsFunc(h.reports, func(r fairlead.ExtensionReport) bool {
			return r.Name == "web" && r.State.ProvisioningState == state && r.State.ObservedGeneration == generation && !r.Unknown
		})
	}
}

// From the hub's wish to its report and back again, each agent with the rights that the chart gives it.
func TestAnExtensionGoesFromTheHubToTheClusterAndBack(t *testing.T) {
	for _, profile := range []string{"standard", "edge"} {
		t.Run(profile, func(t *testing.T) {
			h := newHub(t, "extensions-"+profile)
			c := newCluster(t, h, profile)
			logs := c.startForExtensions(profile)
			h.eventually("a certificate", 20*time.Second, func(h *hub) bool { return h.issued > 0 })
			eventually(t, "is stored", 10*time.Second, func() bool { return c.get(identitySecret) != nil })
			spec := fairlead.ExtensionSpec{
				Generation: 1, ExtensionType: "test.web", Version: "1.0.0", ReleaseName: "web", ReleaseNamespace: "web-space",
				Chart:             fairlead.ExtensionChart{Repository: repository(t).URL, Name: "web"},
				ProtectedSettings: &fairlead.ProtectedSettings{SecretName: "extension-settings-web", Hash: "h1"},
			}
			installs(h, c, spec)
			spec.Generation = 2
			deletes(h, c, spec)
			spec.Generation = 3
			isForgotten(h, c, spec)
			c.delete("/api/v1/namespaces/web-space")
			c.eventuallyGone("/api/v1/namespaces/web-space")
			for _, log := range logs {
				if strings.Contains(log.String(), "swordfish") {
					t.Error("a log holds a protected setting")
				}
			}
		})
	}
}

// startForExtensions starts what extensions need, as the profile has it, and returns the logs.
func (c *cluster) startForExtensions(profile string) []*safeBuffer {
	agents := []string{fairlead.ClusterIdentityOperator, fairlead.ConfigAgent, fairlead.ExtensionManager, fairlead.ExtensionEvents}
	if profile == "edge" {
		log, _ := c.start(fairlead.EdgeAgent, agents...)
		return []*safeBuffer{log}
	}
	var logs []*safeBuffer
	for _, name := range agents {
		log, _ := c.start(name, name)
		logs = append(logs, log)
	}
	return logs
}

const webNote = "/api/v1/namespaces/web-space/configmaps/web-note"

const registrySecret = namespacePath + "/secrets/extension-registry-web"

// secretly gives an extension its protected setting, and credentials for a registry.
func secretly(c *cluster) func(*fairlead.Configuration) {
	return func(one *fairlead.Configuration) {
		one.Protected = c.seal(map[string]string{"db.password": "swordfish-17"})
		one.Registry = &fairlead.RegistryCredentials{Hash: "r1", Sealed: c.seal(map[string]string{
			fairlead.RegistryHost: "charts.example.org:443", fairlead.RegistryUsername: "reader", fairlead.RegistryPassword: "swordfish-18",
		})}
	}
}

func installs(h *hub, c *cluster, spec fairlead.ExtensionSpec) {
	h.t.Helper()
	asked := time.Now()
	h.offer(spec, secretly(c))
	h.eventually("installed", 30*time.Second, h.reported(fairlead.ExtensionSucceeded, spec.Generation))
	h.t.Logf("from the hub's wish to its report: %s", time.Since(asked).Round(time.Millisecond))
	if got := c.field(webNote, "data.given"); got != "29c27c20db2454b9fcfa21de59c0ac3cbee89634a43a2df60d83af6fde3c8208" {
		h.t.Errorf("the protected setting arrived as %q", got)
	}
	if got := c.field(registrySecret, "data.password"); got != "c3dvcmRmaXNoLTE4" {
		h.t.Errorf("the password for the registry arrived as %q", got)
	}
	h.eventually("events of it, in order", 10*time.Second, func(h *hub) bool {
		return slices.IsSortedFunc(h.events, func(a, b fairlead.ExtensionEvent) int { return int(a.Sequence - b.Sequence) }) &&
			slices.ContainsFunc(h.events, func(e fairlead.ExtensionEvent) bool { return e.Extension == "web" && e.Reason == "Ready" })
	})
}

func deletes(h *hub, c *cluster, spec fairlead.ExtensionSpec) {
	h.t.Helper()
	h.offer(spec, func(one *fairlead.Configuration) { one.Deleted = true })
	h.eventually("gone", 30*time.Second, h.reported(fairlead.ExtensionGone, spec.Generation))
	if c.get(webNote) != nil || c.get(namespacePath+"/secrets/extension-settings-web") != nil || c.get(registrySecret) != nil {
		h.t.Error("something is left")
	}
}

func isForgotten(h *hub, c *cluster, spec fairlead.ExtensionSpec) {
	h.t.Helper()
	h.offer(spec, secretly(c))
	h.eventually("installed again", 30*time.Second, h.reported(fairlead.ExtensionSucceeded, spec.Generation))
	h.offer(spec, func(one *fairlead.Configuration) { one.Deleted, one.Orphan = true, true })
	h.eventually("forgotten", 30*time.Second, h.reported(fairlead.ExtensionGone, spec.Generation))
	if c.get(registrySecret) != nil {
		h.t.Error("credentials are left after a forced deletion")
	}
	if c.get(webNote) == nil {
		h.t.Error("a forced deletion has uninstalled")
	}
}
