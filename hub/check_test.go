package hub_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/fairlead/fairlead/hub"
)

func checkConfig(t *testing.T) hub.Config {
	t.Helper()
	config := hub.Defaults()
	config.Data, config.Listen, config.URL = filepath.Join(t.TempDir(), "hub"), "127.0.0.1:0", "https://localhost"
	return config
}

func wantStatus(t *testing.T, results []hub.CheckResult, check, want string) {
	t.Helper()
	for _, result := range results {
		if result.Check != check {
			continue
		}
		if result.Status != want {
			t.Errorf("%s: %+v, want %s", check, result, want)
		}
		if (result.Status == hub.CheckFailed || result.Status == hub.CheckWarned) && result.Next == "" {
			t.Errorf("%s says nothing of what to do", check)
		}
		return
	}
	t.Errorf("there is no check %q", check)
}

func TestCheckBeforeTheFirstStart(t *testing.T) {
	config := checkConfig(t)
	results := hub.Check(t.Context(), config)
	for _, check := range []string{"configuration", "data folder", "running", "database", "master key", "certificate", "port"} {
		wantStatus(t, results, check, hub.CheckPassed)
	}
	wantStatus(t, results, "authority", hub.CheckSkipped)
	wantStatus(t, results, "names", hub.CheckWarned)
	if _, err := os.Stat(config.Data); err == nil {
		t.Error("the check has made the data folder")
	}
}

func TestCheckOfARunningHub(t *testing.T) {
	config := checkConfig(t)
	on := start(t, config.Data)
	config.URL = on.URL
	address, err := url.Parse(on.URL)
	if err != nil {
		t.Fatal(err)
	}
	config.Listen = "127.0.0.1:" + address.Port()
	results := hub.Check(t.Context(), config)
	for _, check := range []string{"running", "database", "master key", "authority", "port"} {
		wantStatus(t, results, check, hub.CheckPassed)
	}
	if err := on.stop(); err != nil {
		t.Fatal(err)
	}
	spoil(t, filepath.Join(config.Data, "hub.db"))
	wantStatus(t, hub.Check(t.Context(), config), "database", hub.CheckFailed)
	if err := os.Remove(filepath.Join(config.Data, "master.key")); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, hub.Check(t.Context(), config), "master key", hub.CheckFailed)
}

func TestResetAdministratorReplacesTheSecret(t *testing.T) {
	config := checkConfig(t)
	if _, err := hub.ResetAdministrator(t.Context(), config); err == nil {
		t.Error("an administrator of no hub was reset")
	}
	on := start(t, config.Data)
	made, err := hub.ResetAdministrator(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	on.signIn(t, made.AppID, string(made.Secret))
	if made.AppID != on.Administrator.AppID || made.Secret == on.Administrator.Secret {
		t.Errorf("%s was reset, not %s", made.AppID, on.Administrator.AppID)
	}
	if on.signsIn(t, made.AppID, string(on.Administrator.Secret)) {
		t.Error("the old secret still works")
	}
}

// spoil overwrites the second half of a file.
func spoil(t *testing.T, name string) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(content) / 2; i < len(content); i++ {
		content[i] = 0xa5
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cases := map[string]struct {
		spoil func(*hub.Config)
		check string
		want  string
	}{
		"PortTaken":      {func(c *hub.Config) { c.Listen = taken.Addr().String() }, "port", hub.CheckFailed},
		"NameUnknown":    {func(c *hub.Config) { c.URL = "https://hub.invalid" }, "names", hub.CheckFailed},
		"NoCertificate":  {func(c *hub.Config) { c.TLSCert, c.TLSKey = "/absent.crt", "/absent.key" }, "certificate", hub.CheckFailed},
		"BadSetting":     {func(c *hub.Config) { c.LogLevel = "loud" }, "configuration", hub.CheckFailed},
		"FolderIsAFile":  {func(c *hub.Config) { c.Data = makeFile(t) }, "data folder", hub.CheckFailed},
		"FolderForAll":   {func(c *hub.Config) { c.Data = makeFolder(t, 0o755) }, "data folder", hub.CheckWarned},
		"FolderIsTheOwn": {func(c *hub.Config) { c.Data = makeFolder(t, 0o700) }, "data folder", hub.CheckPassed},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			config := checkConfig(t)
			c.spoil(&config)
			wantStatus(t, hub.Check(t.Context(), config), c.check, c.want)
		})
	}
}

func makeFile(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func makeFolder(t *testing.T, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "folder")
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}
