package hub

import "testing"

func TestProfilesStayOnThisMachine(t *testing.T) {
	cases := map[string]struct {
		reason  string
		refused bool
	}{
		"":                 {"off", false},
		"127.0.0.1:6060":   {"loopback", false},
		"[::1]:6060":       {"loopback", false},
		":6060":            {"every address", true},
		"0.0.0.0:6060":     {"every address", true},
		"192.0.2.1:6060":   {"an address of the network", true},
		"localhost:6060":   {"what a name means is for others to say", true},
		"hub.example:6060": {"a name", true},
		"127.0.0.1":        {"no port", true},
	}
	for address, tc := range cases {
		if err := validateLoopback(address); (err != nil) != tc.refused {
			t.Errorf("%q (%s): %v", address, tc.reason, err)
		}
	}
}
