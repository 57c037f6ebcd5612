package clustertest_test

import (
	"archive/tar"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"testing"

	"github.com/fairlead/fairlead/test/cluster/clustertest"
	"github.com/fairlead/fairlead/test/cluster/pki"
)

// pullsFromTrustedRegistry shows that a node pulls by a name it has never heard of before, over TLS that only the test vouches for.
func pullsFromTrustedRegistry(t *testing.T, c *clustertest.Cluster) {
	ca, err := pki.NewAuthority("registry-ca")
	if err != nil {
		t.Fatal(err)
	}
	port := serveRegistry(t, c.HostAddress, ca, probeTar(t, probeImage))
	registry := net.JoinHostPort("registry.fairlead.test", port)
	pull := []string{"run", "pulled", "--image=" + registry + "/probe:1", "--restart=Never"}
	if err := c.TrustRegistry(registry, ca.Pair().Certificate); err != nil {
		t.Fatal(err)
	}
	kubectl(t, c, pull...)
	kubectl(t, c, "wait", "pod/pulled", "--for=condition=Ready", "--timeout=30s")
	kubectl(t, c, "delete", "pod", "pulled", "--grace-period=0", "--force")
	c.RemoveImage(registry + "/probe:1")
}

// serveRegistry serves the image of a tar file, and nothing else, on the host's side of the link.
func serveRegistry(t *testing.T, address string, ca *pki.Authority, packed string) string {
	t.Helper()
	pair, err := ca.Issue(pki.Subject{User: "registry", Hosts: []string{"registry.fairlead.test"}})
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", net.JoinHostPort(address, "0"), &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: newBlobs(t, packed)}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

// blobs is a registry with one image: contents by digest, and the manifest under its tag as well.
type blobs map[string][]byte

func newBlobs(t *testing.T, packed string) blobs {
	t.Helper()
	file, err := os.Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	all, parts := blobs{}, map[string]any{}
	for archive := tar.NewReader(file); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		parts[header.Name] = map[string]any{"digest": all.add(content), "size": len(content), "mediaType": map[string]string{"layer.tar": layerType, "config.json": configType}[header.Name]}
	}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": manifestType, "config": parts["config.json"], "layers": []any{parts["layer.tar"]}})
	if err != nil {
		t.Fatal(err)
	}
	all.add(manifest)
	all["1"] = manifest
	return all
}

func (b blobs) add(content []byte) string {
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	b[digest] = content
	return digest
}

func (b blobs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, ok := b[path.Base(r.URL.Path)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if path.Base(path.Dir(r.URL.Path)) == "manifests" {
		sum := sha256.Sum256(content)
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", "sha256:"+hex.EncodeToString(sum[:]))
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(content)))
	if r.Method != http.MethodHead {
		_, _ = w.Write(content)
	}
}
