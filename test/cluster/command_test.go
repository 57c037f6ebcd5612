package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Setenv("FAIRLEAD_TEST_CACHE", t.TempDir())
	cases := map[string]struct {
		reason string
		args   []string
		code   int
		out    string
		err    string
	}{
		"Help":              {"help is an answer, not a complaint", []string{"--help"}, 0, "Examples:", ""},
		"HelpOfOneCommand":  {"help is at hand everywhere", []string{"up", "--help"}, 0, "Examples:", ""},
		"Nothing":           {"a call without a command shows what there is, and fails", nil, 2, "", "Usage:"},
		"UnknownCommand":    {"a mistyped command is told", []string{"upp"}, 2, "", `unknown command "upp"`},
		"UnknownFlag":       {"a mistyped flag is told", []string{"up", "--contol-plane"}, 2, "", "contol-plane"},
		"FlagOfAnother":     {"down has no control plane", []string{"down", "--control-plane"}, 2, "", "control-plane"},
		"SuperfluousWord":   {"words are not swallowed", []string{"down", "edge-2"}, 2, "", `unexpected "edge-2"`},
		"LoadNothing":       {"load needs an image", []string{"load"}, 2, "", "which image"},
		"TrustNothing":      {"trust needs a registry and an authority", []string{"trust", "registry.test"}, 2, "", "which registry"},
		"BadName":           {"a name becomes part of paths and host names", []string{"up", "--control-plane", "--name", "Edge_2"}, 1, "", `name "Edge_2"`},
		"DownTwice":         {"down is idempotent", []string{"down", "--name", "absent"}, 0, "", "is not there"},
		"KubeconfigOfNone":  {"scripts can tell a missing cluster from a failure", []string{"kubeconfig", "--name", "absent"}, 3, "", "no such cluster"},
		"StatusOfNone":      {"no cluster is an empty list", []string{"status"}, 0, "NAME", ""},
		"StatusOfMissing":   {"but a named one must be there", []string{"status", "--name", "absent"}, 3, "", "no such cluster"},
		"FlagAfterArgument": {"flags may follow arguments", []string{"load", "a.tar", "--name", "absent"}, 3, "", `"absent"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var out, complaints bytes.Buffer
			if code := run(t.Context(), c.args, &out, &complaints); code != c.code {
				t.Errorf("code = %d, want %d: %s\n%s", code, c.code, c.reason, complaints.String())
			}
			if !strings.Contains(out.String(), c.out) || !strings.Contains(complaints.String(), c.err) {
				t.Errorf("out = %q, complaints = %q: %s", out.String(), complaints.String(), c.reason)
			}
		})
	}
}

// TestUpAndDown is the command as people use it, with the programs of the usual cache.
func TestUpAndDown(t *testing.T) {
	t.Parallel()
	name := []string{"--name", "command-" + strings.ToLower(t.Name())}
	t.Cleanup(func() { call(t, 0, append([]string{"down"}, name...)...) })
	first := call(t, 0, append([]string{"up", "--control-plane"}, name...)...)
	second := call(t, 0, append([]string{"up", "--control-plane"}, name...)...)
	if first != second || call(t, 0, append([]string{"kubeconfig"}, name...)...) != first {
		t.Errorf("up = %q, again %q", first, second)
	}
	call(t, 1, append([]string{"up"}, name...)...) // it runs as another kind
	if status := call(t, 0, append([]string{"status"}, name...)...); !strings.Contains(status, "kube-apiserver") {
		t.Errorf("status = %q", status)
	}
	if logs := call(t, 0, append([]string{"logs"}, name...)...); !strings.Contains(logs, "kube-apiserver.log") {
		t.Errorf("logs = %q", logs)
	}
	call(t, 1, append([]string{"load", os.DevNull}, name...)...) // no node to load it on
	call(t, 0, append([]string{"down"}, name...)...)
	if _, err := os.Stat(strings.TrimSpace(first)); err == nil {
		t.Error("the kubeconfig is still there")
	}
}

func call(t *testing.T, code int, args ...string) string {
	t.Helper()
	var out, complaints bytes.Buffer
	if got := run(t.Context(), args, &out, &complaints); got != code {
		t.Errorf("%v = %d, want %d\n%s", args, got, code, complaints.String())
	}
	return out.String()
}
