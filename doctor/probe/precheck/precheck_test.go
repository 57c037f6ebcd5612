package precheck_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/doctor/probe/kubeapi"
	"github.com/fairlead/fairlead/doctor/probe/precheck"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	connect  = "https://gns.hub.example.org/healthz"
	manager  = "https://arm.hub.example.org/metadata/endpoints"
	registry = "https://registry.hub.example.org/v2/"
	login    = "https://login.arc.hub.example.org"
)

// network is what a plan finds: statuses by URL, and codes by name; what is not in it cannot be reached.
type network struct {
	status map[string]string
	rcode  map[string]string
	asked  wire.Plan
}

// Run answers every part of the plan.
func (n *network) Run(_ context.Context, plan wire.Plan) wire.Result {
	n.asked = plan
	var result wire.Result
	for _, target := range plan.Targets {
		seen := wire.TargetResult{Name: target.Name, URL: target.URL, Kind: target.Kind, Stages: []wire.Stage{{Name: wire.StageTCP, OK: true}}}
		status, ok := n.status[target.URL]
		last := wire.Stage{Name: wire.StageHTTP, OK: ok, Detail: map[string]string{wire.DetailStatus: status}}
		if !ok {
			last.Error = "GET: connection\nreset: Check Failed: CRD"
		}
		seen.Stages = append(seen.Stages, last)
		result.Targets = append(result.Targets, seen)
	}
	for _, name := range plan.Lookups {
		result.Lookups = append(result.Lookups, n.lookup(name))
	}
	return result
}

func (n *network) lookup(name string) wire.Lookup {
	code, known := n.rcode[name]
	if !known {
		return wire.Lookup{Name: name, Servers: []wire.Answer{
			{Server: "10.0.0.9:53", RCode: wire.RCodeTimeout},
			{Server: "10.0.0.10:53", RCode: "NOERROR", Addresses: []string{"10.1.2.3"}},
		}}
	}
	if code == "" {
		return wire.Lookup{Name: name, Error: "no name server is known"}
	}
	return wire.Lookup{Name: name, Servers: []wire.Answer{{Server: "10.0.0.10:53", RCode: code}}}
}

func settings() precheck.Settings {
	return precheck.Settings{Connect: connect, Onboarding: []string{manager, registry}, Login: login, CAs: "PEM"}
}

func everything() map[string]string {
	return map[string]string{connect: "200", manager: "200", registry: "401", login: "404"}
}

func without(url string) map[string]string {
	all := everything()
	delete(all, url)
	return all
}

// verdict judges a log by the rules of the az client, which are not ours to choose.
type verdict struct{ dns, connect, outbound, login, definitions string }

func judge(log string) verdict {
	var dns, outbound []string
	var v verdict
	inDNS := false
	for line := range strings.SplitSeq(strings.TrimSpace(log), "\n") {
		switch {
		case strings.Contains(line, "Outbound Network Connectivity"):
			inDNS, outbound = false, append(outbound, line)
		case strings.Contains(line, "Entra Authentication Endpoint Connectivity Check Result"):
			parts := strings.Split(line, " : ")
			inDNS, v.login = false, parts[len(parts)-1]
		case strings.Contains(line, "Check Failed: CRD"):
			inDNS, v.definitions = false, "failed"
		case strings.Contains(line, "DNS Result:"):
			inDNS, dns = true, append(dns, line)
		case inDNS:
			dns = append(dns, line)
		}
	}
	v.dns = judgeDNS(strings.Join(dns, "  "))
	if len(outbound) > 0 {
		v.connect = strings.Split(outbound[0], " : ")[2]
		all := strings.Join(outbound, "  ")
		v.outbound = all[len(all)-3:]
	}
	return v
}

func judgeDNS(text string) string {
	if text == "" {
		return "missing"
	}
	for _, word := range []string{"NXDOMAIN", "SERVFAIL", "connection timed out", "timed out", "no servers could be reached", "communications error"} {
		if strings.Contains(text, word) {
			return "failed"
		}
	}
	return "passed"
}

func TestVerdictOfTheClient(t *testing.T) {
	cases := map[string]struct {
		reason string
		seen   network
		want   verdict
	}{
		"AllWell":  {"any answer is one", network{status: everything()}, verdict{dns: "passed", connect: "200", outbound: "401", login: "404"}},
		"Connect":  {"only a warning", network{status: without(connect)}, verdict{dns: "passed", connect: "000", outbound: "401", login: "404"}},
		"First":    {"whichever is out of reach must come last", network{status: without(manager)}, verdict{dns: "passed", connect: "200", outbound: "000", login: "404"}},
		"Last":     {"out of reach", network{status: without(registry)}, verdict{dns: "passed", connect: "200", outbound: "000", login: "404"}},
		"Login":    {"out of reach", network{status: without(login)}, verdict{dns: "passed", connect: "200", outbound: "401", login: "000"}},
		"NoName":   {"told by code", network{status: everything(), rcode: map[string]string{"arm.hub.example.org": "NXDOMAIN"}}, verdict{dns: "failed", connect: "200", outbound: "401", login: "404"}},
		"NoData":   {"a name without address is none", network{status: everything(), rcode: map[string]string{"arm.hub.example.org": "NOERROR"}}, verdict{dns: "failed", connect: "200", outbound: "401", login: "404"}},
		"Refused":  {"a code that the client does not know", network{status: everything(), rcode: map[string]string{"kubernetes.default.svc": "REFUSED"}}, verdict{dns: "failed", connect: "200", outbound: "401", login: "404"}},
		"Silence":  {"no answer", network{status: everything(), rcode: map[string]string{"kubernetes.default.svc": wire.RCodeTimeout}}, verdict{dns: "failed", connect: "200", outbound: "401", login: "404"}},
		"NoServer": {"nobody to ask", network{status: everything(), rcode: map[string]string{"kubernetes.default.svc": ""}}, verdict{dns: "failed", connect: "200", outbound: "401", login: "404"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			seen := precheck.Look(t.Context(), &c.seen, settings())
			if err := errors.Join(seen.Write(&log), seen.WriteLogin(&log)); err != nil {
				t.Fatal(err)
			}
			if got := judge(log.String()); got != c.want {
				t.Errorf("%s: %+v, want %+v\n%s", c.reason, got, c.want, log.String())
			}
			if strings.Contains(log.String(), "Check Failed") {
				t.Errorf("foreign text became a line of ours:\n%s", log.String())
			}
		})
	}
}

func TestThroughAProxy(t *testing.T) {
	asked := settings()
	asked.Proxy = precheck.Proxy{HTTPS: "http://user:secret@proxy:3128", None: ".hub.example.org"}
	asked.Onboarding = append(asked.Onboarding, "https://elsewhere.example.com/", "https://10.0.0.7/")
	seen := network{status: everything()}
	var log bytes.Buffer
	if err := precheck.Look(t.Context(), &seen, asked).Write(&log); err != nil {
		t.Fatal(err)
	}
	through := map[string]string{}
	for _, target := range seen.asked.Targets {
		through[target.URL] = target.Proxy
		if target.CAs != "PEM" {
			t.Errorf("%s is not verified", target.URL)
		}
	}
	if through[manager] != "" || through["https://elsewhere.example.com/"] != "http://user:secret@proxy:3128" {
		t.Errorf("proxies: %v", through)
	}
	lookups := strings.Join(seen.asked.Lookups, " ")
	if strings.Contains(lookups, "elsewhere") || strings.Contains(lookups, "10.0.0.7") || !strings.Contains(lookups, "arm.hub.example.org") {
		t.Errorf("names looked up: %s", lookups)
	}
	if strings.Contains(log.String(), "secret") || asked.Proxy.String() != "(proxy)" {
		t.Error("the proxy's password is shown")
	}
}

func TestEnvironment(t *testing.T) {
	all := map[string]string{
		precheck.EnvConnect: connect, precheck.EnvOnboarding: manager + " " + registry, precheck.EnvLogin: login, precheck.EnvCRDs: "a b",
		precheck.EnvHubCA: "HUB", precheck.EnvProxyCA: "PROXY", "HTTPS_PROXY": "http://proxy:3128",
	}
	got, definitions := precheck.FromEnvironment(func(key string) string { return all[key] })
	if got.Connect != connect || len(got.Onboarding) != 2 || got.Login != login || got.CAs != "HUB\nPROXY" || got.Proxy.HTTPS != "http://proxy:3128" {
		t.Errorf("got %+v", got)
	}
	if len(definitions) != 2 {
		t.Errorf("definitions %v", definitions)
	}
	if precheck.Authorities("", "PROXY") != "" {
		t.Error("a hub of a public authority would be verified with the proxy's alone")
	}
}

// definitions answer with the JSON of a name, or refuse.
type definitions map[string]string

// Get knows custom resource definitions only.
func (d definitions) Get(_ context.Context, path, _ string, v any) error {
	text, ok := d[strings.TrimPrefix(path, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/")]
	switch {
	case !ok:
		return kubeapi.Refusal{Status: 404}
	case text == "":
		return kubeapi.Refusal{Status: 403}
	}
	return json.Unmarshal([]byte(text), v)
}

func TestDefinitionsOfOthers(t *testing.T) {
	const helm = `"labels":{"app.kubernetes.io/managed-by":"Helm"},"annotations":{"meta.helm.sh/release-name":"%s","meta.helm.sh/release-namespace":"%s"}`
	owned := func(release, namespace string) string {
		return `{"metadata":{` + strings.Replace(strings.Replace(helm, "%s", release, 1), "%s", namespace, 1) + `}}`
	}
	cases := map[string]struct{ reason, definition, want string }{
		"Ours":      {"an earlier release of the agents", owned("azure-arc", "azure-arc-release"), ""},
		"Another":   {"Helm would refuse", owned("old-arc", "default"), "Check Failed: CRD"},
		"Elsewhere": {"the namespace counts", owned("azure-arc", "default"), "Check Failed: CRD"},
		"Nobodys":   {"made by hand", `{"metadata":{}}`, "Check Failed: CRD"},
		"Hidden":    {"not to be seen is no failure", "", "could not be looked at"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			err := precheck.WriteCRDs(t.Context(), definitions{"one": c.definition}, []string{"missing", "one"}, &log)
			if err != nil || c.want == "" && log.Len() > 0 || !strings.Contains(log.String(), c.want) {
				t.Errorf("%s: %v, %q", c.reason, err, log.String())
			}
			if (judge(log.String()).definitions == "failed") != strings.HasPrefix(c.want, "Check Failed") {
				t.Errorf("%s: judged %+v", c.reason, judge(log.String()))
			}
		})
	}
}
