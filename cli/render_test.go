package cli

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func rendered(t *testing.T, s session, value any, columns []column) string {
	t.Helper()
	var out bytes.Buffer
	s.streams.Out = &out
	if err := s.show(value, columns); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestFormats(t *testing.T) {
	rows := []map[string]any{
		{"name": "a", "nested": map[string]any{"x": 1}, "list": []int{1, 2}, "none": nil, "ok": true},
		{"name": "é\x1b[31m", "ok": false},
	}
	cases := map[string]struct {
		reason string
		with   session
		value  any
		want   string
	}{
		"JSONIsTheDefaultWhenPiped": {"scripts want JSON", session{}, map[string]any{"b": 1, "a": "<x>"}, "{\n  \"a\": \"<x>\",\n  \"b\": 1\n}\n"},
		"TSV":                       {"az's rules for nested values", session{output: "tsv", query: "[0:1].[name,nested,list,none,ok]"}, rows, "a\t\t2\tNone\ttrue\n"},
		"TSVNull":                   {"nothing is nothing, so that test -z works", session{output: "tsv", query: "[0].absent"}, rows, ""},
		"TSVOrder":                  {"columns come as the query has them", session{output: "tsv", query: "[0].{z:name,a:ok}"}, rows, "a\ttrue\n"},
		"TableOrder":                {"so do those of tables", session{output: "table", query: "[0:1].{z:name,a:ok}"}, rows, "Z  A\n-  ----\na  true\n"},
		"TableIsSafe":               {"names cannot steer the terminal, and widths are those seen", session{output: "table", query: "[1:].{n:name,o:ok}"}, rows, "N      O\n-----  -----\né[31m  false\n"},
		"None":                      {"nothing is written", session{output: "none"}, rows, ""},
		"YAML":                      {"as kubectl users like it", session{output: "yaml"}, map[string]any{"a": []string{"b"}}, "a:\n- b\n"},
		"Scalars":                   {"a bare list in a table", session{output: "table"}, []string{"x"}, "Result\n------\nx\n"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := rendered(t, c.with, c.value, nil); got != c.want {
				t.Errorf("%s: got\n%q, want\n%q", c.reason, got, c.want)
			}
		})
	}
}

// Servers' commands are explained by those who write them.
func TestEveryClientCommandIsExplained(t *testing.T) {
	root := newRootCommand(newSession(Streams{}))
	var walk func(*cobra.Command)
	walk = func(command *cobra.Command) {
		for _, child := range command.Commands() {
			walk(child)
		}
		if command.Hidden || command.Name() == "help" {
			return
		}
		if command.Short == "" || command.Long == "" || command.Example == "" {
			t.Errorf("%s lacks a short or long text or an example", command.CommandPath())
		}
	}
	for _, command := range root.Commands() {
		if command.GroupID == "client" {
			walk(command)
		}
	}
}

func TestGatherTakesWordsAfterTheirFlag(t *testing.T) {
	cases := map[string]struct{ reason, line, want string }{
		"Several":  {"az takes words after one flag", "group create -n a --tags x=1 y=2 -l here", "group create -n a --tags x=1" + wordBreak + "y=2 -l here"},
		"Empty":    {"no word removes all tags", "group create --tags -n a", "group create --tags  -n a"},
		"Ordinary": {"other flags keep to one", "group create -n a b", "group create -n a b"},
		"Alias":    {"az's other names of a flag take words, too", "k8s-extension create --config a=b c=d -n x", "k8s-extension create --config a=b" + wordBreak + "c=d -n x"},
		"Answered": {"true or false may follow, and need not", "k8s-extension create --auto-upgrade False -n x", "k8s-extension create --auto-upgrade=False -n x"},
		"Alone":    {"what follows is another flag", "k8s-extension delete --force -n x", "k8s-extension delete --force -n x"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(gather(newRootCommand(newSession(Streams{})), strings.Split(c.line, " ")), " ")
			if got != c.want {
				t.Errorf("%s: got %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

func TestFeaturesAreSeparatedByBlanksOrCommas(t *testing.T) {
	for _, line := range []string{"--features cluster-connect azure-rbac", "--features cluster-connect,azure-rbac", "--features=cluster-connect,azure-rbac", "--features cluster-connect, azure-rbac,"} {
		for _, name := range []string{"enable-features", "disable-features"} {
			root := newRootCommand(newSession(Streams{}))
			args := gather(root, append([]string{"connectedk8s", name}, strings.Split(line, " ")...))
			command, _, err := root.Find(args)
			if err != nil {
				t.Fatal(err)
			}
			if err := command.ParseFlags(args[2:]); err != nil {
				t.Fatal(err)
			}
			flag, ok := command.Flag("features").Value.(*words)
			if !ok || !slices.Equal(*flag.into, []string{"cluster-connect", "azure-rbac"}) {
				t.Errorf("%s %s: %v", name, line, *flag.into)
			}
		}
	}
}

func TestWhoIsSignedOutLearnsHowPeopleSignIn(t *testing.T) {
	t.Setenv("FAIRLEAD_CONFIG_DIR", t.TempDir())
	var errs strings.Builder
	if code := Main(t.Context(), []string{"group", "list"}, Streams{Out: &errs, Err: &errs, Env: os.Getenv}); code != ExitFailed {
		t.Errorf("exit code %d", code)
	}
	if !strings.Contains(errs.String(), "fairlead login --hub URL   (people") || !strings.Contains(errs.String(), "--service-principal") {
		t.Errorf("it says %s", errs.String())
	}
}
