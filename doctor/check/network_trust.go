package check

import (
	"crypto/x509"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/x509roots/fallback/bundle"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Where the agents get the authorities from that they trust beside the public ones.
const (
	netHubCA       = "azure-arc-hub-ca"
	netProxySecret = "proxy-config" //nolint:gosec // the name of a Secret, not a secret
	netProxyCert   = "proxy-cert"
)

// netTrust judges chains as the agents do: this machine's own store may well hold the authority of the very proxy that is looked for.
type netTrust struct {
	public, own *x509.CertPool
	now         time.Time
}

// netVerdict is what a chain is worth.
type netVerdict string

const (
	netUnseen  netVerdict = ""        // there was no handshake
	netPublic  netVerdict = "public"  // the endpoint itself: nobody else has such a certificate
	netOwn     netVerdict = "own"     // by an authority that the agents were given
	netTimed   netVerdict = "timed"   // would be good at another time
	netOther   netVerdict = "other"   // good, for another host
	netForeign netVerdict = "foreign" // by an authority that the agents do not know
)

func newNetTrust(s *snapshot.Snapshot) *netTrust {
	t := &netTrust{public: x509.NewCertPool(), own: x509.NewCertPool(), now: s.Taken}
	for root := range bundle.Roots() {
		certificate, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
		case root.Constraint == nil:
			t.public.AddCert(certificate)
		default:
			t.public.AddCertWithConstraint(certificate, root.Constraint)
		}
	}
	for _, c := range s.Certificates {
		if c.Namespace == arcSpace && (c.Secret == netProxySecret || c.Secret == netProxyCert) {
			t.own.AppendCertsFromPEM([]byte(c.PEM))
		}
	}
	for i := range s.ConfigMaps {
		if c := &s.ConfigMaps[i]; c.Namespace == arcSpace && c.Name == netHubCA {
			t.own.AppendCertsFromPEM([]byte(c.Data["ca.crt"]))
		}
	}
	if release, ok := arcRelease(s); ok {
		for _, key := range []string{"proxyCert", "hubCA"} {
			if value, _ := release.Value("global", key); value != nil {
				text, _ := value.(string)
				t.own.AppendCertsFromPEM([]byte(text))
			}
		}
	}
	return t
}

// judge looks at the chain that a target showed.
func (t *netTrust) judge(target wire.TargetResult) netVerdict {
	stage, host := target.Stage(wire.StageTLS), netName(target.URL)
	if stage == nil {
		return netUnseen
	}
	chain, err := stage.Certificates()
	if err != nil {
		return netUnseen
	}
	moment := netMoment(chain)
	for _, try := range []struct {
		roots   *x509.CertPool
		host    string
		now     time.Time
		verdict netVerdict
	}{
		{t.public, host, t.now, netPublic},
		{t.own, host, t.now, netOwn},
		{t.public, host, moment, netTimed},
		{t.own, host, moment, netTimed},
		{t.public, "", moment, netOther},
	} {
		if stage.Verify(try.roots, try.host, try.now) == nil {
			return try.verdict
		}
	}
	return netForeign
}

// netMoment is a time at which all certificates of a chain are good, if there is one.
func netMoment(chain []*x509.Certificate) time.Time {
	latest := chain[0].NotBefore
	for _, c := range chain {
		if c.NotBefore.After(latest) {
			latest = c.NotBefore
		}
	}
	return latest.Add(time.Second)
}

func networkTrust() doctor.Check {
	return netAgents(doctor.Check{
		ID: "NET-04", Severity: doctor.High, After: []string{"NET-07"}, Logs: netTrustLogs(),
		Uses: []snapshot.Need{snapshot.Everywhere(snapshot.Pods), snapshot.Everywhere(snapshot.ReplicaSets), snapshot.Everywhere(snapshot.Events)}, Eval: judgeNetTrust,
	})
}

// netTrustLogs are the logs of agents that speak TLS with the hub.
func netTrustLogs() []snapshot.LogNeed {
	const lines = 200
	logs := []snapshot.LogNeed{{Namespace: extSystem, Prefix: "extension-agent-", Lines: lines}}
	for _, agent := range []string{"clusteridentityoperator-", "config-agent-", "edge-agent-", "extension-manager-", "clusterconnect-agent-"} {
		logs = append(logs, snapshot.LogNeed{Namespace: arcSpace, Prefix: agent, Lines: lines})
	}
	return logs
}

func judgeNetTrust(s *snapshot.Snapshot) []doctor.Finding {
	trust := newNetTrust(s)
	var found []doctor.Finding
	for _, view := range netViews(s) {
		found = append(found, netIntercepted(s, view, trust)...)
	}
	if len(found) > 0 && found[0].Status == doctor.Fail {
		evidence, _ := netSaid(s, "NET-04", netTrustLogs(), netTrustLine(s))
		for _, e := range evidence {
			found[0].Evidence = arcSay(found[0].Evidence, e)
		}
		return found
	}
	evidence, objects := netSaid(s, "NET-04", netTrustLogs(), netTrustLine(s))
	if len(evidence) == 0 {
		return found
	}
	finding := netTrustFinding(s, "log", nil)
	finding.Evidence, finding.Objects = evidence, objects
	return append([]doctor.Finding{finding}, found...)
}

// netIntercepted makes one finding of all hosts that the same stranger speaks for.
func netIntercepted(s *snapshot.Snapshot, view netView, trust *netTrust) []doctor.Finding {
	key := ""
	var hosts, issuers []string
	var evidence []doctor.Evidence
	for _, target := range view.result.Targets {
		verdict := trust.judge(target)
		if verdict != netForeign && verdict != netOther {
			continue
		}
		if key == "" || verdict == netForeign {
			key = map[netVerdict]string{netForeign: "intercepted", netOther: "otherName"}[verdict]
		}
		detail := target.Stage(wire.StageTLS).Detail
		hosts = append(hosts, netHost(target.URL))
		if issuer := detail[wire.DetailIssuer]; !slices.Contains(issuers, issuer) {
			issuers = append(issuers, issuer)
		}
		evidence = arcSay(evidence, view.say(netHost(target.URL)+": certificate for "+detail[wire.DetailSubject]+", issued by "+detail[wire.DetailIssuer]))
	}
	if key == "" || view.place == endpoint.Node && !netPullFails(s, "tls") {
		return nil // which authorities a node trusts is not known; images come or they do not
	}
	finding := netTrustFinding(s, key, map[string]string{"hosts": strings.Join(hosts, ", "), "issuer": strings.Join(issuers, "; ")})
	finding.Evidence = evidence
	switch view.place {
	case endpoint.Node:
		finding.Key, finding.Remedies = "node", []doctor.Remedy{{Key: "node", Risk: doctor.Manual}}
	case endpoint.Client:
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "client"
		finding.Remedies = []doctor.Remedy{{Key: "client", Risk: doctor.Manual, Commands: []string{"export REQUESTS_CA_BUNDLE=<path-to-cert-file>"}}}
	case endpoint.Pod:
		if len(hosts) == 1 && arcOwn(s) && key == "intercepted" {
			finding.Key = "hub"
		}
	}
	return []doctor.Finding{finding}
}

func netTrustFinding(s *snapshot.Snapshot, key string, args map[string]string) doctor.Finding {
	finding := doctor.Finding{Status: doctor.Fail, Key: key, Args: args, Remedies: []doctor.Remedy{{
		Key: "certificate", Risk: doctor.Manual, Commands: []string{arcCommand(s, "update", "--proxy-cert", "<path-to-cert-file>")},
	}}}
	switch {
	case key == "otherName":
		finding.Remedies = []doctor.Remedy{{Key: "address", Risk: doctor.Manual, Args: args}}
	case arcOwn(s):
		finding.Remedies = append(finding.Remedies, doctor.Remedy{
			Key: "hub", Risk: doctor.Manual, Commands: []string{"kubectl get configmap " + netHubCA + " -n " + arcSpace + " -o jsonpath='{.data.ca\\.crt}'"},
		})
	}
	return finding
}

// netBetween begins what clusterconnect-agent says of the agent beside it, whose certificate is made in the cluster: ARC-12 is about that.
const netBetween = "reach kube-aad-proxy"

// netTrustLine leaves out lines about the cluster's own servers, whose certificates no proxy touches.
func netTrustLine(s *snapshot.Snapshot) func(string) bool {
	inside := regexp.MustCompile(`\.svc(\.|$)|^kubernetes(\.|$)|^localhost$|^127\.`)
	host := regexp.MustCompile(`https?://(\[[0-9a-fA-F:]+\]|[^/"'\s:]+)`)
	hub := netName(endpoint.Of(s).HubURL)
	return func(line string) bool {
		if !strings.Contains(line, "x509") && !strings.Contains(line, "ertificate") && !strings.Contains(line, "CERTIFICATE") {
			return false
		}
		if strings.Contains(line, netBetween) {
			return false
		}
		for _, m := range host.FindAllStringSubmatch(line, -1) {
			name := strings.Trim(m[1], "[]")
			if name != hub && (inside.MatchString(name) || netServiceAddress(s, name)) {
				return false
			}
		}
		return true
	}
}

// netServiceAddress reports whether an address is that of a service of the cluster that is known.
func netServiceAddress(s *snapshot.Snapshot, address string) bool {
	for i := range s.Services {
		if slices.Contains(append(s.Services[i].Spec.ClusterIPs, s.Services[i].Spec.ClusterIP), address) {
			return true
		}
	}
	return false
}
