package corefile

import (
	"errors"
	"maps"
	"net/netip"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Whatever the input, an error names a place, and blocks and directives lie within what was read.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{aks, bench, guide, "", "0# 0", "(a) {\nimport a\n}", "(a) {\nlog\n}\n. {\nimport a\n}", ". {\nimport custom/*\n}", "{$A}, {%B%} {\n{$A\n}", "a {\nhosts \"\n", "\uFEFF. {\r\nlog\r\n}"} {
		f.Add(seed, filled())
	}
	f.Fuzz(func(t *testing.T, main, custom string) {
		config, err := Parse(Source{Corefile: main, Files: map[string]string{"custom/a.override": custom, "custom/a.server": main}, Env: map[string]string{"A": "{$A}"}})
		var refused *Error
		if err != nil {
			if !errors.As(err, &refused) || refused.Line < 1 || refused.File == "" || refused.Reason == "" {
				t.Fatalf("the error names no place: %#v", err)
			}
			return
		}
		for _, server := range config.Servers {
			if len(server.Keys) == 0 || server.Line < 1 {
				t.Errorf("a server without a place: %+v", server)
			}
			for _, d := range server.Directives {
				checkDepth(t, d, 1)
			}
		}
	})
}

func checkDepth(t *testing.T, d Directive, depth int) {
	t.Helper()
	if depth > MaxNesting {
		t.Fatalf("%s lies deeper than %d", d.Name, MaxNesting)
	}
	for _, line := range d.Block {
		checkDepth(t, line, depth+1)
	}
}

// Whatever is there, what Override returns starts, holds the host once and no mistake about it, is the same a second
// time, and is undone by Remove.
func FuzzOverride(f *testing.F) {
	for _, seed := range []string{"", "log", guide, filled(), "hosts {\n}\n", "hosts { # c\r\n 10.0.0.1 a b\r\n fallthrough\r\n}", "hosts {\n1.2.3.4 a # c\n}\nlog", "hosts /x example.org {\n}", "hosts {\n1 " + host + " b\n}", "log \"", "log #", "hosts {\nfallthrough a.example\n}", emptyOurs} {
		f.Add(seed, "log", host)
		f.Add("", seed, "a.example")
	}
	f.Fuzz(func(t *testing.T, own, other, host string) { checkOverride(t, own, other, host) })
}

// The same of texts made up of the lines that matter, which a fuzzer of bytes rarely finds.
func TestOverrideOfLines(t *testing.T) {
	lines := []string{
		"hosts {", "hosts { # c", "hosts {#c", "hosts /x example.org {", "hosts", "{", "}", "} # c", "  10.0.0.1 a.example", "\t10.0.0.1 a.example " + host + " b.example # c",
		"  " + public + " " + host, "  20.39.12 " + host, "10.0.0.1 <region>.dp.kubernetesconfiguration.azure.com", "  fallthrough", "fallthrough a.example", "ttl 5", "log", "log {\n}", "# c", "", "a#b c",
	}
	text := rapid.Custom(func(t *rapid.T) string {
		body := strings.Join(rapid.SliceOfN(rapid.SampledFrom(lines), 0, 5).Draw(t, "lines"), rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "end"))
		if rapid.Bool().Draw(t, "whole") {
			return rapid.SampledFrom(lines[:4]).Draw(t, "open") + "\n" + body + "\n}" + rapid.SampledFrom([]string{"", "\n", "\nlog"}).Draw(t, "rest")
		}
		return body
	})
	rapid.Check(t, func(t *rapid.T) { checkOverride(t, text.Draw(t, "own"), text.Draw(t, "other"), host) })
}

func checkOverride(t rapid.TB, own, other, host string) {
	t.Helper()
	address := netip.MustParseAddr(public)
	existing := map[string]string{"db.override": other}
	if own != "" {
		existing[OverrideKey] = own
	}
	problems := Judge(Input{Corefile: aks, Custom: existing, Host: host, ConfigChanged: time.Unix(1, 0), PodsStarted: []time.Time{time.Unix(0, 0)}})
	got, err := OverrideIn(aks, existing, host, address)
	if err != nil {
		if _, is := errors.AsType[*RefusedError](err); !is {
			t.Fatalf("not a refusal: %v", err)
		}
		_, _ = Remove(existing, host)
		return
	}
	checkResult(t, got, host, address)
	again, err := OverrideIn(aks, got, host, address)
	if err != nil || !maps.Equal(again, got) {
		t.Errorf("a second time: %v: %q, want %q", err, again, got)
	}
	removed, err := Remove(got, host)
	if err != nil {
		t.Fatalf("Remove: %v", err)
	}
	hadAny := strings.Contains(rows(problems), RowName) || holds(existing, host) || own == emptyOurs || strings.HasPrefix(own, opening+closing) || strings.Contains(own, addedFallthrough)
	if !hadAny && !maps.Equal(removed, existing) {
		t.Errorf("Remove gives %q, want %q", removed, existing)
	}
}

const emptyOurs = opening + closing

func holds(custom map[string]string, host string) bool {
	for _, pin := range Pinned(custom) {
		for _, name := range pin.Names {
			if fqdn(name) == fqdn(host) {
				return true
			}
		}
	}
	return false
}

func checkResult(t rapid.TB, custom map[string]string, host string, address netip.Addr) {
	t.Helper()
	right := 0
	for _, pin := range Pinned(custom) {
		for _, name := range pin.Names {
			if fqdn(name) == fqdn(host) {
				right++
				if addr, err := netip.ParseAddr(pin.Address); err != nil || addr.Unmap() != address {
					t.Errorf("%s is sent to %s", host, pin.Address)
				}
			}
		}
	}
	if right != 1 {
		t.Errorf("%s is pinned %d times in %q", host, right, custom)
	}
	found := rows(Judge(Input{Corefile: aks, Custom: custom, Host: host, PublicAddresses: []netip.Addr{address}}))
	if strings.ContainsAny(found, RowStale+RowTwice+RowSyntax+RowImport) {
		t.Errorf("rows %q in %q", found, custom)
	}
}
