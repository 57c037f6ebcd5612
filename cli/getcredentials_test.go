package cli

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

func TestGetCredentialsSaysWhoOneIsInTheCluster(t *testing.T) {
	for name, c := range map[string]struct{ claims, want string }{
		"Person":           {`{"oid":"7f","preferred_username":"ana@example.org"}`, `--user="ana@example.org"`},
		"ServicePrincipal": {`{"oid":"7f","appid":"a1"}`, `The cluster knows you as "7f"`},
	} {
		t.Run(name, func(t *testing.T) {
			stubHub(t)
			kept, err := profile.Open(os.Getenv("FAIRLEAD_CONFIG_DIR"))
			if err != nil {
				t.Fatal(err)
			}
			entry, _ := kept.Current()
			token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(c.claims)) + ".c2ln"
			if err := kept.KeepToken(entry.URL, client.Token{Value: client.Secret(token), ExpiresOn: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
			t.Setenv("FAIRLEAD_TEST_TOKEN", token)
			var out, errs strings.Builder
			args := []string{"connectedk8s", "get-credentials", "-n", "edge-1", "-g", "shops", "-o", "json"}
			if code := Main(t.Context(), args, Streams{Out: &out, Err: &errs, Env: os.Getenv}); code != ExitOK {
				t.Fatalf("exit code %d: %s", code, errs.String())
			}
			if !strings.Contains(errs.String(), c.want) || strings.Contains(out.String(), "knows you") {
				t.Errorf("it says %s, and shows %s", errs.String(), out.String())
			}
		})
	}
}

func TestAFeatureThatIsOnIsNotAdvised(t *testing.T) {
	var cluster fairlead.ConnectedCluster
	for state, want := range map[string]bool{"": true, "Disabled": true, "Enabled": false} {
		cluster.Properties.ClusterConnect = &fairlead.ConnectProfile{AzureRBAC: state}
		if got := knownAs("ana@example.org", cluster); strings.Contains(got, "enable-features") != want || !strings.Contains(got, `--user="ana@example.org"`) {
			t.Errorf("%q: %s", state, got)
		}
	}
}
