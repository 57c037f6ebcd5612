// Package wire is the contract between doctor and its probe: the Plan that doctor sends, the Result that comes back, and the
// form in which both travel. It holds no judgement; doctor decides what a stage that failed means.
package wire

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// Version is the version of the contract; a Result carries the one that its program speaks.
const Version = 1

// Kind says how far a target is followed.
type Kind string

// The kinds of targets: HTTP ends with an answer to GET, WebSocket with one to an upgrade, TLS with the handshake.
const (
	HTTP      Kind = "http"
	WebSocket Kind = "websocket"
	TLS       Kind = "tls"
)

// Plan is all that a probe is asked to do. Zero values are good defaults.
type Plan struct {
	Targets    []Target   `json:"targets,omitempty"`
	Lookups    []string   `json:"lookups,omitempty"`    // names asked for by raw DNS queries, along the search path unless they end in a dot
	ClusterDNS string     `json:"clusterDns,omitempty"` // an address asked beside the name servers of resolv.conf, with or without port
	Kernel     *HostPaths `json:"kernel,omitempty"`     // nil where the machine's kernel is of no interest

	Parallel int           `json:"parallel,omitempty"`     // 0 means 16
	Stage    time.Duration `json:"stageTimeout,omitempty"` // bounds each stage; 0 means 5 seconds
	Whole    time.Duration `json:"wholeTimeout,omitempty"` // bounds the plan; 0 means 60 seconds
}

// Target is one endpoint to reach.
type Target struct {
	Name       string `json:"name"`
	URL        string `json:"url"` // https://host:port/path, or http://
	Kind       Kind   `json:"kind"`
	Proxy      string `json:"proxy,omitempty"`      // the proxy to go through; empty means straight
	CAs        string `json:"cas,omitempty"`        // PEM; when set, the chain must verify with these alone
	ServerName string `json:"serverName,omitempty"` // name for TLS where it is not the URL's host
}

// HostPaths says where the kernel's and the node's files are to be read.
type HostPaths struct {
	Proc        string   `json:"proc,omitempty"`        // empty means /proc
	ModulesLoad []string `json:"modulesLoad,omitempty"` // folders such as /host/etc/modules-load.d
}

// Secret reports whether the plan holds a password, that of a proxy.
func (p Plan) Secret() bool {
	for _, target := range p.Targets {
		proxy, err := url.Parse(target.Proxy)
		if err != nil || proxy.User != nil {
			return true
		}
	}
	return false
}

// Encode gives the plan as it is handed to the program.
func (p Plan) Encode() ([]byte, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("encode the probe's plan: %w", err)
	}
	return data, nil
}

// DecodePlan reads what Encode gave.
func DecodePlan(data []byte) (Plan, error) {
	var plan Plan
	if err := json.Unmarshal(data, &plan); err != nil {
		return Plan{}, fmt.Errorf("decode the probe's plan: %w", err)
	}
	return plan, nil
}
