package corefile

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// aks is the shape of the Corefile that AKS installs: overrides inside the server block, servers below it.
const aks = `.:53 {
    errors
    ready
    health {
      lameduck 5s
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
      ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
    import custom/*.override
    template ANY ANY internal.cloudapp.net {
      match "^(?:[^.]+\.){4,}internal\.cloudapp\.net\.$"
      rcode NXDOMAIN
      fallthrough
    }
    template ANY ANY reddog.microsoft.com {
      rcode NXDOMAIN
    }
}
import custom/*.server
`

// bench is the Corefile of the test cluster, test/cluster/engine/dns.yaml.
const bench = `.:53 {
    errors
    health
    ready
    hosts /node/hosts {
        ttl 5
        reload 1s
        fallthrough
    }
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    file /etc/coredns/empty.zone .
    cache 5
    loadbalance
    reload 10s
}
`

func TestParse(t *testing.T) {
	cases := map[string]struct {
		reason  string
		source  Source
		keys    [][]string
		names   []string // of the directives of the first server
		refused string   // a part of the error
		file    string
		line    int
	}{
		"Empty":             {reason: "CoreDNS starts with defaults", source: Source{}},
		"AKS":               {reason: "a real one", source: Source{Corefile: aks}, keys: [][]string{{".:53"}}, names: []string{"errors", "ready", "health", "kubernetes", "prometheus", "forward", "cache", "loop", "reload", "loadbalance", "template", "template"}},
		"Bench":             {reason: "ours", source: Source{Corefile: bench}, keys: [][]string{{".:53"}}, names: []string{"errors", "health", "ready", "hosts", "kubernetes", "file", "cache", "loadbalance", "reload"}},
		"NoBraces":          {reason: "one server needs none", source: Source{Corefile: ".\nerrors\ncache 5\n"}, keys: [][]string{{"."}}, names: []string{"errors", "cache"}},
		"KeysOverLines":     {reason: "a comma promises another zone", source: Source{Corefile: "a.example,\nb.example:54 c.example {\nlog\n}"}, keys: [][]string{{"a.example", "b.example:54", "c.example"}}, names: []string{"log"}},
		"CommaThenBrace":    {reason: "a comma promises another zone", source: Source{Corefile: "a.example, {\n}"}, refused: "comma", file: Name, line: 1},
		"Comment":           {reason: "inside a word, a comment hides the rest of the word only", source: Source{Corefile: ". { # the root\nerrors#all log\n}"}, keys: [][]string{{"."}}, names: []string{"errors"}},
		"Quotes":            {reason: "quotes keep blanks and braces", source: Source{Corefile: ". {\nlog . \"{remote} \\\"{name}\\\"\"\n}"}, keys: [][]string{{"."}}, names: []string{"log"}},
		"UnknownDirective":  {reason: "row g", source: Source{Corefile: ". {\nerrors\nhostz {\n}\n}"}, refused: `unknown directive "hostz"`, file: Name, line: 3},
		"UnknownInImport":   {reason: "the error is in the imported file", source: Source{Corefile: aks, Files: map[string]string{"custom/a.override": "log\nhostz\n"}}, refused: `unknown directive "hostz"`, file: "custom/a.override", line: 2},
		"Open":              {reason: "a block that never ends", source: Source{Corefile: ". {\nhosts {\n"}, refused: "not closed", file: Name, line: 2},
		"ServerOpen":        {reason: "a server block that never ends", source: Source{Corefile: ". {\nerrors\n"}, refused: "not closed", file: Name, line: 2},
		"BraceTooMany":      {reason: "no block to close", source: Source{Corefile: ". {\nhosts { a } }\n}"}, refused: "no opening", file: Name, line: 2},
		"Snippet":           {reason: "an import may name a snippet", source: Source{Corefile: "(both) {\nerrors\nlog\n}\n. {\nimport both\ncache\n}"}, keys: [][]string{{"."}}, names: []string{"errors", "log", "cache"}},
		"SnippetTwice":      {reason: "a name has one meaning", source: Source{Corefile: "(a) {\n}\n(a) {\n}\n"}, refused: "twice", file: Name, line: 3},
		"SnippetItself":     {reason: "no end", source: Source{Corefile: "(a) {\nimport a\n}\n"}, refused: "imports itself", file: Name, line: 3},
		"SnippetCycle":      {reason: "no end", source: Source{Corefile: "(a) {\nimport b\n}\n(b) {\nimport a\n}\n. {\nimport a\n}"}, refused: "more than 1000 times", file: Name, line: 5},
		"FileCycle":         {reason: "no end", source: Source{Corefile: ". {\nimport custom/a\n}", Files: map[string]string{"custom/a": "import a"}}, refused: "more than 1000 times", file: "custom/a", line: 1},
		"AbsoluteImport":    {reason: "k3s names the folder in full", source: Source{Corefile: ". {\nimport /etc/coredns/custom/*.override\n}", Files: map[string]string{"custom/a.override": "log"}}, keys: [][]string{{"."}}, names: []string{"log"}},
		"MissingImport":     {reason: "a file that is not there", source: Source{Corefile: ". {\nimport custom/a.override\n}"}, refused: "does not exist", file: Name, line: 2},
		"UnseenImport":      {reason: "what else the pod mounts is unknown", source: Source{Corefile: ". {\nimport /elsewhere/a\n}"}, keys: [][]string{{"."}}},
		"ImportArgument":    {reason: "one argument", source: Source{Corefile: ". {\nimport a b\n}"}, refused: "one argument", file: Name, line: 2},
		"ImportNothing":     {reason: "one argument", source: Source{Corefile: ". {\nimport\n}"}, refused: "needs the name", file: Name, line: 2},
		"TwoWildcards":      {reason: "CoreDNS refuses them", source: Source{Corefile: ". {\nimport */*.override\n}"}, refused: "one wildcard", file: Name, line: 2},
		"KnownPlaceholder":  {reason: "the value is put in place", source: Source{Corefile: "{$ZONE} {\n{%DIR%}\n}", Env: map[string]string{"ZONE": "a.example", "DIR": "log"}}, keys: [][]string{{"a.example"}}, names: []string{"log"}},
		"OpenPlaceholder":   {reason: "only the pod knows it", source: Source{Corefile: "{$ZONE} {\n{$DIR}\n}"}, keys: [][]string{{"{$ZONE}"}}, names: []string{"{$DIR}"}},
		"Nested":            {reason: "as deep as is read", source: Source{Corefile: ". {\nlog {\n{\n{\n{\n{\n{\n{\n}\n}\n}\n}\n}\n}\n}\n}"}, keys: [][]string{{"."}}, names: []string{"log"}},
		"TooDeep":           {reason: "one more", source: Source{Corefile: ". {\nlog {\n{\n{\n{\n{\n{\n{\n{\n}\n}\n}\n}\n}\n}\n}\n}\n}"}, refused: "deeper", file: Name, line: 9},
		"TooBig":            {reason: "one byte more", source: Source{Corefile: strings.Repeat("#", MaxSize), Files: map[string]string{"custom/a": "#"}}, refused: "bytes", file: Name, line: 1},
		"ZoneTwice":         {reason: "a .server key must not repeat the zone of the Corefile", source: Source{Corefile: aks, Files: map[string]string{"custom/a.server": "\n. {\nlog\n}"}}, refused: "cannot serve dns://.:53: it is already defined", file: "custom/a.server", line: 2},
		"ZoneOnAnotherPort": {reason: "the port tells them apart", source: Source{Corefile: ". {\nlog\n}\n.:54 {\nerrors\n}"}, keys: [][]string{{"."}, {".:54"}}, names: []string{"log"}},
		"ZoneBound":         {reason: "bind tells them apart", source: Source{Corefile: ". {\nbind 127.0.0.1\n}\n. {\nbind 127.0.0.2\n}"}, keys: [][]string{{"."}, {"."}}, names: []string{"bind"}},
		"BadZone":           {reason: "an empty label", source: Source{Corefile: "a..example {\n}"}, refused: "not a name", file: Name, line: 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(tc.source)
			if tc.refused != "" {
				var refused *Error
				if !errors.As(err, &refused) || !strings.Contains(refused.Reason, tc.refused) || refused.File != tc.file || refused.Line != tc.line {
					t.Fatalf("Parse: %v, want %q in %s line %d: %s", err, tc.refused, tc.file, tc.line, tc.reason)
				}
				return
			}
			if err != nil {
				t.Fatalf("Parse: %v: %s", err, tc.reason)
			}
			checkServers(t, got, tc.keys, tc.names)
		})
	}
}

func checkServers(t *testing.T, got *Config, keys [][]string, names []string) {
	t.Helper()
	var gotKeys [][]string
	for _, s := range got.Servers {
		gotKeys = append(gotKeys, s.Keys)
	}
	if !slices.EqualFunc(gotKeys, keys, slices.Equal) {
		t.Errorf("keys %q, want %q", gotKeys, keys)
	}
	if len(got.Servers) == 0 {
		return
	}
	var gotNames []string
	for _, d := range got.Servers[0].Directives {
		gotNames = append(gotNames, d.Name)
	}
	if !slices.Equal(gotNames, names) {
		t.Errorf("directives %q, want %q", gotNames, names)
	}
}

func TestTree(t *testing.T) {
	got, err := Parse(Source{Corefile: aks})
	if err != nil {
		t.Fatal(err)
	}
	kubernetes := got.Servers[0].named("kubernetes")[0]
	if !slices.Equal(kubernetes.Args, []string{"cluster.local", "in-addr.arpa", "ip6.arpa"}) || kubernetes.Line != 7 || len(kubernetes.Block) != 3 {
		t.Fatalf("kubernetes is %+v", kubernetes)
	}
	if through := kubernetes.Block[1]; through.Name != "fallthrough" || !slices.Equal(through.Args, []string{"in-addr.arpa", "ip6.arpa"}) || through.Line != 9 {
		t.Errorf("fallthrough is %+v", through)
	}
	if match := got.Servers[0].named("template")[0].Block[0]; match.Args[0] != `^(?:[^.]+\.){4,}internal\.cloudapp\.net\.$` {
		t.Errorf("the quoted argument is %q", match.Args)
	}
	if len(got.Imports) != 2 || got.Imports[0].Pattern != "custom/*.override" || got.Imports[0].Line != 18 {
		t.Errorf("imports are %+v", got.Imports)
	}
}

func TestDirectives(t *testing.T) {
	known := Directives()
	if len(known) != 60 || !slices.Contains(known, "hosts") || slices.Contains(known, "hostz") || !slices.IsSorted(known) {
		t.Errorf("%d directives: %q", len(known), known)
	}
}
