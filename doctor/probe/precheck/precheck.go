// Package precheck finds out, in a pod, what a cluster needs to be connected to a hub: whether names resolve, whether the hub's
// endpoints answer, whether objects of somebody else stand in the way. It prints the lines by which the az client judges:
// before a cluster is connected, and when one is troubleshot. Those lines are that client's contract, not ours.
package precheck

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"time"

	"golang.org/x/net/http/httpproxy"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// The client gives the whole job a minute, of which pulling the image takes its part.
const (
	stageTimeout = 5 * time.Second
	wholeTimeout = 25 * time.Second
)

// clusterName is a name that every cluster's own DNS knows.
const clusterName = "kubernetes.default.svc"

// Settings say what there is to reach, and how.
type Settings struct {
	Connect    string   // URL that only cluster connect needs; may be empty
	Onboarding []string // URLs without which no cluster can be connected
	Login      string   // URL at which people sign in; may be empty
	CAs        string   // PEM of the authorities that vouch for them; empty to verify nothing
	Proxy      Proxy
}

// Proxy is the way out of the cluster. Its URLs may hold a password: it prints as nothing.
type Proxy struct{ HTTP, HTTPS, None string }

// String hides the proxy's password.
func (Proxy) String() string { return "(proxy)" }

func (p Proxy) through(target string) string {
	at, err := url.Parse(target)
	if err != nil {
		return ""
	}
	config := httpproxy.Config{HTTPProxy: p.HTTP, HTTPSProxy: p.HTTPS, NoProxy: p.None}
	proxy, err := config.ProxyFunc()(at)
	switch {
	case err != nil:
		return p.HTTPS // which the probe will say is no URL
	case proxy == nil:
		return ""
	}
	return proxy.String()
}

// Runner executes a plan; that of package run is meant.
type Runner interface {
	Run(ctx context.Context, plan wire.Plan) wire.Result
}

// Seen is what was found out about the way to the hub.
type Seen struct {
	settings Settings
	result   wire.Result
}

// Look tries the way to everything in settings.
func Look(ctx context.Context, runner Runner, settings Settings) Seen {
	return Seen{settings, runner.Run(ctx, settings.plan())}
}

// Write prints why an endpoint is out of reach, then what names resolve to, then the endpoints. The client takes all lines
// between the second and the third as the second's, so nothing may come between.
func (s Seen) Write(out io.Writer) error {
	text := s.reasons() + s.names() + s.endpoints()
	if _, err := io.WriteString(out, text); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// WriteLogin prints whether sign-in can be reached, which the client asks before a cluster is connected only.
func (s Seen) WriteLogin(out io.Writer) error {
	target, ok := s.target(s.settings.Login)
	if !ok {
		return nil
	}
	_, err := fmt.Fprintf(out, "Entra Authentication Endpoint Connectivity Check Result : %s : %s\n", target.URL, code(target))
	return err
}

func (s Settings) plan() wire.Plan {
	plan := wire.Plan{Lookups: []string{clusterName}, Stage: stageTimeout, Whole: wholeTimeout}
	for _, address := range s.addresses() {
		target := wire.Target{Name: address, URL: address, Kind: wire.HTTP, Proxy: s.Proxy.through(address), CAs: s.CAs}
		plan.Targets = append(plan.Targets, target)
		if host := hostOf(address); target.Proxy == "" && host != "" && !slices.Contains(plan.Lookups, host) {
			plan.Lookups = append(plan.Lookups, host) // what a proxy reaches is for the proxy to resolve
		}
	}
	return plan
}

// addresses are all URLs, none twice.
func (s Settings) addresses() []string {
	var all []string
	for _, address := range slices.Concat([]string{s.Connect}, s.Onboarding, []string{s.Login}) {
		if address != "" && !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// hostOf returns the name in a URL, nothing when it is an address.
func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || net.ParseIP(parsed.Hostname()) != nil {
		return ""
	}
	return parsed.Hostname()
}
