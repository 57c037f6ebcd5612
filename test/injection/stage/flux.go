package stage

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The release of Flux and its namespace.
const (
	FluxRelease   = "flux"
	FluxNamespace = "flux-system"
)

// FluxDefinitions are the definitions of the objects of Flux that a person writes.
func FluxDefinitions() string {
	return strings.Join([]string{
		Definition("gitrepositories", "GitRepository", "source.toolkit.fluxcd.io", "v1"),
		Definition("ocirepositories", "OCIRepository", "source.toolkit.fluxcd.io", "v1beta2"),
		Definition("helmrepositories", "HelmRepository", "source.toolkit.fluxcd.io", "v1"),
		Definition("buckets", "Bucket", "source.toolkit.fluxcd.io", "v1beta2"),
		Definition("kustomizations", "Kustomization", "kustomize.toolkit.fluxcd.io", "v1"),
		Definition("helmreleases", "HelmRelease", "helm.toolkit.fluxcd.io", "v2"),
	}, "---\n")
}

// StoreRaw writes an object into etcd past the API server, which would refuse it. A pod in the node's network does it: etcd listens nowhere
// else.
func (s *Stage) StoreRaw(ctx context.Context, key string, object any) error {
	value, err := json.Marshal(object)
	if err != nil {
		return fmt.Errorf("write an object past the API server: %w", err)
	}
	encoded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	body, err := json.Marshal(map[string]string{"key": encoded(key), "value": encoded(string(value))})
	if err != nil {
		return fmt.Errorf("write an object past the API server: %w", err)
	}
	args := []string{"post", "https://127.0.0.1:2379/v3/kv/put"}
	for _, name := range []string{"apiserver.crt", "apiserver.key", "ca.crt"} {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(s.Cluster.Kubeconfig), "pki", name)) //nolint:gosec // keys of the test's own cluster
		if err != nil {
			return fmt.Errorf("read the keys of etcd: %w", err)
		}
		args = append(args, string(text))
	}
	pod, err := json.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]string{"name": "store-raw", "namespace": "default"},
		"spec": map[string]any{
			"hostNetwork": true, "restartPolicy": "Never", "automountServiceAccountToken": false,
			"containers": []map[string]any{{"name": "store", "image": Image, "args": append(args, string(body))}},
		},
	})
	if err != nil {
		return fmt.Errorf("write an object past the API server: %w", err)
	}
	if err := s.Renew(ctx, string(pod)); err != nil {
		return err
	}
	out, err := s.Cluster.Kubectl(ctx, "wait", "pod/store-raw", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s")
	if err != nil {
		said, _ := s.Cluster.Kubectl(ctx, "logs", "store-raw") // only for the message
		return fmt.Errorf("write an object past the API server: %w\n%s\n%s", err, out, said)
	}
	_, err = s.Cluster.Kubectl(ctx, "delete", "pod", "store-raw", "--force", "--grace-period=0")
	return err
}
