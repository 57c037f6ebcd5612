package wire

import "time"

// Result is all that a probe saw.
type Result struct {
	Version  int            `json:"version"`
	Started  time.Time      `json:"started"` // by the clock of the machine that ran the plan
	Millis   int64          `json:"millis"`
	Targets  []TargetResult `json:"targets,omitempty"` // in the plan's order
	Lookups  []Lookup       `json:"lookups,omitempty"` // in the plan's order
	Resolver Resolver       `json:"resolver"`
	Kernel   *Kernel        `json:"kernel,omitempty"`
}

// TargetResult is the way to one target, stage by stage, up to the first that ended it.
type TargetResult struct {
	Name   string  `json:"name"`
	URL    string  `json:"url"`
	Kind   Kind    `json:"kind"`
	Proxy  string  `json:"proxy,omitempty"` // without its password
	Stages []Stage `json:"stages,omitempty"`
	Error  string  `json:"error,omitempty"` // why there are no stages: a target that is not valid, or no time left
}

// OK reports whether every stage of the target was good. An answer of any status is a good http stage.
func (t TargetResult) OK() bool { return t.Error == "" && len(t.Stages) > 0 && t.Failed() == nil }

// Failed gives the first stage that was not good, or nil.
func (t TargetResult) Failed() *Stage {
	for i := range t.Stages {
		if !t.Stages[i].OK {
			return &t.Stages[i]
		}
	}
	return nil
}

// Stage gives the stage of a name, or nil when the target did not get there.
func (t TargetResult) Stage(name StageName) *Stage {
	for i := range t.Stages {
		if t.Stages[i].Name == name {
			return &t.Stages[i]
		}
	}
	return nil
}

// StageName names a step on the way to a target.
type StageName string

// The stages in the order in which they are taken. With a proxy, dns and tcp are about the proxy.
const (
	StageDNS       StageName = "dns"
	StageTCP       StageName = "tcp"
	StageProxyTLS  StageName = "proxy-tls" // only with a proxy of scheme https
	StageConnect   StageName = "connect"   // only with a proxy
	StageTLS       StageName = "tls"
	StageHTTP      StageName = "http"
	StageWebSocket StageName = "websocket"
)

// Stage is what one step gave.
type Stage struct {
	Name   StageName         `json:"name"`
	OK     bool              `json:"ok"`
	Millis int64             `json:"millis"`
	Error  string            `json:"error,omitempty"`
	Reason Reason            `json:"reason,omitempty"`
	Detail map[string]string `json:"detail,omitempty"`
	Chain  [][]byte          `json:"chain,omitempty"` // of tls: the certificates as sent, DER
}

// Reason is the class of a stage's error, the same on every operating system.
type Reason string

// The reasons.
const (
	ReasonTimeout     Reason = "timeout"     // nothing came in time: packets are dropped
	ReasonRefused     Reason = "refused"     // nobody listens, or a firewall rejects
	ReasonReset       Reason = "reset"       // cut after the connection stood
	ReasonUnreachable Reason = "unreachable" // no route, or a firewall rejects
	ReasonClosed      Reason = "closed"      // the other side hung up without an answer
	ReasonNoName      Reason = "no-name"     // the name does not resolve
	ReasonNotTLS      Reason = "not-tls"     // the answer to the handshake is not TLS
	ReasonAlert       Reason = "tls-alert"   // the other side refused the handshake
	ReasonUntrusted   Reason = "untrusted"   // the chain does not verify with the target's CAs
	ReasonStatus      Reason = "status"      // an answer, but not the wanted one
	ReasonMalformed   Reason = "malformed"   // an answer that is not HTTP
	ReasonOther       Reason = "other"
)

// The keys of Stage.Detail; response headers are DetailHeader followed by their name in lower case.
const (
	DetailRCode       = "rcode"      // dns: NOERROR, NXDOMAIN, SERVFAIL, REFUSED, … or timeout
	DetailAddresses   = "addresses"  // dns: separated by commas
	DetailCNAMEs      = "cnames"     // dns: the chain, separated by commas
	DetailServer      = "server"     // dns: who gave the code
	DetailAddress     = "address"    // tcp: the one that was reached, or the last that was tried
	DetailStatus      = "status"     // connect, http, websocket: the status code
	DetailReason      = "reason"     // connect, http, websocket: the words after it
	DetailIssuer      = "issuer"     // tls: of the leaf
	DetailSubject     = "subject"    // tls: of the leaf
	DetailNames       = "names"      // tls: the leaf's DNS names, separated by commas
	DetailNotBefore   = "notBefore"  // tls: of the leaf, RFC 3339
	DetailNotAfter    = "notAfter"   // tls: of the leaf, RFC 3339
	DetailFingerprint = "sha256"     // tls: of every certificate, separated by commas
	DetailTLSVersion  = "version"    // tls
	DetailClientCert  = "clientCert" // tls: "requested" when the other side asks for a certificate
	DetailVerified    = "verified"   // tls: "true" or "false", only when the target has CAs
	DetailAccepted    = "accepted"   // websocket: whether 101 came with the right key
	DetailBody        = "body"       // connect, http, websocket: how the body begins
	DetailHeader      = "header."    // connect, http, websocket
	RCodeTimeout      = "timeout"    // in place of a code: no answer came
	RCodeError        = "error"      // in place of a code: the server could not be asked
)

// Kernel is what the machine says about its kernel.
type Kernel struct {
	Release    string            `json:"release,omitempty"`
	Modules    []string          `json:"modules,omitempty"`    // loaded
	Tables     []string          `json:"tables,omitempty"`     // of iptables, in the network namespace of the probe
	Persistent []string          `json:"persistent,omitempty"` // to be loaded at boot
	Errors     map[string]string `json:"errors,omitempty"`     // by path, of what could not be read
}
