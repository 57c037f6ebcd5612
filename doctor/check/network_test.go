package check

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func netChecks() []doctor.Check { return append(network(), dataPlane()...) }

// netProblems are the problems of a snapshot in short. Each must be said in whole words.
func netProblems(t *testing.T, s *snapshot.Snapshot) []string {
	t.Helper()
	words, err := catalogue.Open(catalogue.English)
	if err != nil {
		t.Fatal(err)
	}
	var short []string
	findings := doctor.Evaluate(netChecks(), s, nil)
	for _, result := range doctor.NewReport(findings, words, doctor.Cluster{}, s.Taken).Findings {
		for _, text := range append([]string{result.Reason}, netAdvice(result)...) {
			if regexp.MustCompile(`\{[a-z][A-Za-z]*\}`).MatchString(text) || result.Problem() && (text == "" || !strings.Contains(text, " ")) {
				t.Errorf("%s is not said in whole words: %q", result.ID, text)
			}
		}
	}
	for _, f := range findings {
		if f.Problem() {
			text := f.ID + " " + string(f.Status) + " " + f.Key
			if f.CausedBy != "" {
				text += " <- " + f.CausedBy
			}
			short = append(short, text)
		}
	}
	slices.Sort(short)
	return short
}

func netAdvice(result doctor.Result) []string {
	var texts []string
	for _, advice := range result.Remedies {
		texts = append(texts, advice.Text)
	}
	return texts
}

func netSet(s *snapshot.Snapshot, values map[string]any) {
	s.Releases[0].Values = map[string]any{"global": values}
}

func TestNetworkOfHealthyClusters(t *testing.T) {
	a := newNetAuthority(t, "test")
	for name, s := range map[string]*snapshot.Snapshot{
		"Azure":    netCluster(t, a),
		"Fairlead": netComplete(arcFairlead(arcFairleadAgents()...), a),
		"Edge":     netComplete(arcFairlead("edge-agent"), a),
		"NoProbe":  netWithoutProbe(netCluster(t, a)),
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range doctor.Evaluate(netChecks(), s, nil) {
				if f.Problem() || f.Status == doctor.Unknown {
					t.Errorf("%s is %s %s %v", f.ID, f.Status, f.Key, f.Args)
				}
			}
		})
	}
}

func netWithoutProbe(s *snapshot.Snapshot) *snapshot.Snapshot {
	s.Probe = nil
	delete(s.Coverage, snapshot.ProbeFromPod)
	delete(s.Coverage, snapshot.ProbeFromNode)
	return s
}

func TestNetworkOfNothingSeen(t *testing.T) {
	for _, f := range doctor.Evaluate(netChecks(), &snapshot.Snapshot{}, nil) {
		if f.Problem() || f.Status == doctor.Pass {
			t.Errorf("%s is %s %s", f.ID, f.Status, f.Key)
		}
	}
}

func TestNames(t *testing.T) {
	a := newNetAuthority(t, "test")
	never := func(string) bool { return true }
	outside := func(name string) bool { return !netInternal(name) }
	dead := func(s *snapshot.Snapshot) { s.EndpointSlices[0].Endpoints = nil }
	cases := map[string]struct {
		reason string
		broken func(*snapshot.Snapshot)
		want   []string
	}{
		"ScaledDown": {"CoreDNS scaled to zero, seen without a probe", func(s *snapshot.Snapshot) {
			dead(netWithoutProbe(s))
			netScale(s, 0)
		}, []string{"NET-01 fail scaledDown"}},
		"ScaledDownProbed": {"all that follows from it is under it", func(s *snapshot.Snapshot) {
			dead(s)
			netScale(s, 0)
			netAnswer(s.Probe.Pod.Result, wire.RCodeTimeout, never)
			netFail(s.Probe.Pod.Result, netAll, wire.Stage{Name: wire.StageDNS, Reason: wire.ReasonTimeout, Error: "i/o timeout"})
		}, []string{"NET-01 fail scaledDown", "NET-02 fail name <- NET-01", "NET-05 warn name <- NET-01"}},
		"ServiceDeleted": {"the workload is there, the service is not", func(s *snapshot.Snapshot) {
			netWithoutProbe(s).Services = nil
		}, []string{"NET-01 fail noService"}},
		"WrongSelector": {"pods are fine and the service has none", dead, []string{"NET-01 fail noEndpoints"}},
		"SlowStart": {"an endpoint of which nothing is said counts", func(s *snapshot.Snapshot) {
			s.EndpointSlices[0].Endpoints[0].Conditions = discoveryv1.EndpointConditions{}
		}, nil},
		"Crash": {"a wrong Corefile after a restart", func(s *snapshot.Snapshot) {
			dead(netWithoutProbe(s))
			status := &s.Pods[len(s.Pods)-1].Status.ContainerStatuses[0]
			status.Ready, status.RestartCount = false, 5
			status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
			status.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}}
		}, []string{"NET-01 fail crash"}},
		"UpstreamServfail": {"forward to a server that is not there", func(s *snapshot.Snapshot) { netAnswer(s.Probe.Pod.Result, "SERVFAIL", outside) }, []string{"NET-01 fail upstreamServfail"}},
		"UpstreamNxdomain": {"a server that knows nothing", func(s *snapshot.Snapshot) { netAnswer(s.Probe.Pod.Result, "NXDOMAIN", outside) }, []string{"NET-01 fail upstreamNxdomain"}},
		"UpstreamRefused":  {"a server that does not serve us", func(s *snapshot.Snapshot) { netAnswer(s.Probe.Pod.Result, "REFUSED", outside) }, []string{"NET-01 fail upstreamRefused"}},
		"UpstreamSilence":  {"packets are lost", func(s *snapshot.Snapshot) { netAnswer(s.Probe.Pod.Result, wire.RCodeTimeout, outside) }, []string{"NET-01 fail upstreamSilence"}},
		"Silence":          {"packets to the service are lost", func(s *snapshot.Snapshot) { netAnswer(s.Probe.Pod.Result, wire.RCodeTimeout, never) }, []string{"NET-01 fail insideSilence"}},
		"InsideNxdomain":   {"somebody else answers", func(s *snapshot.Snapshot) { netAnswer(s.Probe.Pod.Result, "NXDOMAIN", netInternal) }, []string{"NET-01 fail insideNxdomain"}},
		"OtherDomain": {"a cluster whose domain is another one", func(s *snapshot.Snapshot) {
			netAnswer(s.Probe.Pod.Result, "NXDOMAIN", func(n string) bool { return strings.HasSuffix(n, ".") && netInternal(n) })
		}, nil},
		"OneName": {"one name among others is a matter of that name", func(s *snapshot.Snapshot) {
			netAnswer(s.Probe.Pod.Result, "NXDOMAIN", func(n string) bool { return strings.HasPrefix(n, "mcr.") })
		}, nil},
		"BehindProxy": {"the proxy resolves names outside, pods need not", func(s *snapshot.Snapshot) {
			netSet(s, map[string]any{"isProxyEnabled": true, "httpsProxy": "http://proxy:3128", "httpProxy": "http://proxy:3128", "noProxy": "10.0.0.0/16,kubernetes.default.svc,.svc,.svc.cluster.local"})
			netAnswer(s.Probe.Pod.Result, "NXDOMAIN", outside)
		}, nil},
		"LoopingForward": {"CoreDNS asks itself", func(s *snapshot.Snapshot) {
			netWithoutProbe(s)
			netCorefile(s).Data["Corefile"] = strings.Replace(netTestCorefile, "/etc/resolv.conf", "10.0.0.10", 1)
		}, []string{"NET-01 fail loop"}},
		"BadCorefile": {"it still answers, and will not start again", func(s *snapshot.Snapshot) {
			config := netCorefile(netWithoutProbe(s))
			config.Data["Corefile"] = strings.Replace(netTestCorefile, "errors", "errorz", 1)
			netTouch(config)
		}, []string{"NET-01 warn corefile"}},
		"UnknownPlugin": {"a CoreDNS of somebody's own has started with it", func(s *snapshot.Snapshot) {
			netCorefile(netWithoutProbe(s)).Data["Corefile"] = strings.Replace(netTestCorefile, "errors", "errors\n    gateway_of_ours", 1)
			netCorefile(s).CreationTimestamp = metav1.NewTime(arcNow().Add(-48 * time.Hour))
		}, nil},
		"ForeignOverride": {"a mistake in an override of somebody else's", func(s *snapshot.Snapshot) {
			custom := dpTestCustom(netWithoutProbe(s), map[string]string{"shop.override": "hosts {\n 10.1.1.1 shop.example\n}\n"})
			netTouch(custom)
		}, []string{"NET-01 warn custom"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := netCluster(t, a)
			c.broken(s)
			if diff := cmp.Diff(c.want, netProblems(t, s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func netScale(s *snapshot.Snapshot, to int32) {
	d := &s.Deployments[len(s.Deployments)-1]
	d.Spec.Replicas = &to
	d.Status.Replicas, d.Status.UpdatedReplicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = to, to, to, to
	if to == 0 {
		s.Pods = s.Pods[:len(s.Pods)-1]
	}
}

func netTouch(config *corev1.ConfigMap) {
	now := metav1.NewTime(arcNow().Add(-time.Minute))
	config.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl", Time: &now}}
}

func TestDNSOfOtherPlatforms(t *testing.T) {
	cases := map[string]struct {
		reason string
		build  func(*snapshot.Snapshot)
		want   doctor.Status
	}{
		"OpenShift": {"its DNS is in openshift-dns", func(s *snapshot.Snapshot) { s.Server.Groups = append(s.Server.Groups, "config.openshift.io") }, doctor.Skipped},
		"EKS":       {"its nodes resolve names themselves", func(s *snapshot.Snapshot) { s.Nodes[0].Labels["eks.amazonaws.com/compute-type"] = "auto" }, doctor.Skipped},
		"Nobody":    {"nobody can see how names are resolved", func(*snapshot.Snapshot) {}, doctor.Unknown},
		"NoNodes":   {"a control plane alone", func(s *snapshot.Snapshot) { s.Nodes = nil }, doctor.Skipped},
		"RKE2": {"the chart gives other names and the usual label", func(s *snapshot.Snapshot) {
			netDNSIn(s)
			s.Services[0].Name, s.EndpointSlices[0].Labels["kubernetes.io/service-name"] = "rke2-coredns", "rke2-coredns"
			s.Deployments[len(s.Deployments)-1].Name = "rke2-coredns"
		}, doctor.Pass},
		"K3s": {"its Corefile has hosts and imports by full paths", func(s *snapshot.Snapshot) {
			netDNSIn(s)
			netCorefile(s).Data["Corefile"] = ".:53 {\n    errors\n    health\n    ready\n    kubernetes cluster.local in-addr.arpa ip6.arpa {\n      pods insecure\n      fallthrough in-addr.arpa ip6.arpa\n    }\n    hosts /etc/coredns/NodeHosts {\n      ttl 60\n      reload 15s\n      fallthrough\n    }\n    forward . /etc/resolv.conf\n    cache 30\n    loop\n    reload\n    loadbalance\n    import /etc/coredns/custom/*.override\n}\nimport /etc/coredns/custom/*.server\n"
		}, doctor.Pass},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := arcAzure()
			c.build(s)
			for _, f := range doctor.Evaluate([]doctor.Check{networkNames()}, s, nil) {
				if f.Status != c.want {
					t.Errorf("%s: %s %s", c.reason, f.Status, f.Key)
				}
			}
		})
	}
}

func TestReach(t *testing.T) {
	a, stranger := newNetAuthority(t, "test"), newNetAuthority(t, "stranger")
	essential := func(r wire.TargetResult) bool { return r.Name != "obo" && r.Name != "relay" }
	drop := wire.Stage{Name: wire.StageTCP, Reason: wire.ReasonTimeout, Error: "connect: i/o timeout"}
	proxied := func(s *snapshot.Snapshot) *wire.Result {
		netSet(s, map[string]any{"isProxyEnabled": true, "httpsProxy": "http://proxy:3128", "httpProxy": "http://proxy:3128", "noProxy": "10.0.0.0/16,kubernetes.default.svc,.svc,.svc.cluster.local"})
		s.Probe.Pod.Result = netProbe(s, a, "pod")
		return s.Probe.Pod.Result
	}
	refuse := func(status string) wire.Stage {
		return wire.Stage{Name: wire.StageConnect, Reason: wire.ReasonStatus, Error: "the proxy says " + status, Detail: map[string]string{wire.DetailStatus: status}}
	}
	page := func(s *snapshot.Snapshot, server string) {
		netFail(s.Probe.Pod.Result, netCalled("data-plane"), wire.Stage{Name: wire.StageHTTP, OK: true, Detail: map[string]string{wire.DetailStatus: "403", wire.DetailHeader + "server": server}})
	}
	intercept := func(result *wire.Result) { netShake(result, netAll, stranger, arcNow().Add(-time.Hour)) }
	cases := map[string]struct {
		reason string
		broken func(*snapshot.Snapshot)
		want   []string
	}{
		"Dropped": {"one firewall is one finding", func(s *snapshot.Snapshot) { netFail(s.Probe.Pod.Result, netAll, drop) }, []string{"NET-02 fail timeout", "NET-05 fail blocked <- NET-02", "NET-06 fail blocked <- NET-02"}},
		"OneRefused": {"one host", func(s *snapshot.Snapshot) {
			netFail(s.Probe.Pod.Result, netCalled("data-plane"), wire.Stage{Name: wire.StageTCP, Reason: wire.ReasonRefused, Error: "refused"})
		}, []string{"NET-02 fail refused"}},
		"Reset": {"a firewall that reads along", func(s *snapshot.Snapshot) {
			netFail(s.Probe.Pod.Result, essential, wire.Stage{Name: wire.StageTLS, Reason: wire.ReasonReset, Error: "reset"})
		}, []string{"NET-02 fail reset"}},
		"FeatureOnly": {"cluster connect is not all", func(s *snapshot.Snapshot) { netFail(s.Probe.Pod.Result, netCalled("csp"), drop) }, []string{"NET-02 warn timeout"}},
		"Client":      {"this machine is not the cluster", func(s *snapshot.Snapshot) { netFail(s.Probe.Client.Result, netAll, drop) }, []string{"NET-02 warn client"}},
		"NodeWithout": {"images come in spite of it", func(s *snapshot.Snapshot) { netFail(s.Probe.Node.Result, netAll, drop) }, []string{"NET-02 warn node"}},
		"NodePull": {"images do not come", func(s *snapshot.Snapshot) {
			netFail(s.Probe.Node.Result, netAll, drop)
			arcBreak(s, "metrics-agent", arcWaits("ImagePullBackOff", `dial tcp 1.2.3.4:443: i/o timeout`))
		}, []string{"NET-02 fail node"}},
		"BlockPage":         {"a page of a proxy is no answer of the endpoint", func(s *snapshot.Snapshot) { page(s, "squid/6.6") }, []string{"NET-02 fail middlebox"}},
		"Unauthorised":      {"an answer of the endpoint is", func(s *snapshot.Snapshot) { page(s, "Microsoft-HTTPAPI/2.0") }, nil},
		"Intercepted":       {"a stranger answers for all", func(s *snapshot.Snapshot) { intercept(s.Probe.Pod.Result) }, []string{"NET-04 fail intercepted"}},
		"ClientIntercepted": {"a proxy on the way of this machine", func(s *snapshot.Snapshot) { intercept(s.Probe.Client.Result) }, []string{"NET-04 warn client"}},
		"NodeIntercepted":   {"what a node trusts is unknown", func(s *snapshot.Snapshot) { intercept(s.Probe.Node.Result) }, nil},
		"Early": {"a certificate of tomorrow", func(s *snapshot.Snapshot) {
			netShake(s.Probe.Pod.Result, netCalled("data-plane"), a, arcNow().Add(24*time.Hour))
		}, []string{"NET-07 fail certificateEarly"}},
		"ProxyPassword": {"every CONNECT is refused", func(s *snapshot.Snapshot) { netFail(proxied(s), netAll, refuse("407")) }, []string{"NET-03 fail authentication", "NET-05 fail proxy <- NET-03", "NET-06 fail proxy <- NET-03"}},
		"ProxyPolicy":   {"every CONNECT is forbidden", func(s *snapshot.Snapshot) { netFail(proxied(s), essential, refuse("403")) }, []string{"NET-03 fail policy"}},
		"ProxyRefuses":  {"one host is forbidden", func(s *snapshot.Snapshot) { netFail(proxied(s), netCalled("registry"), refuse("403")) }, []string{"NET-02 fail connect"}},
		"ProxyHangs": {"no answer to CONNECT", func(s *snapshot.Snapshot) {
			netFail(proxied(s), essential, wire.Stage{Name: wire.StageConnect, Reason: wire.ReasonTimeout, Error: "timeout"})
		}, []string{"NET-03 fail hangs"}},
		"ProxyDown": {"nobody is there", func(s *snapshot.Snapshot) {
			netFail(proxied(s), essential, wire.Stage{Name: wire.StageTCP, Reason: wire.ReasonRefused, Error: "refused"})
		}, []string{"NET-03 fail unreachable"}},
		"Port8084": {"many proxies allow 443 only", func(s *snapshot.Snapshot) { netFail(proxied(s), netCalled("obo"), refuse("403")) }, []string{"NET-05 fail proxy"}},
		"NoUpgrade": {"a proxy that knows no websockets", func(s *snapshot.Snapshot) {
			netFail(s.Probe.Pod.Result, netCalled("relay"), wire.Stage{Name: wire.StageWebSocket, Reason: wire.ReasonStatus, Error: "200 OK", Detail: map[string]string{wire.DetailStatus: "200", wire.DetailHeader + "server": "nginx"}})
		}, []string{"NET-06 fail refused"}},
		"Mesh": {"servers inside the cluster have authorities of their own", func(s *snapshot.Snapshot) {
			s.Probe.Pod.Result.Targets = append(s.Probe.Pod.Result.Targets, wire.TargetResult{
				Name: "osm-validator", URL: "https://osm-validator.arc-osm-system.svc:9093/", Kind: wire.TLS, Stages: []wire.Stage{stranger.tls("osm-validator.arc-osm-system.svc", arcNow().Add(-time.Hour))},
			})
		}, nil},
		"NoRelay": {"the usual name is only a guess", func(s *snapshot.Snapshot) {
			netFail(s.Probe.Pod.Result, netCalled("relay"), wire.Stage{Name: wire.StageDNS, Reason: wire.ReasonNoName, Error: "no such host"})
		}, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := netCluster(t, a)
			c.broken(s)
			if diff := cmp.Diff(c.want, netProblems(t, s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

// TestHiddenPassword has a snapshot that keeps no password, so that a proxy cannot but refuse the probe.
func TestHiddenPassword(t *testing.T) {
	a := newNetAuthority(t, "test")
	s := netCluster(t, a)
	netSet(s, map[string]any{"httpsProxy": "http://redacted-0a1b2c@proxy:3128", "httpProxy": "http://redacted-0a1b2c@proxy:3128", "noProxy": "*"})
	s.Releases[0].Values["global"].(map[string]any)["noProxy"] = "10.0.0.0/16,.svc,.svc.cluster.local"
	s.Probe.Pod.Result = netProbe(s, a, "pod")
	netFail(s.Probe.Pod.Result, netAll, wire.Stage{Name: wire.StageConnect, Reason: wire.ReasonStatus, Detail: map[string]string{wire.DetailStatus: "407"}})
	for _, f := range doctor.Evaluate([]doctor.Check{networkProxy()}, s, nil) {
		if f.Status != doctor.Unknown || f.Key != "hiddenPassword" {
			t.Errorf("got %s %s", f.Status, f.Key)
		}
	}
}

func TestProxySettings(t *testing.T) {
	a := newNetAuthority(t, "test")
	good := "10.0.0.0/16,kubernetes.default.svc,.svc,.svc.cluster.local"
	cases := map[string]struct {
		reason, url, none string
		want              []string
	}{
		"Good":          {"as documented", "http://user:p%40ss@proxy.example:3128", good, nil},
		"TLS":           {"a proxy may speak TLS", "https://proxy.example:3129/", good, nil},
		"None":          {"no proxy, nothing to judge", "", "", nil},
		"Typographic":   {"pasted from a web page", "“http://proxy:3128”", good, []string{"NET-03 fail quotes"}},
		"NoScheme":      {"not a URL", "proxy.example:3128", good, []string{"NET-03 fail scheme"}},
		"Socks":         {"another kind of proxy", "socks5://proxy:1080", good, []string{"NET-03 fail scheme"}},
		"Space":         {"a space in it", "http://proxy :3128", good, []string{"NET-03 fail spaces"}},
		"At":            {"a password with @", "http://user:p@ss@proxy:3128", good, []string{"NET-03 fail userInfo"}},
		"Slash":         {"a password with /", "http://user:p/ss@proxy:3128", good, []string{"NET-03 fail userInfo"}},
		"Percent":       {"a password with %", "http://user:100%@proxy:3128", good, []string{"NET-03 fail userInfo"}},
		"Port":          {"no such port", "http://proxy:70000", good, []string{"NET-03 fail port"}},
		"NoHost":        {"nobody named", "http://:3128", good, []string{"NET-03 fail host"}},
		"NoRange":       {"the API server goes through the proxy", "http://proxy:3128", "localhost,.svc,.svc.cluster.local", []string{"NET-03 fail range"}},
		"NoList":        {"nothing is left out", "http://proxy:3128", "", []string{"NET-03 fail range"}},
		"OneAddress":    {"the API server alone", "http://proxy:3128", "10.0.0.1,.svc,.svc.cluster.local", []string{"NET-03 warn partOfRange"}},
		"NoNames":       {"services by name go through the proxy", "http://proxy:3128", "10.0.0.0/16", []string{"NET-03 warn names"}},
		"Semicolons":    {"other separators", "http://proxy:3128", "10.0.0.0/16;.svc", []string{"NET-03 fail separator"}},
		"Star":          {"all is left out", "http://proxy:3128", "*", nil},
		"SpacesInList":  {"they are trimmed", "http://proxy:3128", "10.0.0.0/16, .svc, .svc.cluster.local", nil},
		"RedactedAgain": {"what took the place of a password is a valid URL", "http://redacted-0a1b2c@proxy:3128", good, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := netWithoutProbe(netCluster(t, a))
			netSet(s, map[string]any{"isProxyEnabled": true, "httpProxy": c.url, "httpsProxy": c.url, "noProxy": c.none})
			if diff := cmp.Diff(c.want, netProblems(t, s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			for _, f := range doctor.Evaluate(network(), s, nil) {
				for _, e := range f.Evidence {
					if strings.Contains(e.Text, "ss@") || strings.Contains(f.Args["value"], "ss@") {
						t.Errorf("a password is told: %s", e.Text)
					}
				}
			}
		})
	}
}

func TestProxyVariables(t *testing.T) {
	a := newNetAuthority(t, "test")
	s := netWithoutProbe(netCluster(t, a))
	s.Deployments[0].Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Env: []corev1.EnvVar{
		{Name: "HTTPS_PROXY", Value: "http://a:1"}, {Name: "https_proxy", Value: "http://b:1"}, {Name: "NO_PROXY", Value: "10.0.0.0/8,.svc,.svc.cluster.local"},
	}}}
	if diff := cmp.Diff([]string{"NET-03 warn variants"}, netProblems(t, s)); diff != "" {
		t.Error(diff)
	}
	netSet(s, map[string]any{"isProxyEnabled": false, "httpProxy": "“"})
	s.Deployments[0].Spec.Template.Spec.Containers = nil
	if diff := cmp.Diff([]string(nil), netProblems(t, s)); diff != "" {
		t.Errorf("a proxy that is not used: %s", diff)
	}
	netSet(s, map[string]any{"isCustomCert": true, "proxyCert": ""})
	if diff := cmp.Diff([]string{"NET-03 fail certificate"}, netProblems(t, s)); diff != "" {
		t.Error(diff)
	}
}

func TestTrustInLogs(t *testing.T) {
	a := newNetAuthority(t, "test")
	stamp := func(age time.Duration) string { return arcNow().Add(-age).Format("2006/01/02 15:04:05") }
	unknown := ` Failed to GET configurations with err : {reach the hub: Post \"https://hub.example.com/x\": tls: failed to verify certificate: x509: certificate signed by unknown authority}`
	line := func(age time.Duration, message string) string {
		return `{"Message":"` + stamp(age) + message + `","AgentName":"ConfigAgent"}`
	}
	cases := map[string]struct {
		reason, log string
		want        []string
	}{
		"Now":     {"agents do not trust the hub", line(time.Minute, unknown), []string{"NET-04 fail log"}},
		"History": {"they got through afterwards", line(2*time.Minute, unknown) + "\n" + line(time.Minute, " GET configurations returned response code {200}"), nil},
		"Old":     {"an hour ago", line(time.Hour, unknown), nil},
		"Inside":  {"the cluster's own API server is no matter of proxies", line(time.Minute, ` Get \"https://10.0.0.1:443/api\": x509: certificate signed by unknown authority`), nil},
		"Between": {"two agents, one of which has the other's next certificate not yet", line(time.Minute, ` the hub's way to kube-aad-proxy {reach kube-aad-proxy at kube-aad-proxy.azure-arc:443: tls: failed to verify certificate: x509: certificate signed by unknown authority}`), nil},
		"Early":   {"the node's clock is behind", line(time.Minute, ` Post \"https://hub.example.com/x\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-02-01T00:00:00Z is before 2026-02-28T00:00:00Z`), []string{"NET-07 fail notYetValid"}},
		"Offset":  {"the agent makes up for it", line(time.Hour, ` this node's clock differs from the hub's offset {-7m0s}`), []string{"NET-07 warn hub"}},
		"Mended":  {"the last word counts", line(time.Hour, ` this node's clock differs from the hub's offset {-7m0s}`) + "\n" + line(time.Minute, ` this node's clock differs from the hub's offset {1s}`), nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := netComplete(arcFairlead(arcFairleadAgents()...), a)
			s.Logs = []snapshot.Log{{Namespace: arcSpace, Pod: "config-agent-5d8f-x", Container: fairlead.ConfigAgent, Text: c.log}}
			if diff := cmp.Diff(c.want, netProblems(t, s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func TestClocks(t *testing.T) {
	a := newNetAuthority(t, "test")
	beat := func(s *snapshot.Snapshot, after time.Duration) {
		s.Nodes[0].Status.Conditions[0].LastHeartbeatTime = metav1.NewTime(arcNow().Add(after))
	}
	cases := map[string]struct {
		reason string
		change func(*snapshot.Snapshot)
		want   []string
	}{
		"Second":    {"a Date header is cut to the second", func(s *snapshot.Snapshot) { s.Server.Date = arcNow().Add(-20 * time.Second) }, nil},
		"Minute":    {"told, and borne", func(s *snapshot.Snapshot) { s.Server.Date = arcNow().Add(-time.Minute) }, []string{"NET-07 warn clientAhead"}},
		"Hour":      {"tokens are refused", func(s *snapshot.Snapshot) { s.Server.Date = arcNow().Add(time.Hour) }, []string{"NET-07 fail clientBehind"}},
		"NodeAhead": {"a sign of life from the future", func(s *snapshot.Snapshot) { beat(s, time.Hour) }, []string{"NET-07 fail nodeAhead"}},
		"NodeStale": {"a node that is gone is no clock", func(s *snapshot.Snapshot) { beat(s, -time.Hour) }, nil},
		"NodeSoon":  {"reading takes time", func(s *snapshot.Snapshot) { beat(s, time.Minute) }, nil},
		"Probe":     {"all hosts say another time than the node", func(s *snapshot.Snapshot) { s.Probe.Pod.Result.Started = arcNow().Add(-10 * time.Minute) }, []string{"NET-07 fail probed"}},
		"NoDate":    {"nobody told the time", func(s *snapshot.Snapshot) { s.Server.Date = time.Time{} }, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := netCluster(t, a)
			c.change(s)
			if diff := cmp.Diff(c.want, netProblems(t, s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}

func FuzzProxyURL(f *testing.F) {
	for _, seed := range []string{"http://user:p%40ss@proxy:3128", "“http://x”", "%", "http://[::1]:1", "://@"} {
		f.Add(seed, "10.0.0.0/8,.svc")
	}
	f.Fuzz(func(t *testing.T, value, list string) {
		if netURLFault(value) == "" && !strings.HasPrefix(strings.ToLower(value), "http") {
			t.Errorf("%q counts as the URL of a proxy", value)
		}
		netCovered(list, "10.0.0.1")
		netCovered(list, "kubernetes.default.svc")
	})
}

// TestTunnelOfAHub looks at the WebSocket of cluster connect at a hub of Fairlead, which wants to know whose a request to open one is.
func TestTunnelOfAHub(t *testing.T) {
	a := newNetAuthority(t, "test")
	answer := func(status, body string) wire.Stage {
		return wire.Stage{Name: wire.StageWebSocket, Reason: wire.ReasonStatus, Error: status, Detail: map[string]string{wire.DetailStatus: status, wire.DetailBody: body}}
	}
	cases := map[string]struct {
		reason string
		stage  wire.Stage
		want   []string
	}{
		"Asked":    {"the hub asks who it is", answer("401", `{"error":{"code":"Unauthenticated"}}`), nil},
		"Deleted":  {"the hub knows no such cluster", answer("404", `{"error":{"code":"ResourceNotFound"}}`), nil},
		"Stripped": {"the hub was not asked to change", answer("426", `{"error":{"code":"UpgradeRequired"}}`), []string{"NET-06 fail refused"}},
		"Refused":  {"somebody on the way forbids it", answer("403", "<html>"), []string{"NET-06 fail refused"}},
		"Page":     {"somebody on the way asks for a password", answer("401", "<html>"), []string{"NET-06 fail refused"}},
		"Silent":   {"no answer", wire.Stage{Name: wire.StageWebSocket, Reason: wire.ReasonTimeout, Error: "timeout"}, []string{"NET-06 fail silent"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s := netComplete(arcFairlead(append(arcFairleadAgents(), "clusterconnect-agent", "kube-aad-proxy")...), a)
			netFail(s.Probe.Pod.Result, netCalled("relay"), c.stage)
			if diff := cmp.Diff(c.want, netProblems(t, s)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
}
