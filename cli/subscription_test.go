package cli

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/connect"
)

// Whoever could see no subscription at login, and has got a role since, has not to sign in again.
func TestASubscriptionIsFoundAfterLogin(t *testing.T) {
	may := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/subscriptions":
			_, _ = fmt.Fprint(w, `{"value":[]}`)
		case may:
			_, _ = fmt.Fprintf(w, `{"value":[{"subscriptionId":%q,"displayName":"Pier"}]}`, testSubscription)
		default:
			_, _ = fmt.Fprint(w, `{"value":[]}`)
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("FAIRLEAD_CONFIG_DIR", t.TempDir())
	signIn(t, server)
	kept := openProfile(t)
	entry, _ := kept.Current()
	entry.Subscription = ""
	kept.Config.Hubs[entry.URL] = entry
	if err := kept.Save(); err != nil {
		t.Fatal(err)
	}
	list := func() (int, string) {
		var out, errs strings.Builder
		code := Main(t.Context(), []string{"group", "list", "-o", "json"}, Streams{Out: &out, Err: &errs, Env: os.Getenv})
		return code, errs.String()
	}
	if code, errs := list(); code != ExitFailed || !strings.Contains(errs, "fairlead role assignment create --assignee app --role Reader") {
		t.Errorf("%d %s", code, errs)
	}
	may = true
	if code, errs := list(); code != ExitOK || !strings.Contains(errs, "subscription Pier is used from now on") {
		t.Errorf("%d %s", code, errs)
	}
	if code, errs := list(); code != ExitOK || errs != "" {
		t.Errorf("the second time: %d %s", code, errs)
	}
}

func openProfile(t *testing.T) *profile.Profile {
	t.Helper()
	kept, err := profile.Open(os.Getenv("FAIRLEAD_CONFIG_DIR"))
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestWhatIsOnIsSaid(t *testing.T) {
	for want, now := range map[string]map[connect.Feature]connect.Switch{
		"On now: cluster-connect, azure-rbac.": {connect.AzureRBAC: connect.On, connect.ClusterConnect: connect.On},
		"No feature is on now.":                {connect.ClusterConnect: connect.Off},
	} {
		if got := switchedOnNow(now); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
