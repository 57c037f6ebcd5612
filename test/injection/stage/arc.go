package stage

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/action"
	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli"
	"helm.sh/helm/v4/pkg/kube"
)

// Release and Namespace are those of the agents' release.
const (
	Release   = "azure-arc"
	Namespace = "azure-arc-release"
)

// Helm returns Helm for a namespace of the cluster.
func (s *Stage) Helm(namespace string) (*action.Configuration, error) {
	settings := cli.New()
	settings.KubeConfig = s.Cluster.Kubeconfig
	settings.SetNamespace(namespace)
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := config.Init(settings.RESTClientGetter(), namespace, s.driver()); err != nil {
		return nil, fmt.Errorf("prepare Helm: %w", err)
	}
	return config, nil
}

func (s *Stage) driver() string {
	if s.Driver != "" {
		return s.Driver
	}
	return "secret"
}

// InstallArc installs the agents' chart with real Helm, and what the agents would have fetched.
func (s *Stage) InstallArc(ctx context.Context, chart string, values map[string]any) error {
	certificate, err := Certificate("harbour", time.Now().Add(-time.Hour), time.Now().Add(80*24*time.Hour))
	if err != nil {
		return err
	}
	manifest := `apiVersion: v1
kind: Namespace
metadata: {name: azure-arc}
---
apiVersion: v1
kind: Namespace
metadata: {name: azure-arc-release}
---
` + Secret("azure-arc", "azure-identity-certificate", map[string]string{"tls.crt": certificate}) + "---\n" +
		Secret("azure-arc", "kube-aad-proxy-certificate", map[string]string{"tls.crt": certificate})
	if err := s.Apply(ctx, manifest); err != nil {
		return err
	}
	return s.Install(ctx, Namespace, Release, chart, values)
}

// Install installs a chart, or upgrades its release, and does not wait.
func (s *Stage) Install(ctx context.Context, namespace, name, chart string, values map[string]any) error {
	loaded, err := loader.Load(chart)
	if err != nil {
		return fmt.Errorf("load chart %s: %w", chart, err)
	}
	return s.install(ctx, namespace, name, loaded, values)
}

// InstallVersion installs the agents' chart under another version.
func (s *Stage) InstallVersion(ctx context.Context, chart, version string) error {
	loaded, err := loader.Load(chart)
	if err != nil {
		return fmt.Errorf("load chart %s: %w", chart, err)
	}
	loaded.Metadata.Version = version
	return s.install(ctx, Namespace, Release, loaded, nil)
}

func (s *Stage) install(ctx context.Context, namespace, name string, loaded *chartv2.Chart, values map[string]any) error {
	config, err := s.Helm(namespace)
	if err != nil {
		return err
	}
	if _, err := config.Releases.Last(name); err == nil {
		upgrade := action.NewUpgrade(config)
		upgrade.Namespace, upgrade.WaitStrategy, upgrade.ForceConflicts = namespace, kube.HookOnlyStrategy, true
		upgrade.ResetValues = true // no values mean the chart's own, not those of last time
		_, err = upgrade.RunWithContext(ctx, name, loaded, values)
		return err
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.CreateNamespace, install.WaitStrategy = name, namespace, true, kube.HookOnlyStrategy
	_, err = install.RunWithContext(ctx, loaded, values)
	return err
}

// Uninstall removes a release and its objects.
func (s *Stage) Uninstall(namespace, name string) error {
	config, err := s.Helm(namespace)
	if err != nil {
		return err
	}
	uninstall := action.NewUninstall(config)
	uninstall.WaitStrategy = kube.HookOnlyStrategy
	_, err = uninstall.Run(name)
	return err
}

// Apply applies a manifest.
func (s *Stage) Apply(ctx context.Context, manifest string) error {
	out, err := s.Cluster.KubectlInput(ctx, strings.NewReader(manifest), "apply", "-f", "-")
	if err != nil {
		return fmt.Errorf("apply: %w\n%s", err, out)
	}
	return nil
}

// Secret is the manifest of a Secret.
func Secret(namespace, name string, data map[string]string) string {
	var text strings.Builder
	fmt.Fprintf(&text, "apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\ndata:\n", name, namespace)
	for key, value := range data {
		fmt.Fprintf(&text, "  %s: %s\n", key, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	return text.String()
}

// Certificate returns a self-signed certificate as PEM.
func Certificate(name string, from, until time.Time) (string, error) {
	certificate, _, err := Pair(name, from, until)
	return certificate, err
}

// Pair returns a self-signed certificate and its key as PEM.
func Pair(name string, from, until time.Time) (certificate, private string, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return "", "", err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return "", "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})), nil
}
