package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func TestTheFlagsOfAzForFluxAreThere(t *testing.T) {
	cluster := []string{"resource-group", "cluster-name", "cluster-type", "cluster-resource-provider", "cluster-rp"}
	one := append([]string{"name"}, cluster...)
	write := append([]string{
		"url", "kind", "timeout", "interval", "sync-interval", "branch", "tag", "semver", "commit", "ssh-private-key", "ssh-private-key-file", "https-user",
		"https-key", "https-ca-cert", "https-ca-cert-file", "known-hosts", "known-hosts-file", "bucket-access-key", "bucket-secret-key", "bucket-name",
		"bucket-insecure", "local-auth-ref", "local-ref", "suspend", "kustomization", "container-name", "sp-client-id", "service-principal-client-id", "sp-tenant-id",
		"sp-client-secret", "sp-client-cert", "sp-cert-password", "sp-cert-send-chain", "account-key", "sas-token", "mi-client-id", "managed-identity-client-id",
		"digest", "tls-ca-certificate", "oci-insecure", "no-wait",
	}, one...)
	folder := append([]string{
		"kustomization-name", "path", "depends", "dependencies", "depends-on", "timeout", "interval", "sync-interval", "retry-interval", "prune", "force",
		"disable-health-check", "no-wait",
	}, one...)
	root := newConfigurationCommand(&session{})
	for words, flags := range map[string][]string{
		"flux create": append([]string{"scope", "namespace", "ns"}, write...), "flux update": append([]string{"yes"}, write...),
		"flux show": one, "flux list": cluster, "flux delete": append([]string{"force", "yes", "no-wait"}, one...),
		"flux kustomization create": folder, "flux kustomization update": folder, "flux kustomization show": append([]string{"kustomization-name"}, one...),
		"flux kustomization list": one, "flux kustomization delete": append([]string{"kustomization-name", "yes", "no-wait"}, one...),
		"flux logs": append([]string{"follow", "kind", "since", "tail"}, one...), "flux deployed-object list": one, "flux deployed-object show": append([]string{"object-name", "object-namespace", "object-kind"}, one...),
		"show": one, "list": cluster, "delete": append([]string{"yes"}, one...),
		"create": append([]string{
			"repository-url", "scope", "operator-instance-name", "operator-namespace", "operator-type", "operator-params", "ssh-private-key", "ssh-private-key-file",
			"https-user", "https-key", "ssh-known-hosts", "ssh-known-hosts-file", "enable-helm-operator", "helm-operator-params", "helm-operator-chart-version",
		}, one...),
	} {
		command, _, err := root.Find(strings.Fields(words))
		if err != nil {
			t.Fatalf("%s: %v", words, err)
		}
		for _, flag := range flags {
			if command.Flags().Lookup(flag) == nil {
				t.Errorf("%s lacks --%s", words, flag)
			}
		}
	}
}

func TestWhatAKustomizationIsToldAs(t *testing.T) {
	cases := map[string]struct {
		reason, words, want, wrong string
	}{
		"Az":         {"the words of az", `name=a path=./a depends_on=["b","c"] sync_interval=1m30s prune=true`, `{"dependsOn":["b","c"],"path":"./a","prune":true,"syncIntervalInSeconds":90}`, ""},
		"Unchecked":  {"az says it the other way round", "name=a disable_health_check=true", `{"wait":false}`, ""},
		"Substitute": {"values may hold =", "name=a substitute=x=1,y=a=b substitute_from=ConfigMap/c,secret/s?", `{"postBuild":{"substitute":{"x":"1","y":"a=b"},"substituteFrom":[{"kind":"ConfigMap","name":"c","optional":false},{"kind":"Secret","name":"s","optional":true}]}}`, ""},
		"ISO":        {"durations as az documents them", "name=a timeout=PT10M", `{"timeoutInSeconds":600}`, ""},
		"NoName":     {"which one", "path=x", "", "name=NAME is missing"},
		"Unknown":    {"a typing mistake is none to guess", "name=a pruned=true", "", `"pruned=true"`},
		"Truth":      {"neither", "name=a prune=perhaps", "", "neither true nor false"},
		"Half":       {"the hub counts seconds", "name=a interval=500ms", "", "whole seconds"},
		"BadName":    {"objects are called so", "name=A", "", "no name for it"},
		"From":       {"only those two", "name=a substitute_from=Pod/x", "", "neither ConfigMap/NAME"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, got, err := readKustomization(strings.Fields(c.words))
			if c.wrong != "" {
				var usage *usageError
				if !errors.As(err, &usage) || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("%s: got %v", c.reason, err)
				}
				return
			}
			text, _ := json.Marshal(got)
			if err != nil || string(text) != c.want {
				t.Errorf("%s: got %s, %v", c.reason, text, err)
			}
		})
	}
	if _, err := readKustomizations([][]string{{"name=a"}, {"name=a"}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("one that is there twice: %v", err)
	}
}

func FuzzReadKustomization(f *testing.F) {
	for _, seed := range []string{"name=a path=b", "name=a substitute==", "name=a depends_on=[", "=", "name=a substitute_from=ConfigMap/?"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, one, err := readKustomization(strings.Fields(text))
		if err == nil && (name == "" || one == nil) {
			t.Errorf("%q gives %q, %v", text, name, one)
		}
	})
}

// readSource runs the flags of a command through what reads keys and passwords.
func readSource(t *testing.T, input string, args ...string) (client.Document, client.Document, string, error) {
	t.Helper()
	var flags sourceFlags
	var said strings.Builder
	command := &cobra.Command{Use: "x"}
	flags.offer(command)
	if err := command.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	kind, err := flags.wantedKind("")
	if err != nil {
		t.Fatal(err)
	}
	s := &session{streams: Streams{In: strings.NewReader(input), Err: &said}}
	source, protected, err := flags.source(t.Context(), s, kind)
	return source, protected, said.String(), err
}

func TestKeysAndPasswordsAreReadFromFiles(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, []byte("PRIVATE\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	source, protected, said, err := readSource(t, "host ssh-ed25519 AAAA\n", "--ssh-private-key-file", key, "--known-hosts-file", "-")
	if err != nil || protected[fairlead.FluxSSHPrivateKey] != base64.StdEncoding.EncodeToString([]byte("PRIVATE\n")) || said != "" {
		t.Errorf("%v %v %q", protected, err, said)
	}
	if source["sshKnownHosts"] != base64.StdEncoding.EncodeToString([]byte("host ssh-ed25519 AAAA\n")) {
		t.Errorf("%v", source)
	}
	_, protected, _, err = readSource(t, "hush\r\n", "--https-key-file", "-")
	if err != nil || protected[fairlead.FluxHTTPSKey] != base64.StdEncoding.EncodeToString([]byte("hush")) {
		t.Errorf("a password's line end belongs to the editor: %v %v", protected, err)
	}
	if _, _, said, err = readSource(t, "", "--https-key", "hush"); err != nil || !strings.Contains(said, "--https-key-file") || strings.Contains(said, "hush") {
		t.Errorf("%q %v", said, err)
	}
	if _, _, _, err = readSource(t, "", "--ssh-private-key", "-----BEGIN"); err == nil || strings.Contains(err.Error(), "BEGIN") {
		t.Errorf("%v", err)
	}
	if _, _, _, err = readSource(t, "", "--https-key-file", "-", "--https-ca-cert-file", "-"); err == nil || !strings.Contains(err.Error(), "both") {
		t.Errorf("%v", err)
	}
}

func TestAnArtifactsAuthorityIsNested(t *testing.T) {
	source, protected, _, err := readSource(t, "", "--kind", "oci", "-u", "oci://x/y", "--tls-ca-certificate", "QUJD", "--oci-user", "reader", "--oci-insecure", "--digest", "sha256:1")
	text, _ := json.Marshal(source)
	if err != nil || string(text) != `{"insecure":true,"repositoryRef":{"digest":"sha256:1"},"tlsConfig":{"caCertificate":"QUJD"},"url":"oci://x/y"}` || protected["ociUser"] != "cmVhZGVy" {
		t.Errorf("%s %v %v", text, protected, err)
	}
}

func TestOneLineSaysHowAConfigurationIs(t *testing.T) {
	found := client.Flux{Properties: client.FluxProperties{ProvisioningState: "Succeeded", ComplianceState: "Non-Compliant", SourceSyncedCommitID: "main@sha1:1", Statuses: []fairlead.FluxObject{
		{Kind: "GitRepository", Name: "shop", ComplianceState: fairlead.FluxCompliant},
		{Kind: "Kustomization", Name: "shop-apps", ComplianceState: fairlead.FluxNonCompliant, Conditions: []fairlead.FluxCondition{{Type: "Ready", Reason: "BuildFailed", Message: "no \x1b[31mfolder"}}},
	}}}
	if got := fluxLine(found); got != "Succeeded, Non-Compliant  main@sha1:1  Kustomization shop-apps: BuildFailed: no [31mfolder" {
		t.Errorf("%q", got)
	}
	for seconds, want := range map[float64]string{600: "10m", 90: "1m30s", 3600: "1h", 3660: "1h1m", 5: "5s"} {
		if got := secondsText(seconds); got != want {
			t.Errorf("%v is written %q", seconds, got)
		}
	}
}

// Who watches gets a line a change, and none for looks at which nothing has.
func TestWatchingWritesALineAChange(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var looks atomic.Int32
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		state := "Pending"
		look := looks.Add(1)
		if look > 3 {
			state = "Compliant"
		}
		if look > 4 { // the answer may still arrive
			cancel()
		}
		fmt.Fprintf(w, `{"name":"shop","properties":{"provisioningState":"Succeeded","complianceState":%q}}`, state)
	}))
	t.Cleanup(server.Close)
	var out strings.Builder
	s := &session{streams: Streams{Out: &out}}
	hub := &signedIn{Hub: &client.Hub{URL: server.URL, HTTP: server.Client()}}
	if err := s.watchFlux(ctx, hub, client.FluxID(fairlead.ConnectedClusterID("s", "shop", "edge"), "shop")); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2 || !strings.HasSuffix(lines[0], "Succeeded, Pending") || !strings.HasSuffix(lines[1], "Succeeded, Compliant") {
		t.Errorf("it writes\n%s", out.String())
	}
}
