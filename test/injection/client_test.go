package injection_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/freeport"
	"github.com/fairlead/fairlead/test/cluster/pki"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// kubeconfig is the part of a kubeconfig, as JSON, that tests change.
type kubeconfig map[string]any

// kubeconfig writes a copy of the cluster's with changes to its one cluster and its one user, and returns the file.
func (b *bench) kubeconfig(name string, change func(cluster, user map[string]any)) string {
	b.t.Helper()
	var config kubeconfig
	b.must(json.Unmarshal([]byte(b.kubectl("config", "view", "--raw", "--minify", "--flatten", "-o", "json")), &config))
	change(config.only("clusters", "cluster"), config.only("users", "user"))
	content, err := json.Marshal(config)
	b.must(err)
	file := filepath.Join(b.Dir, name+".kubeconfig")
	b.must(os.WriteFile(file, content, 0o600))
	return file
}

// only returns the one entry of a list of the kubeconfig.
func (k kubeconfig) only(list, entry string) map[string]any {
	all, _ := k[list].([]any)
	named, _ := all[0].(map[string]any)
	inside, _ := named[entry].(map[string]any)
	return inside
}

// way is one in which a cluster cannot be reached.
type way struct {
	reason string
	args   []string
	want   string // in the reason that doctor gives
}

func (b *bench) unreachable() map[string]way {
	b.t.Helper()
	ca, err := pki.NewAuthority("somebody-else")
	b.must(err)
	certificate, key, err := stage.Pair("harbour", time.Now().Add(-48*time.Hour), time.Now().Add(-24*time.Hour))
	b.must(err)
	config := func(name string, change func(cluster, user map[string]any)) []string {
		return []string{"--kube-config", b.kubeconfig(name, change)}
	}
	return map[string]way{
		"ClosedPort": {"nobody listens", config("closed", func(c, _ map[string]any) { c["server"] = "https://" + closedAddress(b) }), "refused"},
		"OtherAuthority": {"the API server's certificate is of another authority", config("authority", func(c, _ map[string]any) {
			c["certificate-authority-data"] = base64.StdEncoding.EncodeToString(ca.Pair().Certificate)
		}), "certificate"},
		"ExpiredCertificate": {"the person's certificate ran out", config("expired", func(_, u map[string]any) {
			u["client-certificate-data"], u["client-key-data"] = base64.StdEncoding.EncodeToString([]byte(certificate)), base64.StdEncoding.EncodeToString([]byte(key))
		}), "expired"},
		"NoContext": {"the kubeconfig has no such context", []string{"--kube-context", "elsewhere"}, "elsewhere"},
		"NoFile":    {"the kubeconfig is not there", []string{"--kube-config", filepath.Join(b.Dir, "nowhere")}, "not there"},
	}
}

// runUnreachable wants one failure, and everything else skipped behind it.
func (b *bench) runUnreachable() {
	for name, w := range b.unreachable() {
		b.t.Run(name, func(t *testing.T) {
			defer b.on(t).record("CLI-06")
			report := b.on(t).doctor(append([]string{"--show", "all"}, w.args...)...)
			if report.Code != 1 {
				t.Errorf("%s: exit code %d, want 1", w.reason, report.Code)
			}
			if found := report.Of("CLI-06"); len(found) != 1 || found[0].Status != "fail" || !strings.Contains(found[0].Reason, w.want) {
				t.Errorf("%s: CLI-06 is %+v, want a failure that speaks of %q", w.reason, found, w.want)
			}
			for _, f := range report.Findings {
				if f.ID != "CLI-06" && f.Status != "skipped" {
					t.Errorf("%s: %s is %s: %s", w.reason, f.ID, f.Status, f.Reason)
				}
			}
		})
	}
}

// closedAddress is one on which nobody listens.
func closedAddress(b *bench) string {
	b.t.Helper()
	address, err := freeport.Address(b.t.Context(), "127.0.0.1")
	b.must(err)
	return address
}
