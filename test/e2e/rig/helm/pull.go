package helm

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"

	"helm.sh/helm/v4/pkg/registry"
)

// Pull is helm pull: it puts a chart of a registry, HOST/PATH:VERSION, into folder and returns its file.
func Pull(client *http.Client, reference, folder string) (string, error) {
	puller, err := registry.NewClient(registry.ClientOptHTTPClient(client))
	if err != nil {
		return "", fmt.Errorf("prepare to pull: %w", err)
	}
	pulled, err := puller.Pull(reference)
	if err != nil {
		return "", fmt.Errorf("pull chart %s: %w", reference, err)
	}
	file := filepath.Join(folder, pulled.Chart.Meta.Name+"-"+pulled.Chart.Meta.Version+".tgz")
	return file, os.WriteFile(file, pulled.Chart.Data, 0o600)
}
