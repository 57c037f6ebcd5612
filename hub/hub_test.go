package hub_test

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub"
)

func TestFirstStartMakesEverythingAndRestartKeepsIt(t *testing.T) {
	folder := t.TempDir()
	first := start(t, folder)
	if first.Administrator == nil || first.Fingerprint == "" {
		t.Fatalf("welcome %+v", first.Welcome)
	}
	app, secret := first.Administrator.AppID, string(first.Administrator.Secret)
	bearer := first.signIn(t, app, secret)
	status, list := first.do(t, http.MethodGet, "/subscriptions?api-version=2022-12-01", bearer, "")
	subscriptions, _ := list["value"].([]any)
	if status != http.StatusOK || len(subscriptions) != 1 {
		t.Fatalf("subscriptions: %d %v", status, list)
	}
	only, _ := subscriptions[0].(map[string]any)
	id, _ := only["id"].(string)
	if status, group := first.do(t, http.MethodGet, id+"/resourceGroups/default?api-version=2024-11-01", bearer, ""); status != http.StatusOK || group["location"] != "local" {
		t.Errorf("group default: %d %v", status, group)
	}
	if status, group := first.do(t, http.MethodPut, id+"/resourceGroups/Shops?api-version=2024-11-01", bearer, `{"location":"local"}`); status != http.StatusCreated {
		t.Fatalf("create group: %d %v", status, group)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, folder, func(c *hub.Config) { c.Listen = strings.TrimPrefix(first.URL, "https://") })
	if second.Administrator != nil || second.Fingerprint != first.Fingerprint || second.TenantID != first.TenantID {
		t.Errorf("the second start is another hub, or shows a secret: %+v", second.Welcome)
	}
	if status, group := second.do(t, http.MethodGet, id+"/resourceGroups/shops?api-version=2024-11-01", bearer, ""); status != http.StatusOK || group["name"] != "Shops" {
		t.Errorf("the group after the restart, with the token from before: %d %v", status, group)
	}
	second.signIn(t, app, secret)
	if strings.Contains(first.log.String()+second.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestCredentialFileInsteadOfShowing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "admin.json")
	running := start(t, t.TempDir(), func(c *hub.Config) { c.AdminCredentialFile = file })
	if running.Administrator == nil || running.Administrator.Secret != "" || running.Administrator.File != file {
		t.Fatalf("administrator %+v", running.Administrator)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	var credential struct{ Hub, CAFile, TenantID, AppID, Secret string }
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &credential) != nil {
		t.Fatalf("%s %v", text, err)
	}
	if credential.Hub != running.URL || credential.TenantID != running.TenantID || credential.CAFile != running.CAFile {
		t.Errorf("credential for %s %s %s", credential.Hub, credential.TenantID, credential.CAFile)
	}
	running.signIn(t, credential.AppID, credential.Secret)
}

// A welcome that could not be said leaves the first start unfinished.
func TestUnsaidWelcomeIsSaidAgain(t *testing.T) {
	folder := t.TempDir()
	config, _ := testConfig(folder)
	var unheard hub.Welcome
	config.Welcome = func(w hub.Welcome) error { unheard = w; return errors.New("broken pipe") }
	opened, err := hub.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if err := opened.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Fatalf("got %v", err)
	}
	again := start(t, folder)
	if again.Administrator == nil || again.Administrator.AppID != unheard.Administrator.AppID || again.Administrator.Secret == unheard.Administrator.Secret {
		t.Fatalf("administrator %+v", again.Administrator)
	}
	again.signIn(t, again.Administrator.AppID, string(again.Administrator.Secret))
}

func TestSecondHubOnTheSameDataIsRefused(t *testing.T) {
	folder := t.TempDir()
	start(t, folder)
	config, _ := testConfig(folder)
	_, err := hub.New(t.Context(), config)
	if err == nil || !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) || !strings.Contains(err.Error(), folder) {
		t.Errorf("got %v", err)
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }() // nothing was sent
	config, _ := testConfig(t.TempDir())
	config.Listen = taken.Addr().String()
	_, port, _ := net.SplitHostPort(config.Listen)
	_, err = hub.New(t.Context(), config)
	if err == nil || !strings.Contains(err.Error(), "port "+port) || !strings.Contains(err.Error(), "--listen") {
		t.Fatalf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(config.Data, "hub.db")); len(left) != 0 {
		t.Error("a hub that could not start has begun a database")
	}
	config.Listen = "127.0.0.1:0"
	opened, err := hub.New(t.Context(), config)
	if err != nil {
		t.Fatalf("the folder was not let go: %v", err)
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
}

func TestLostMasterKeyIsNotReplaced(t *testing.T) {
	folder := t.TempDir()
	first := start(t, folder)
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(folder, "master.key")); err != nil {
		t.Fatal(err)
	}
	config, _ := testConfig(folder)
	if _, err := hub.New(t.Context(), config); err == nil || !strings.Contains(err.Error(), "restore it from a backup") {
		t.Errorf("got %v", err)
	}
}

func TestEndpointsForEverybody(t *testing.T) {
	running := start(t, t.TempDir())
	status, document := running.do(t, http.MethodGet, "/metadata/endpoints?api-version=2022-09-01", "", "")
	login, _ := document["authentication"].(map[string]any)
	ours, _ := document["fairlead"].(map[string]any)
	if status != http.StatusOK || document["resourceManager"] != running.URL || login["loginEndpoint"] != running.URL || ours["tenantId"] != running.TenantID {
		t.Errorf("metadata: %d %v", status, document)
	}
	for _, path := range []string{"/healthz", "/readyz", "/" + strings.ToUpper(running.TenantID) + "/V2.0/.Well-known/openid-configuration"} {
		if status, document := running.do(t, http.MethodGet, path, "", ""); status != http.StatusOK {
			t.Errorf("%s: %d %v", path, status, document)
		}
	}
}

func TestEverythingElseNeedsAToken(t *testing.T) {
	running := start(t, t.TempDir())
	bearer := running.signIn(t, running.Administrator.AppID, string(running.Administrator.Secret))
	cases := map[string]struct {
		method, path string
		with         int
	}{
		"Subscriptions": {http.MethodGet, "/subscriptions?api-version=2022-12-01", 200},
		"UpperCase":     {http.MethodGet, "/SUBSCRIPTIONS?api-version=2022-12-01", 200},
		"Tenants":       {http.MethodGet, "/tenants?api-version=2022-12-01", 200},
		"Principals":    {http.MethodGet, "/v1.0/servicePrincipals", 200},
		"OtherCase":     {http.MethodGet, "/V1.0/SERVICEPRINCIPALS", 200},
		"Metrics":       {http.MethodGet, "/metrics", 200},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if status, document := running.do(t, c.method, c.path, "", ""); status != http.StatusUnauthorized {
				t.Errorf("without a token: %d %v", status, document)
			}
			if status, document := running.do(t, c.method, c.path, bearer, ""); status != c.with {
				t.Errorf("with a token: %d %v", status, document)
			}
		})
	}
	for _, path := range []string{"/nowhere/at/all", "/metadata/nothing", "/healthz/x", "/v1.0/planets"} {
		status, document := running.do(t, http.MethodGet, path, bearer, "")
		if failure, _ := document["error"].(map[string]any); status != http.StatusNotFound || failure["message"] == nil {
			t.Errorf("%s: %d %v", path, status, document)
		}
	}
}

func TestCustomLocationsApplicationIsKnown(t *testing.T) {
	running := start(t, t.TempDir())
	bearer := running.signIn(t, running.Administrator.AppID, string(running.Administrator.Secret))
	status, list := running.do(t, http.MethodGet, "/v1.0/servicePrincipals?$filter=appId%20eq%20%27bc313c14-388c-4e7d-a58e-70017303ee3b%27", bearer, "")
	found, _ := list["value"].([]any)
	if status != http.StatusOK || len(found) != 1 {
		t.Errorf("%d %v", status, list)
	}
}
