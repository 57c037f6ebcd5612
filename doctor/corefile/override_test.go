package corefile

import (
	"errors"
	"maps"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOverride(t *testing.T) {
	ours := opening + "\n    " + public + " " + host + closing
	cases := map[string]struct {
		reason   string
		corefile string
		existing map[string]string
		want     map[string]string
		undone   bool // Remove gives back what was there
	}{
		"New":     {"no ConfigMap yet", aks, nil, map[string]string{OverrideKey: ours}, true},
		"Already": {"an override that is right stays byte for byte", aks, map[string]string{OverrideKey: filled()}, map[string]string{OverrideKey: filled()}, false},
		"Address": {
			"the old address goes", aks,
			map[string]string{OverrideKey: strings.Replace(filled(), public, "20.1.1.1", 1)},
			map[string]string{OverrideKey: "hosts {\n    " + public + " " + host + "\n  fallthrough\n}\n"},
			false,
		},
		"Draft": {
			"what the guide left open goes", aks,
			map[string]string{OverrideKey: guide},
			map[string]string{OverrideKey: "hosts {\n    " + public + " " + host + "\n  fallthrough\n}\n"},
			false,
		},
		"Fallthrough": {
			"our key lets other names through", aks,
			map[string]string{OverrideKey: strings.Replace(filled(), "  fallthrough\n", "", 1)},
			map[string]string{OverrideKey: "hosts {\n  " + public + " " + host + addedFallthrough + "\n}\n"},
			false,
		},
		"FallthroughUndone": {
			"and takes that back", aks,
			map[string]string{OverrideKey: "hosts {\n  10.0.0.1 db.example # c\n}\n"},
			map[string]string{OverrideKey: "hosts {\n    " + public + " " + host + "\n  10.0.0.1 db.example" + addedFallthrough + " # c\n}\n"},
			true,
		},
		"OtherDirectives": {
			"our key holds something else", aks,
			map[string]string{OverrideKey: "log # all"},
			map[string]string{OverrideKey: ours + "log # all"},
			true,
		},
		"OtherKey": {
			"only one block may be", aks,
			map[string]string{"db.override": "log\r\n  hosts { # ours\r\n    10.0.0.1 db.example\r\n    fallthrough\r\n  }\r\n", "x.server": "x.example {\nlog\n}"},
			map[string]string{"db.override": "log\r\n  hosts {\n      " + public + " " + host + " # ours\r\n    10.0.0.1 db.example\r\n    fallthrough\r\n  }\r\n", "x.server": "x.example {\nlog\n}"},
			true,
		},
		"OtherKeyWithoutFallthrough": {
			"another's block is not ours to open", aks,
			map[string]string{"db.override": "hosts {\n}\n"},
			map[string]string{"db.override": "hosts {\n    " + public + " " + host + "\n}\n"},
			true,
		},
		"SharedLine": {
			"other names of the line keep their address", aks,
			map[string]string{"db.override": "hosts {\n  10.0.0.1 db.example " + host + " x.example\n  fallthrough\n}\n"},
			map[string]string{"db.override": "hosts {\n    " + public + " " + host + "\n  10.0.0.1 db.example x.example\n  fallthrough\n}\n"},
			false,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before := maps.Clone(tc.existing)
			got, err := OverrideIn(tc.corefile, tc.existing, host, netip.MustParseAddr(public))
			if err != nil {
				t.Fatalf("OverrideIn: %v: %s", err, tc.reason)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatalf("OverrideIn: %s: (-want +got)\n%s", tc.reason, diff)
			}
			if !maps.Equal(before, tc.existing) {
				t.Error("OverrideIn changed what it was given")
			}
			again, err := OverrideIn(tc.corefile, got, host, netip.MustParseAddr(public))
			if err != nil || !maps.Equal(again, got) {
				t.Errorf("OverrideIn again: %v: %q", err, again)
			}
			checkRemoved(t, got)
			if removed, err := Remove(got, host); tc.undone && (err != nil || !maps.Equal(removed, tc.existing)) {
				t.Errorf("Remove: %v: %q, want %q", err, removed, tc.existing)
			}
		})
	}
}

func checkRemoved(t *testing.T, custom map[string]string) {
	t.Helper()
	removed, err := Remove(custom, host)
	if err != nil {
		t.Fatalf("Remove: %v", err)
	}
	for _, pin := range Pinned(removed) {
		for _, name := range pin.Names {
			if aim(host, "").is(name) {
				t.Errorf("Remove left %+v", pin)
			}
		}
	}
}

func TestOverrideRefuses(t *testing.T) {
	cases := map[string]struct {
		reason   string
		corefile string
		existing map[string]string
		host     string
		address  string
		want     string
		rows     string
	}{
		"Broken":       {"it would not start as it is", aks, map[string]string{"a.override": "hostz"}, host, public, "cannot start", RowSyntax},
		"Twice":        {"it would not start as it is", aks, map[string]string{"a.override": filled(), "b.override": filled()}, host, public, "cannot start", RowTwice},
		"Corefile":     {"the block of k3s is in the Corefile", withHosts(aks), nil, host, public, "would not work", RowTwice},
		"NoImport":     {"without effect", bench, nil, host, public, "would not work", RowImport},
		"NoBlock":      {"no braces to write between", aks, map[string]string{"a.override": "hosts /etc/hosts\n"}, host, public, "no block", ""},
		"OneLine":      {"no line to write in", aks, map[string]string{"a.override": "hosts { 10.0.0.1 a.example\nfallthrough\n}\n"}, host, public, "a line of its own", ""},
		"BraceComment": {"what looks like a comment is read", aks, map[string]string{"a.override": "hosts {# 10.0.0.1 a.example\nfallthrough\n}\n"}, host, public, "a line of its own", ""},
		"OtherZone":    {"the block does not answer for the host", aks, map[string]string{"a.override": "hosts /etc/hosts example.org {\nfallthrough\n}\n"}, host, public, "would not work", RowTwice},
		"Draft":        {"a placeholder is no host", aks, nil, "<region>.dp.kubernetesconfiguration.azure.com", public, "not the full name", ""},
		"NoAddress":    {"nothing to send it to", aks, nil, host, "0.0.0.0", "not the address", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := OverrideIn(tc.corefile, tc.existing, tc.host, netip.MustParseAddr(tc.address))
			var refused *RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.want) || rows(refused.Problems) != tc.rows {
				t.Errorf("OverrideIn: %v, %q, want %q: %s", err, got, tc.want, tc.reason)
			}
		})
	}
}

func TestRemove(t *testing.T) {
	cases := map[string]struct {
		reason         string
		existing, want map[string]string
		refused        string
	}{
		"Absent":    {"nothing to do", map[string]string{"a.override": "log"}, map[string]string{"a.override": "log"}, ""},
		"Foreign":   {"a block that we did not write stays", map[string]string{OverrideKey: filled()}, map[string]string{OverrideKey: "hosts {\n  fallthrough\n}\n"}, ""},
		"Broken":    {"what is broken elsewhere is no obstacle", map[string]string{"a.override": "hostz", OverrideKey: filled()}, map[string]string{"a.override": "hostz", OverrideKey: "hosts {\n  fallthrough\n}\n"}, ""},
		"BrokenOwn": {"we cannot tell what to cut", map[string]string{OverrideKey: strings.Replace(filled(), "hosts", "hostz", 1)}, nil, "by hand"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Remove(tc.existing, host)
			if tc.refused != "" {
				var refused *RefusedError
				if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.refused) {
					t.Errorf("Remove: %v, want %q", err, tc.refused)
				}
				return
			}
			if err != nil || !maps.Equal(got, tc.want) {
				t.Errorf("Remove: %v: %q, want %q: %s", err, got, tc.want, tc.reason)
			}
		})
	}
}
