package diagnose

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/doctor/probe/kubeapi"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// pack writes a release as Helm does.
func pack(t testing.TB, text string) []byte {
	t.Helper()
	var zipped bytes.Buffer
	writer := gzip.NewWriter(&zipped)
	if _, err := writer.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(zipped.Bytes()))
}

const installed = `{"name":"azure-arc","config":{
 "global":{"hubCA":"LS0tLS1CRUdJTiBDRVJU","httpsProxy":"http://u:p@proxy:3128","noProxy":10,"isProxyEnabled":true},
 "systemDefaultValues":{"azureArcAgents":{"config_dp_endpoint_override":"https://dp.hub.example.org"},
  "azureResourceManagerEndpoint":"https://arm.hub.example.org","activeDirectoryEndpoint":"https://login.arc.hub.example.org",
  "image":{"repository":"registry.hub.example.org"}}}}`

// cluster answers the one question with releases.
type cluster struct {
	releases [][]byte
	asked    string
}

// Get answers with the Secrets of the releases.
func (c *cluster) Get(_ context.Context, path, _ string, v any) error {
	c.asked = path
	if c.releases == nil {
		return kubeapi.Refusal{Status: 403}
	}
	items := []map[string]any{}
	for _, release := range c.releases {
		items = append(items, map[string]any{"data": map[string]any{"release": release}})
	}
	text, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		return err
	}
	return json.Unmarshal(text, v)
}

// up is a network where everything answers.
type up struct{ plan wire.Plan }

// Run finds everything in place.
func (u *up) Run(_ context.Context, plan wire.Plan) wire.Result {
	u.plan = plan
	var result wire.Result
	for _, target := range plan.Targets {
		http := wire.Stage{Name: wire.StageHTTP, OK: true, Detail: map[string]string{wire.DetailStatus: "404"}}
		result.Targets = append(result.Targets, wire.TargetResult{URL: target.URL, Stages: []wire.Stage{http}})
	}
	return result
}

func TestRunPrintsWhatTheClientReads(t *testing.T) {
	from, network := &cluster{releases: [][]byte{pack(t, installed)}}, &up{}
	var out bytes.Buffer
	if err := Run(t.Context(), from, network, "azure-arc-release", &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if !slices.Contains(lines, "DNS Result:") {
		t.Errorf("no line with the names:\n%s", out.String())
	}
	if last := lines[len(lines)-1]; !strings.Contains(last, "Outbound Network Connectivity") || strings.HasSuffix(last, "000") {
		t.Errorf("the last line is %q", last)
	}
	var reached []string
	for _, target := range network.plan.Targets {
		reached = append(reached, target.URL)
		if target.Proxy != "http://u:p@proxy:3128" || !strings.HasPrefix(target.CAs, "-----BEGIN CERT") {
			t.Errorf("%s by %q with %q", target.URL, target.Proxy, target.CAs)
		}
	}
	want := []string{"https://dp.hub.example.org/healthz", "https://registry.hub.example.org/v2/"}
	if !slices.Equal(reached, want) {
		t.Errorf("reached %v", reached)
	}
	if !strings.HasPrefix(from.asked, "/api/v1/namespaces/azure-arc-release/secrets?labelSelector=owner%3Dhelm") {
		t.Errorf("asked for %s", from.asked)
	}
	if strings.Contains(out.String(), "u:p@") {
		t.Error("the proxy's password is shown")
	}
}

func TestRunSaysWhyItCannot(t *testing.T) {
	cases := map[string]struct {
		from cluster
		want string
	}{
		"Forbidden": {cluster{}, "403"},
		"None":      {cluster{releases: [][]byte{}}, "no release azure-arc in namespace elsewhere"},
		"NotBase64": {cluster{releases: [][]byte{[]byte("{}")}}, "not in base64"},
		"NotZipped": {cluster{releases: [][]byte{[]byte("e30=")}}, "not zipped"},
		"NotJSON":   {cluster{releases: [][]byte{pack(t, "secret")}}, "no JSON"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			err := Run(t.Context(), &c.from, &up{}, "elsewhere", &out)
			if err == nil || !strings.Contains(err.Error(), c.want) || out.Len() > 0 {
				t.Errorf("%v, %q", err, out.String())
			}
		})
	}
}

func TestProxyThatIsSwitchedOff(t *testing.T) {
	for name, off := range map[string]string{"Bool": `false`, "Python": `"False"`} {
		found, err := decode(pack(t, `{"config":{"global":{"httpsProxy":"http://p:1","isProxyEnabled":`+off+`,"hubCA":"-----BEGIN"}}}`))
		if err != nil || found.settings().Proxy.HTTPS != "" {
			t.Errorf("%s: %v, the proxy is still used", name, err)
		}
		if got := found.settings().CAs; !strings.HasPrefix(got, "-----BEGIN") {
			t.Errorf("PEM as it is became %q", got)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(pack(f, installed))
	f.Add(pack(f, `{"config":{"global":[]}}`))
	f.Add([]byte("e30="))
	f.Add([]byte("\x00"))
	f.Fuzz(func(t *testing.T, packed []byte) {
		found, err := decode(packed)
		if err != nil {
			return
		}
		for _, address := range found.settings().Onboarding {
			if address == "" {
				t.Error("an endpoint without an address")
			}
		}
	})
}
