package contract_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

// publicKeyOf returns a key as connect sends it: base64 of the DER of PKCS#1.
func publicKeyOf(t *testing.T) string {
	t.Helper()
	made, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&made.PublicKey))
}

// pushHelm puts helm into the hub as an administrator does who signs in with a service principal.
func (r *replay) pushHelm(t *testing.T) {
	t.Helper()
	r.values["chartVersion"] = fairlead.Version
	var archive bytes.Buffer
	zipped := gzip.NewWriter(&archive)
	files := tar.NewWriter(zipped)
	if err := files.WriteHeader(&tar.Header{Name: "linux-amd64/helm", Mode: 0o755, Size: 4}); err != nil {
		t.Fatal(err)
	}
	if _, err := files.Write([]byte("helm")); err != nil {
		t.Fatal(err)
	}
	if files.Close() != nil || zipped.Close() != nil {
		t.Fatal("cannot pack")
	}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{
		Layer:       static.NewLayer(archive.Bytes(), types.OCIUncompressedLayer),
		Annotations: map[string]string{"org.opencontainers.image.title": "helm-v3.20.1-linux-amd64.tar.gz"},
	})
	if err != nil {
		t.Fatal(err)
	}
	at, err := name.ParseReference(images + "." + domain + ":" + r.port + "/azurearck8s/helm:helm-v3.20.1-linux-amd64")
	if err != nil {
		t.Fatal(err)
	}
	credential := &authn.Basic{Username: r.values["app"], Password: r.values["secret"]}
	if err := remote.Write(at, image, remote.WithAuth(credential), remote.WithTransport(r.http.Transport)); err != nil {
		t.Fatal(err)
	}
}

func audience(t *testing.T, got *exchange) {
	t.Helper()
	audiences, _ := got.at("authentication.audiences").([]any)
	if len(audiences) == 0 || audiences[0] != got.word("resourceManager") {
		t.Errorf("audiences %v", audiences)
	}
}

func array(t *testing.T, got *exchange) {
	t.Helper()
	var clouds []map[string]any
	if err := json.Unmarshal([]byte(got.text), &clouds); err != nil || len(clouds) == 0 || clouds[0]["suffixes"] == nil {
		t.Errorf("%v: %s", err, got.text)
	}
}

func subscription(t *testing.T, got *exchange) {
	t.Helper()
	entries, _ := got.at("value").([]any)
	if len(entries) == 0 {
		t.Fatal("no subscription")
	}
	first, _ := entries[0].(map[string]any)
	got.values["sub"], _ = first["subscriptionId"].(string)
	if first["state"] != "Enabled" {
		t.Errorf("state %v: az leaves others out", first["state"])
	}
}

// clusterDocument is what connect, update and enable-features read of a cluster.
func clusterDocument(t *testing.T, got *exchange) {
	t.Helper()
	has("id", "name", "type", "location", "identity.principalId", "identity.tenantId", "properties.provisioningState",
		"properties.connectivityStatus", "properties.privateLinkState")(t, got)
	equals("properties.infrastructure", "None")(t, got)
	if strings.Contains(got.text, "protectedSettings") {
		t.Errorf("protected settings: %s", got.text)
	}
}

// settled wants an answer that az does not poll after.
func settled(t *testing.T, got *exchange) {
	t.Helper()
	if got.header.Get("Azure-Asyncoperation") != "" || got.header.Get("Location") != "" {
		t.Errorf("PATCH is not long-running: %v", got.header)
	}
}

func placeholders(t *testing.T, got *exchange) {
	t.Helper()
	values, _ := got.at("helmValuesContent").(map[string]any)
	for name, want := range map[string]string{"global.httpsProxy": "redacted:proxy:https_proxy", "global.noProxy": "redacted:proxy:no_proxy"} {
		if values[name] != want {
			t.Errorf("%s is %v, want the placeholder %s", name, values[name], want)
		}
	}
}

// repositoryPath wants HOST/PATH/azure-arc-k8sagents:VERSION on the registry's host.
func repositoryPath(t *testing.T, got *exchange) {
	t.Helper()
	path := got.word("repositoryPath")
	if !strings.HasPrefix(path, images+"."+domain) || !strings.HasSuffix(path, "/azure-arc-k8sagents:"+fairlead.Version) || strings.Contains(path, "/v2/") {
		t.Errorf("repositoryPath %q: az puts v2/ before the last element by itself", path)
	}
}

func layerOf(t *testing.T, got *exchange) v1.Descriptor {
	t.Helper()
	var manifest v1.Manifest
	if err := json.Unmarshal([]byte(got.text), &manifest); err != nil || len(manifest.Layers) != 1 {
		t.Fatalf("want one layer: %v %s", err, got.text)
	}
	got.values["layer"] = manifest.Layers[0].Digest.String()
	return manifest.Layers[0]
}

func chartLayer(t *testing.T, got *exchange) {
	t.Helper()
	if layer := layerOf(t, got); layer.MediaType != "application/vnd.cncf.helm.chart.content.v1.tar+gzip" {
		t.Errorf("layer is a %s", layer.MediaType)
	}
	if got.header.Get("Docker-Content-Digest") == "" {
		t.Error("no digest")
	}
}

func helmLayer(t *testing.T, got *exchange) {
	t.Helper()
	layer := layerOf(t, got)
	if layer.MediaType == types.OCILayer {
		t.Error("oras would unpack the layer, and az would miss the archive")
	}
	if title := layer.Annotations["org.opencontainers.image.title"]; title != "helm-v3.20.1-linux-amd64.tar.gz" {
		t.Errorf("title %q", title)
	}
}

// credential wants what az hands to its program: four strings, a time, and a kubeconfig in which it finds its way around.
func credential(t *testing.T, got *exchange) {
	t.Helper()
	status(http.StatusOK)(t, got)
	has("hybridConnectionConfig.relayTid", "hybridConnectionConfig.relayType", "hybridConnectionConfig.token")(t, got)
	equals("hybridConnectionConfig.relay", "https://"+domain+":{port}")(t, got)
	equals("hybridConnectionConfig.hybridConnectionName", cc)(t, got)
	expires, _ := got.at("hybridConnectionConfig.expirationTime").(float64)
	if left := time.Until(time.Unix(int64(expires), 0)); left < 10*time.Minute || left > 2*time.Hour {
		t.Errorf("the token is good for %s", left)
	}
	list, _ := got.at("kubeconfigs").([]any)
	if len(list) == 0 {
		t.Fatalf("no kubeconfig in %s", got.text)
	}
	first, _ := list[0].(map[string]any)
	text, _ := first["value"].(string)
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || first["name"] == "" {
		t.Fatalf("%v in %v", err, first)
	}
	var config struct {
		Clusters []struct {
			Name    string
			Cluster struct {
				Server    string
				Authority string `json:"certificate-authority-data"` //nolint:tagliatelle // kubectl's word
			}
		}
		Users    []struct{ Name string }
		Contexts []struct{ Name string }
		Current  string `json:"current-context"` //nolint:tagliatelle // kubectl's word
	}
	if err := yaml.Unmarshal(decoded, &config); err != nil || len(config.Clusters) != 1 || len(config.Users) != 1 || len(config.Contexts) != 1 ||
		config.Current != config.Contexts[0].Name || strings.HasPrefix(config.Users[0].Name, "clusterAdmin") {
		t.Fatalf("%v in %s", err, decoded)
	}
	if server := config.Clusters[0].Cluster.Server; server != got.fill("https://"+domain+":{port}/kubernetes"+cc) || config.Clusters[0].Cluster.Authority == "" {
		t.Errorf("server %s in %s", server, decoded)
	}
}
