package corefile

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestForwarders(t *testing.T) {
	got, err := Forwarders(". {\nforward . 192.0.2.53 tls://9.9.9.9\n}\nx.example:5353 {\nforward x.example 127.0.0.1:5353 127.0.0.1 [::1]:5353\n}")
	want := []Forward{
		{".", []string{"192.0.2.53", "tls://9.9.9.9"}, 2, []string{"."}},
		{"x.example.", []string{"127.0.0.1:5353", "127.0.0.1", "[::1]:5353"}, 5, []string{"x.example:5353"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Forwarders: %v (-want +got)\n%s", err, diff)
	}
	if aksForwards, err := Forwarders(aks); err != nil || len(aksForwards) != 1 || !slices.Equal(aksForwards[0].To, []string{"/etc/resolv.conf"}) {
		t.Errorf("Forwarders of AKS: %v %+v", err, aksForwards)
	}
	if _, err := Forwarders("hostz {"); err == nil {
		t.Error("Forwarders of a broken Corefile must fail")
	}
}

func TestLoops(t *testing.T) {
	own := []netip.Addr{netip.MustParseAddr("10.96.0.10"), netip.MustParseAddr("fd00::a")}
	cases := map[string]struct {
		reason string
		to     []string
		keys   []string
		want   []string
	}{
		"File":          {"what it holds is unknown", []string{"/etc/resolv.conf"}, []string{"."}, nil},
		"Upstream":      {"another server", []string{"192.0.2.53", "tls://9.9.9.9"}, []string{"."}, nil},
		"Loopback":      {"itself", []string{"127.0.0.1", "::1", "127.0.0.53:53"}, []string{"."}, []string{"127.0.0.1", "::1", "127.0.0.53:53"}},
		"LoopbackOther": {"a program beside it", []string{"127.0.0.1:5353"}, []string{"."}, nil},
		"LoopbackPort":  {"the port that it listens on", []string{"127.0.0.1:5353", "[::1]:5353"}, []string{"x.example:5353"}, []string{"127.0.0.1:5353", "[::1]:5353"}},
		"Service":       {"its own service", []string{"10.96.0.10", "dns://10.96.0.10:53", "fd00::a"}, []string{"."}, []string{"10.96.0.10", "dns://10.96.0.10:53", "fd00::a"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := (Forward{To: tc.to, Servers: tc.keys}).Loops(own...); !slices.Equal(got, tc.want) {
				t.Errorf("Loops is %q, want %q: %s", got, tc.want, tc.reason)
			}
		})
	}
}

func TestServes(t *testing.T) {
	cases := map[string]struct {
		reason, corefile string
		want             bool
	}{
		"AKS":         {"as installed", aks, true},
		"Bench":       {"as installed", bench, true},
		"NoArguments": {"the zones of the server block", "cluster.local {\nkubernetes\n}", true},
		"OtherZone":   {"a cluster with another domain", ". {\nkubernetes corp.local\n}", false},
		"OtherServer": {"the block does not answer for the zone", "example.org {\nkubernetes cluster.local\n}", false},
		"None":        {"no plugin", ". {\nlog\n}", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got, err := Serves(tc.corefile, "cluster.local"); err != nil || got != tc.want {
				t.Errorf("Serves is %v %v, want %v: %s", got, err, tc.want, tc.reason)
			}
		})
	}
}
