package run

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// expectation is the last stage, why it failed, and some of its details.
type expectation struct {
	reason string
	target wire.Target
	last   wire.StageName
	why    wire.Reason // empty means good
	detail map[string]string
}

func (e expectation) check(t *testing.T, runner Runner) {
	t.Helper()
	got := only(t, runner, e.target)
	if len(got.Stages) == 0 {
		t.Fatalf("%s: no stages: %s", e.reason, got.Error)
	}
	last := got.Stages[len(got.Stages)-1]
	if failed := got.Failed(); failed != nil {
		last = *failed
	}
	if last.Name != e.last || last.Reason != e.why || last.OK != (e.why == "") {
		t.Errorf("%s: ended at %+v", e.reason, last)
	}
	for key, want := range e.detail {
		if last.Detail[key] != want {
			t.Errorf("%s: detail %s is %q, want %q", e.reason, key, last.Detail[key], want)
		}
	}
	if last.Millis > 2500 {
		t.Errorf("%s: took %d ms", e.reason, last.Millis)
	}
}

func TestStraight(t *testing.T) {
	address, ca := endpoint(t)
	target := func(kind wire.Kind, address, path string) wire.Target {
		return wire.Target{URL: "https://" + address + path, Kind: kind}
	}
	trusting := func(ca, name string) wire.Target {
		return wire.Target{URL: "https://" + address + "/", Kind: wire.HTTP, CAs: ca, ServerName: name}
	}
	text := serve(t, func(conn net.Conn) { _, _ = io.WriteString(conn, "SSH-2.0-nonsense\r\n\r\n") })
	mute := serve(t, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
	reset := serve(t, func(conn net.Conn) {
		_, _ = conn.Read(make([]byte, 1))
		_ = conn.(*net.TCPConn).SetLinger(0)
	})
	hangUp := serve(t, func(conn net.Conn) { _, _ = conn.Read(make([]byte, 4096)) })
	cases := map[string]expectation{
		"HTTP": {"any answer is good, and tells who gave it", target(wire.HTTP, address, "/"), wire.StageHTTP, "", map[string]string{
			wire.DetailStatus: "401", wire.DetailHeader + "x-ms-request-id": "42", wire.DetailHeader + "www-authenticate": "Bearer",
			wire.DetailHeader + "set-cookie": "", wire.DetailBody: "who are you?",
		}},
		"TLS": {"the chain is told", target(wire.TLS, address, "/"), wire.StageTLS, "", map[string]string{
			wire.DetailIssuer: "O=Acme Co", wire.DetailTLSVersion: "TLS 1.3", wire.DetailVerified: "",
		}},
		"Trusted":     {"a chain of the CAs given", trusting(ca, "example.com"), wire.StageHTTP, "", nil},
		"OtherName":   {"a chain for another name", trusting(ca, "other.test"), wire.StageTLS, wire.ReasonUntrusted, map[string]string{wire.DetailVerified: "false"}},
		"NoCAs":       {"CAs that are none", trusting("nonsense", ""), wire.StageTLS, wire.ReasonUntrusted, nil},
		"Intercepted": {"a chain of another CA", trusting(foreignCA(t), "example.com"), wire.StageTLS, wire.ReasonUntrusted, map[string]string{wire.DetailVerified: "false"}},
		"WebSocket":   {"a real upgrade", target(wire.WebSocket, address, "/socket"), wire.StageWebSocket, "", map[string]string{wire.DetailStatus: "101", wire.DetailAccepted: "true"}},
		"NoUpgrade":   {"a server that does not upgrade", target(wire.WebSocket, address, "/"), wire.StageWebSocket, wire.ReasonStatus, map[string]string{wire.DetailStatus: "401", wire.DetailAccepted: "false"}},
		"Closed":      {"a port where nobody listens", target(wire.HTTP, closed(t), "/"), wire.StageTCP, wire.ReasonRefused, nil},
		"BlackHole":   {"packets that are dropped", target(wire.HTTP, blackHole(t), "/"), wire.StageTCP, wire.ReasonTimeout, nil},
		"Mute":        {"a connection on which nothing comes", target(wire.HTTP, mute, "/"), wire.StageTLS, wire.ReasonTimeout, nil},
		"NotTLS":      {"another protocol", target(wire.HTTP, text, "/"), wire.StageTLS, wire.ReasonNotTLS, nil},
		"Reset":       {"a firewall that cuts", target(wire.HTTP, reset, "/"), wire.StageTLS, wire.ReasonReset, nil},
		"HangUp":      {"a server that hangs up", target(wire.HTTP, hangUp, "/"), wire.StageTLS, wire.ReasonClosed, nil},
		"Alert":       {"a server that wants a certificate", target(wire.TLS, clientCertificateServer(t), "/"), wire.StageTLS, wire.ReasonAlert, map[string]string{wire.DetailClientCert: "requested"}},
		"PlainHTTP":   {"HTTP without TLS", wire.Target{URL: "http://" + text + "/", Kind: wire.HTTP}, wire.StageHTTP, wire.ReasonMalformed, nil},
		"SilentHTTP":  {"a request without an answer", wire.Target{URL: "http://" + mute + "/", Kind: wire.HTTP}, wire.StageHTTP, wire.ReasonTimeout, nil},
		"HangUpPlain": {"a request and then the end", wire.Target{URL: "http://" + hangUp + "/", Kind: wire.HTTP}, wire.StageHTTP, wire.ReasonClosed, nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { c.check(t, Runner{}) })
	}
}

func TestThroughProxy(t *testing.T) {
	address, ca := endpoint(t)
	through := func(proxy string) wire.Target {
		return wire.Target{URL: "https://" + address + "/socket", Kind: wire.WebSocket, Proxy: proxy, CAs: ca, ServerName: "example.com"}
	}
	const basic = "Basic dXNlcjpwYXNzd29yZA==" // user:password
	cases := map[string]expectation{
		"Open":     {"a tunnel", through("http://" + proxy(t, "HTTP/1.1 200 OK", "")), wire.StageWebSocket, "", map[string]string{wire.DetailStatus: "101"}},
		"Password": {"a tunnel for those who know it", through("http://user:password@" + proxy(t, "HTTP/1.1 200 OK", basic)), wire.StageWebSocket, "", nil},
		"Forbidden": {"a policy", through("http://" + proxy(t, "HTTP/1.1 403 Forbidden", "")), wire.StageConnect, wire.ReasonStatus, map[string]string{
			wire.DetailStatus: "403", wire.DetailHeader + "server": "middlebox", wire.DetailBody: "denied",
		}},
		"Unknown": {"a missing password", through("http://" + proxy(t, "HTTP/1.1 200 OK", basic)), wire.StageConnect, wire.ReasonStatus, map[string]string{
			wire.DetailStatus: "407", wire.DetailHeader + "proxy-authenticate": "Basic",
		}},
		"Hang":   {"a proxy that does not answer", through("http://" + proxy(t, "", "")), wire.StageConnect, wire.ReasonTimeout, nil},
		"Closed": {"no proxy there", through("http://" + closed(t)), wire.StageTCP, wire.ReasonRefused, nil},
		"Secure": {"a proxy that is spoken to over TLS, where there is none", through("https://" + address), wire.StageConnect, wire.ReasonStatus, map[string]string{wire.DetailStatus: "404"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { c.check(t, Runner{}) })
	}
}

func TestTargetsThatAreNotValid(t *testing.T) {
	cases := map[string]wire.Target{
		"NoScheme":    {URL: "example.test:443", Kind: wire.HTTP},
		"NoHost":      {URL: "https:///path", Kind: wire.HTTP},
		"NoKind":      {URL: "https://example.test"},
		"QuotedProxy": {URL: "https://example.test", Kind: wire.HTTP, Proxy: "“http://user:password@proxy”"},
		"BadProxy":    {URL: "https://example.test", Kind: wire.HTTP, Proxy: "http://user:password@pro xy/"},
	}
	for name, target := range cases {
		t.Run(name, func(t *testing.T) {
			got := only(t, Runner{}, target)
			if got.Error == "" || len(got.Stages) > 0 || strings.Contains(fmt.Sprint(got), "password") {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// Nothing of a result may hold the password of a proxy, whatever went wrong.
func TestPasswordIsNotTold(t *testing.T) {
	for _, address := range []string{proxy(t, "HTTP/1.1 403 Forbidden", ""), proxy(t, "HTTP/1.1 nonsense", ""), closed(t)} {
		target := wire.Target{URL: "https://example.test", Kind: wire.HTTP, Proxy: "http://user:password@" + address}
		if got := fmt.Sprintf("%+v", only(t, Runner{}, target)); strings.Contains(got, "password") || strings.Contains(got, "dXNlcjpwYXNzd29yZA") {
			t.Error(got)
		}
	}
}

func TestNames(t *testing.T) {
	address, _ := endpoint(t)
	_, port, _ := net.SplitHostPort(address)
	server := zone{
		"plain.test.":   {a: []string{"127.0.0.1"}},
		"private.test.": {cname: "a.privatelink.test.", a: []string{"127.0.0.1"}},
		"absent.test.":  {code: dnsmessage.RCodeNameError},
		"broken.test.":  {code: dnsmessage.RCodeServerFailure},
		"refused.test.": {code: dnsmessage.RCodeRefused},
	}.serve(t)
	target := func(name string) wire.Target {
		return wire.Target{URL: "https://" + name + ":" + port + "/", Kind: wire.TLS}
	}
	cases := map[string]struct {
		why    wire.Reason
		detail map[string]string
	}{
		"plain.test":   {"", map[string]string{wire.DetailRCode: "NOERROR", wire.DetailAddresses: "127.0.0.1", wire.DetailServer: server}},
		"private.test": {"", map[string]string{wire.DetailRCode: "NOERROR", wire.DetailCNAMEs: "a.privatelink.test"}},
		"absent.test":  {wire.ReasonNoName, map[string]string{wire.DetailRCode: "NXDOMAIN"}},
		"broken.test":  {wire.ReasonOther, map[string]string{wire.DetailRCode: "SERVFAIL"}},
		"refused.test": {wire.ReasonOther, map[string]string{wire.DetailRCode: "REFUSED"}},
		"silent.test":  {wire.ReasonTimeout, map[string]string{wire.DetailRCode: wire.RCodeTimeout}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := only(t, asking(t, server, ""), target(name))
			dns := got.Stage(wire.StageDNS)
			if dns == nil || dns.Reason != c.why || got.OK() != (c.why == "") {
				t.Fatalf("got %+v", got)
			}
			for key, want := range c.detail {
				if dns.Detail[key] != want {
					t.Errorf("detail %s is %q, want %q", key, dns.Detail[key], want)
				}
			}
		})
	}
}

func TestWholePlanEnds(t *testing.T) {
	hole := blackHole(t)
	var plan wire.Plan
	for i := range 8 {
		plan.Targets = append(plan.Targets, wire.Target{Name: fmt.Sprint(i), URL: "https://" + hole + "/", Kind: wire.TLS})
	}
	plan.Lookups = []string{"silent.test."}
	plan.Parallel, plan.Stage, plan.Whole = 2, 400*time.Millisecond, 600*time.Millisecond
	started := time.Now()
	result := asking(t, zone{}.serve(t), "").Run(context.Background(), plan)
	if took := time.Since(started); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
	for _, target := range result.Targets {
		tried := len(target.Stages) == 1 && target.Stages[0].Reason == wire.ReasonTimeout
		if !tried && !strings.HasPrefix(target.Error, "not tried") {
			t.Errorf("got %+v", target)
		}
	}
	if last := result.Targets[7]; last.Error == "" {
		t.Errorf("the last target was tried: %+v", last)
	}
}
