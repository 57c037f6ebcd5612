package run

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

func TestLookups(t *testing.T) {
	server := zone{
		"a.test.":             {a: []string{"10.0.0.1", "10.0.0.2"}},
		"c.test.":             {cname: "d.test.", a: []string{"10.0.0.3"}},
		"long.test.":          {long: true, a: []string{"10.0.0.4"}},
		"forged.test.":        {forged: true, a: []string{"10.0.0.5"}},
		"empty.test.":         {},
		"nx.test.":            {code: dnsmessage.RCodeNameError},
		"fail.test.":          {code: dnsmessage.RCodeServerFailure},
		"refuse.test.":        {code: dnsmessage.RCodeRefused},
		"svc.test.":           {code: dnsmessage.RCodeNameError},
		"svc.test.ns.local.":  {code: dnsmessage.RCodeNameError},
		"svc.test.svc.local.": {a: []string{"10.96.0.1"}},
	}.serve(t)
	search := "search ns.local svc.local\noptions ndots:5\n"
	cases := map[string]struct {
		reason, name, code, decided string
		addresses, chain            []string
		queries                     int
	}{
		"Address":   {"A records", "a.test.", "NOERROR", "a.test.", []string{"10.0.0.1", "10.0.0.2"}, nil, 1},
		"Alias":     {"the chain is told", "c.test.", "NOERROR", "c.test.", []string{"10.0.0.3"}, []string{"d.test"}, 1},
		"Long":      {"TCP when it does not fit", "long.test.", "NOERROR", "long.test.", []string{"10.0.0.4"}, nil, 1},
		"Forged":    {"answers to others are passed over", "forged.test.", "NOERROR", "forged.test.", []string{"10.0.0.5"}, nil, 1},
		"NoData":    {"a name without addresses is asked for IPv6, too", "empty.test.", "NOERROR", "empty.test.", nil, nil, 2},
		"NXDOMAIN":  {"the code is told", "nx.test.", "NXDOMAIN", "nx.test.", nil, nil, 1},
		"SERVFAIL":  {"the code is told", "fail.test.", "SERVFAIL", "fail.test.", nil, nil, 1},
		"REFUSED":   {"the code is told", "refuse.test.", "REFUSED", "refuse.test.", nil, nil, 1},
		"Silence":   {"no answer", "silent.test.", wire.RCodeTimeout, "silent.test.", nil, nil, 1},
		"Search":    {"the search path is followed up to the first address", "svc.test", "NOERROR", "svc.test.svc.local.", []string{"10.96.0.1"}, nil, 2},
		"NoName":    {"a label that is too long", strings.Repeat("x", 64) + ".test.", wire.RCodeError, strings.Repeat("x", 64) + ".test.", nil, nil, 1},
		"NameTooLo": {"a name that is too long", strings.Repeat("x.", 200), wire.RCodeError, strings.Repeat("x.", 200), nil, nil, 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := asking(t, server, search).Run(t.Context(), wire.Plan{Lookups: []string{c.name}, Stage: time.Second})
			got := result.Lookups[0].Servers[0]
			if got.RCode != c.code || got.Name != c.decided || !slices.Equal(got.Addresses, c.addresses) || !slices.Equal(got.CNAMEs, c.chain) || len(got.Queries) != c.queries {
				t.Errorf("%s: got %+v", c.reason, got)
			}
			if got.Queries[0].TCP != (name == "Long") {
				t.Errorf("TCP: %v", got.Queries[0].TCP)
			}
		})
	}
}

func TestClusterDNSIsAskedBeside(t *testing.T) {
	silent := zone{}.serve(t)
	answering := zone{"a.test.": {a: []string{"10.0.0.1"}}}.serve(t)
	result := asking(t, silent, "").Run(t.Context(), wire.Plan{Lookups: []string{"a.test"}, ClusterDNS: answering, Stage: 500 * time.Millisecond})
	got := result.Lookups[0].Servers
	if len(got) != 2 || got[0].Server != silent || got[0].RCode != wire.RCodeTimeout || got[1].Server != answering || got[1].RCode != "NOERROR" {
		t.Errorf("got %+v", got)
	}
}

func TestNobodyToAsk(t *testing.T) {
	result := Runner{ResolvConf: filepath.Join(t.TempDir(), "absent")}.Run(t.Context(), wire.Plan{Lookups: []string{"a.test"}})
	if result.Resolver.Error == "" || result.Lookups[0].Error == "" {
		t.Errorf("got %+v", result)
	}
}

func TestParseResolvConf(t *testing.T) {
	got := parseResolvConf(strings.NewReader("# comment\nnameserver 10.96.0.10\nsearch a b\nsearch ns.svc.cluster.local svc.cluster.local\noptions ndots:5 timeout:1\nnonsense\n"))
	if !slices.Equal(got.NameServers, []string{"10.96.0.10"}) || !slices.Equal(got.Search, []string{"ns.svc.cluster.local", "svc.cluster.local"}) || got.Ndots != 5 {
		t.Errorf("got %+v", got)
	}
}

func TestCandidates(t *testing.T) {
	resolver := wire.Resolver{Search: []string{"svc.local"}, Ndots: 2}
	cases := map[string]struct {
		name string
		want []string
	}{
		"Absolute": {"a.b.", []string{"a.b."}},
		"Short":    {"a.b", []string{"a.b.svc.local.", "a.b."}},
		"Long":     {"a.b.c", []string{"a.b.c.", "a.b.c.svc.local."}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := candidates(c.name, resolver); !slices.Equal(got, c.want) {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestReadKernel(t *testing.T) {
	root := t.TempDir()
	write := func(path, text string) {
		must(t, os.MkdirAll(filepath.Join(root, filepath.Dir(path)), 0o755))
		must(t, os.WriteFile(filepath.Join(root, path), []byte(text), 0o600))
	}
	write("proc/sys/kernel/osrelease", "6.1.0\n")
	write("proc/modules", "iptable_nat 16384 1 - Live 0x0\nnf_nat 57344 1 iptable_nat, Live 0x0\n")
	write("load/a.conf", "# what we need\niptable_nat\n\n; no\n")
	write("load/b.conf", "iptable_nat\nbr_netfilter\n")
	write("load/c.txt", "ignored\n")
	got := readKernel(wire.HostPaths{Proc: filepath.Join(root, "proc"), ModulesLoad: []string{filepath.Join(root, "load"), filepath.Join(root, "absent")}})
	if got.Release != "6.1.0" || !slices.Equal(got.Modules, []string{"iptable_nat", "nf_nat"}) || !slices.Equal(got.Persistent, []string{"br_netfilter", "iptable_nat"}) {
		t.Errorf("got %+v", got)
	}
	if len(got.Errors) != 2 || got.Errors[filepath.Join(root, "proc/net/ip_tables_names")] != "no such file or directory" || got.Errors[filepath.Join(root, "absent")] == "" {
		t.Errorf("errors %v", got.Errors)
	}
}
