package corefile

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	region = "eastus2euap"
	host   = region + ".dp.kubernetesconfiguration.azure.com"
	public = "20.39.12.229"
	// The sample of the guide, as it is printed.
	guide = "hosts {\n  20.39.12.229 <region>.dp.kubernetesconfiguration.azure.com\n  fallthrough\n}\n"
)

// filled is the guide's sample with its region filled in.
func filled() string { return strings.ReplaceAll(guide, "<region>", region) }

func withHosts(corefile string) string {
	return strings.Replace(corefile, "    cache", "    hosts /etc/coredns/NodeHosts {\n      fallthrough\n    }\n    cache", 1)
}

func TestJudge(t *testing.T) {
	noon := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	quiet := strings.Replace(aks, "    reload\n", "", 1)
	one := func(row, key string, line int, captures map[string]string) []Problem {
		return []Problem{{row, key, line, captures}}
	}
	cases := map[string]struct {
		reason string
		in     Input
		want   []Problem
	}{
		"NoOverrides": {"nothing is wrong with none", Input{Corefile: aks}, nil},
		"Bench":       {"the test cluster's own Corefile", Input{Corefile: bench}, nil},
		"Filled":      {"the guide's sample as it is meant", Input{Corefile: aks, Custom: map[string]string{OverrideKey: filled()}, PublicAddresses: []netip.Addr{netip.MustParseAddr(public)}}, nil},
		"Server":      {"a server block of its own is imported below the main one", Input{Corefile: aks, Custom: map[string]string{"x.server": "x.example:53 {\nhosts {\n10.0.0.1 a.x.example\n}\n}"}}, nil},

		"RowA": {
			"the key lacks the ending",
			Input{Corefile: aks, Custom: map[string]string{"extensionsdp.txt": filled()}},
			one(RowKey, "extensionsdp.txt", 0, map[string]string{"key": "extensionsdp.txt", "want": OverrideKey}),
		},
		"RowB": {
			"every other name gets SERVFAIL",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.Replace(filled(), "  fallthrough\n", "", 1)}},
			one(RowFallthrough, OverrideKey, 1, map[string]string{"zones": "."}),
		},
		"RowBZones": {
			"fallthrough for one zone stops all others",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.Replace(filled(), "fallthrough", "fallthrough example.org", 1)}},
			one(RowFallthrough, OverrideKey, 1, map[string]string{"zones": "."}),
		},
		"RowBNeighbours": {
			"the other names of the zone are gone",
			Input{Corefile: aks, Custom: map[string]string{"a.server": "azure.com {\nhosts {\n" + public + " " + host + "\n}\n}"}},
			one(RowFallthrough, "a.server", 2, map[string]string{"zones": "azure.com."}),
		},
		"RowCAngle": {
			"the guide's sample as it is printed",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: guide}},
			one(RowName, OverrideKey, 2, map[string]string{"name": "<region>.dp.kubernetesconfiguration.azure.com", "want": host, "placeholder": "<region>"}),
		},
		"RowCSquare": {
			"the guide writes both",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.ReplaceAll(guide, "<region>", "[region]")}},
			one(RowName, OverrideKey, 2, map[string]string{"name": "[region].dp.kubernetesconfiguration.azure.com", "want": host, "placeholder": "[region]"}),
		},
		"RowCOther": {
			"another region's name",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.ReplaceAll(guide, "<region>", "westus")}},
			one(RowName, OverrideKey, 2, map[string]string{"name": "westus.dp.kubernetesconfiguration.azure.com", "want": host, "region": "westus"}),
		},
		"RowCBoth": {"one manifest for two regions is no mistake", Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.Replace(filled(), "  fall", "  20.1.1.1 westus.dp.kubernetesconfiguration.azure.com\n  fall", 1)}}, nil},
		"RowD": {
			"the line is passed over",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.Replace(filled(), public, "20.39.12", 1)}},
			one(RowAddress, OverrideKey, 2, map[string]string{"address": "20.39.12", "name": host}),
		},
		"RowE": {
			"Azure has moved the endpoint",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: filled()}, PublicAddresses: []netip.Addr{netip.MustParseAddr("20.1.1.1"), netip.MustParseAddr("20.1.1.2")}},
			one(RowStale, OverrideKey, 2, map[string]string{"address": public, "name": host, "public": "20.1.1.1 20.1.1.2"}),
		},
		"RowF": {
			"another key has a block already",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: filled(), "zz.override": "log\nhosts {\n  10.0.0.1 db.example\n  fallthrough\n}\n"}},
			one(RowTwice, "zz.override", 2, map[string]string{"first": OverrideKey, "first_line": "1"}),
		},
		"RowFCorefile": {
			"the Corefile itself has a block already",
			Input{Corefile: withHosts(aks), Custom: map[string]string{OverrideKey: filled()}},
			one(RowTwice, OverrideKey, 1, map[string]string{"first": Name, "first_line": "14"}),
		},
		"RowGDirective": {
			"the catalogue's hostz",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.Replace(filled(), "hosts", "hostz", 1)}},
			one(RowSyntax, OverrideKey, 1, map[string]string{"error": `unknown directive "hostz"`}),
		},
		"RowGOpen": {
			"a brace is missing",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: strings.Replace(filled(), "}", "", 1)}},
			one(RowSyntax, OverrideKey, 1, map[string]string{"error": "the brace that opens here is not closed"}),
		},
		"RowGOrder": {
			"fallthrough must be last",
			Input{Corefile: aks, Custom: map[string]string{OverrideKey: "hosts {\n  fallthrough\n  " + public + " " + host + "\n}\n"}},
			one(RowSyntax, OverrideKey, 3, map[string]string{"error": `unknown property "20.39.12.229": addresses must stand before fallthrough`}),
		},
		"RowGServer": {
			"a second block for the root zone",
			Input{Corefile: aks, Custom: map[string]string{"a.server": ".:53 {\nlog\n}"}},
			one(RowSyntax, "a.server", 1, map[string]string{"error": "cannot serve dns://.:53: it is already defined"}),
		},
		"RowGOthers": {
			"a broken key does not hide the mistakes of others",
			Input{Corefile: aks, Custom: map[string]string{"a.override": "hostz", OverrideKey: guide}},
			[]Problem{
				{RowName, OverrideKey, 2, map[string]string{"name": "<region>.dp.kubernetesconfiguration.azure.com", "want": host, "placeholder": "<region>"}},
				{RowSyntax, "a.override", 1, map[string]string{"error": `unknown directive "hostz"`}},
			},
		},
		"RowGCorefile": {
			"the main file is broken, so that its imports are unknown",
			Input{Corefile: "hostz {\nhostz\n}", Custom: map[string]string{OverrideKey: filled()}},
			one(RowSyntax, Name, 2, map[string]string{"error": `unknown directive "hostz"`}),
		},
		"RowH": {
			"not AKS",
			Input{Corefile: bench, Custom: map[string]string{OverrideKey: filled()}},
			one(RowImport, Name, 0, map[string]string{"import": "import custom/*.override", "key": OverrideKey}),
		},
		"RowHUnknown": {"a Corefile that could not be read is not judged", Input{Custom: map[string]string{OverrideKey: filled()}}, nil},
		"RowI": {
			"old answers",
			Input{Corefile: quiet, Custom: map[string]string{OverrideKey: filled()}, ConfigChanged: noon, PodsStarted: []time.Time{noon.Add(time.Minute), noon.Add(-time.Hour)}},
			one(RowRestart, Name, 0, map[string]string{"changed": "2026-11-25T12:00:00Z", "started": "2026-11-25T11:00:00Z"}),
		},
		"RowIReload":    {"CoreDNS sees the change by itself", Input{Corefile: aks, Custom: map[string]string{OverrideKey: filled()}, ConfigChanged: noon, PodsStarted: []time.Time{noon.Add(-time.Hour)}}, nil},
		"RowIRestarted": {"all pods are younger", Input{Corefile: quiet, Custom: map[string]string{OverrideKey: filled()}, ConfigChanged: noon, PodsStarted: []time.Time{noon.Add(time.Minute)}}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			for _, of := range []string{"<region>.dp.kubernetesconfiguration.azure.com", host} {
				tc.in.Region, tc.in.Host = region, of
				if diff := cmp.Diff(tc.want, Judge(tc.in)); diff != "" {
					t.Errorf("Judge for %s: %s: (-want +got)\n%s", of, tc.reason, diff)
				}
			}
		})
	}
}

// Without a region, a placeholder is still one, and other names cannot be judged.
func TestJudgeWithoutRegion(t *testing.T) {
	in := Input{Corefile: aks, Host: "<region>.dp.kubernetesconfiguration.azure.com", Custom: map[string]string{OverrideKey: strings.Replace(filled(), "  fall", "  20.1.1.1 [region].dp.kubernetesconfiguration.azure.com\n  fall", 1)}}
	got := Judge(in)
	if len(got) != 1 || got[0].Row != RowName || got[0].Line != 3 {
		t.Errorf("Judge is %+v", got)
	}
}

func TestPinned(t *testing.T) {
	custom := map[string]string{
		"b.override": "log\nhosts {\n  10.0.0.1 db.example cache.example # ours\n  ttl 60\n  fallthrough\n}\n",
		"a.override": filled(),
		"c.txt":      filled(),
		"d.override": "hostz",
	}
	want := []Pin{
		{"a.override", 2, public, []string{host}},
		{"b.override", 3, "10.0.0.1", []string{"db.example", "cache.example"}},
	}
	if diff := cmp.Diff(want, Pinned(custom)); diff != "" {
		t.Errorf("Pinned: (-want +got)\n%s", diff)
	}
}

func rows(problems []Problem) string {
	var found []string
	for _, p := range problems {
		found = append(found, p.Row)
	}
	slices.Sort(found)
	return strings.Join(slices.Compact(found), "")
}
