package collect

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead/fairlead/doctor/redact"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	azTimeout  = 20 * time.Second // az takes seconds to begin
	maxAzBytes = 1 << 20
)

// Machine writes down what this machine has that onboarding with az uses: az itself and its extensions, its kubectl, proxies.
func Machine(ctx context.Context, client *snapshot.Client, secrets *redact.Redactor, env func(string) string) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"} {
		if value := env(name); value != "" {
			if client.Proxies == nil {
				client.Proxies = map[string]string{}
			}
			client.Proxies[name] = secrets.Value(name, value)
		}
	}
	home, _ := os.UserHomeDir() // without one the folders below are not there
	client.KubectlClient = firstExecutable(env("KUBECTL_CLIENT_PATH"), filepath.Join(home, ".azure", "kubectl-client", "kubectl"))
	if path, err := exec.LookPath("az"); err == nil {
		folder := env("AZURE_EXTENSION_DIR")
		if folder == "" {
			folder = filepath.Join(home, ".azure", "cliextensions")
		}
		client.Az = &snapshot.Az{Path: path, Extensions: extensions(folder)}
		askAz(ctx, client.Az, secrets)
	}
}

func firstExecutable(paths ...string) string {
	for _, path := range paths {
		if info, err := os.Stat(path); path != "" && err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path
		}
	}
	return ""
}

// askAz asks which subscription is chosen. It reads az's own files only and needs no network.
func askAz(ctx context.Context, az *snapshot.Az, secrets *redact.Redactor) {
	ctx, cancel := context.WithTimeout(ctx, azTimeout)
	defer cancel()
	command := exec.CommandContext(ctx, az.Path, "account", "show", "--query", "id", "-o", "tsv") //nolint:gosec // az of the person's own PATH
	command.WaitDelay = time.Second
	out, err := command.Output()
	if err != nil {
		az.AccountError = secrets.Text(err.Error())
		return
	}
	az.Subscription = strings.TrimSpace(string(out[:min(len(out), maxAzBytes)]))
}

// extensions reads the folders of az's extensions that onboarding uses.
func extensions(folder string) []snapshot.Extension {
	var found []snapshot.Extension
	for _, name := range []string{"connectedk8s", "k8s-configuration", "k8s-extension", "customlocation"} {
		if info, err := os.Stat(filepath.Join(folder, name)); err == nil && info.IsDir() {
			at := filepath.Join(folder, name)
			found = append(found, snapshot.Extension{Name: name, Version: extensionVersion(at), CryptoHash: hasCryptoHash(at)})
		}
	}
	return found
}

func extensionVersion(folder string) string {
	for _, pattern := range []string{"*.dist-info/metadata.json", "*.egg-info/metadata.json"} {
		for _, path := range globbed(folder, pattern) {
			var described struct {
				Version string `json:"version"`
			}
			if content, err := os.ReadFile(path); err == nil && json.Unmarshal(content, &described) == nil && described.Version != "" { //nolint:gosec // az's own folder
				return described.Version
			}
		}
	}
	for _, path := range globbed(folder, "*.dist-info/METADATA") {
		content, err := os.ReadFile(path) //nolint:gosec // az's own folder
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(content)) {
			if version, ok := strings.CutPrefix(line, "Version: "); ok {
				return strings.TrimSpace(version)
			}
		}
	}
	return ""
}

// hasCryptoHash tells whether the compiled module is there, nil when the extension has no Crypto at all.
func hasCryptoHash(folder string) *bool {
	if info, err := os.Stat(filepath.Join(folder, "Crypto")); err != nil || !info.IsDir() {
		return nil
	}
	there := len(globbed(folder, "Crypto/Hash/_MD5*")) > 0
	return &there
}

func globbed(folder, pattern string) []string {
	found, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		return nil
	}
	return found
}
