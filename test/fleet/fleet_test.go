package main

import (
	"bytes"
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"
)

// TestFleet is the whole story with few agents. It asserts that nothing and nobody is lost; times depend on the machine.
func TestFleet(t *testing.T) {
	binary := os.Getenv("FAIRLEAD_BINARY")
	if binary == "" {
		t.Fatal("FAIRLEAD_BINARY is not set: run this test with `make test-fleet`")
	}
	const agents = 200
	o := options{agents: agents, extensions: 2, configurations: 2, duration: 7 * time.Second, scenarios: []string{"idle", "change", "list", "extensions", "configurations", "restart"}, binary: binary}
	var progress bytes.Buffer
	found, err := measure(t.Context(), o, t.TempDir(), &progress)
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	if got := found.Registration; got.Clusters.Count != agents || got.Identities.Count != agents {
		t.Errorf("%d clusters and %d identities, want %d", got.Clusters.Count, got.Identities.Count, agents)
	}
	if got := found.Idle; got.Held < agents || got.Heartbeats.Count < agents {
		t.Errorf("at rest %d requests were held and %d heartbeats acknowledged, want %d at least", got.Held, got.Heartbeats.Count, agents)
	}
	for name, got := range map[string]*delivery{"all": found.ChangeAll, "a sample": found.ChangeSample} {
		if got.Delivered != got.Wanted || got.Wanted == 0 {
			t.Errorf("a change to %s reached %d of %d agents", name, got.Delivered, got.Wanted)
		}
	}
	for name, got := range map[string]*convergence{
		"extensions to be installed": found.Extensions, "extensions to be removed": found.ExtensionsGone,
		"configurations to be applied": found.Configurations, "configurations to be removed": found.ConfigurationsGone,
	} {
		if got.Wanted != 2*rolloutClusters || got.Delivered != got.Wanted || got.Ended != got.Wanted {
			t.Errorf("of %d %s agents were told of %d, and the hub has seen the end of %d", got.Wanted, name, got.Delivered, got.Ended)
		}
	}
	if got := found.Herd.Returned.Count; got != agents {
		t.Errorf("%d agents came back, want %d", got, agents)
	}
	checkListing(t, found.Listing, agents)
}

func checkListing(t *testing.T, found *listing, agents int) {
	t.Helper()
	if found.All.Found != agents {
		t.Errorf("the list has %d clusters, want %d", found.All.Found, agents)
	}
	for _, s := range found.Searches {
		if s.Refused == "" && s.Found != s.Wanted {
			t.Errorf("%s finds %d clusters, want %d", s.Filter, s.Found, s.Wanted)
		}
	}
}

func TestKeysAreSoundAndDifferent(t *testing.T) {
	const count = 30
	keys, err := onboardingKeys(count)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, key := range keys {
		if err := key.Validate(); err != nil || key.N.BitLen() != 2*primeBits {
			t.Errorf("a key of %d bits: %v", key.N.BitLen(), err)
		}
		seen[key.N.Text(big.MaxBase)] = true
	}
	if len(seen) != count {
		t.Errorf("%d different keys, want %d", len(seen), count)
	}
}

func TestOptions(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Defaults": {"all of it", nil, ""},
		"Chosen":   {"some of it", []string{"--agents", "5", "--scenario", "idle,extensions", "-o", "json"}, ""},
		"Scenario": {"a word that means nothing", []string{"--scenario", "idle,flood"}, "no scenario"},
		"Agents":   {"nobody", []string{"--agents", "0"}, "--agents"},
		"Many":     {"more than files may be open", []string{"--agents", "20001"}, "--agents"},
		"Crowded":  {"more than a cluster can have", []string{"--extensions", "101"}, "--extensions"},
		"None":     {"a cluster without any", []string{"--configurations", "0"}, "--configurations"},
		"Format":   {"a word that means nothing", []string{"-o", "xml"}, "-o"},
	}
	for name, tc := range cases {
		_, err := parse(tc.args, &bytes.Buffer{})
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s (%s): %v", name, tc.reason, err)
		}
	}
}

func TestPromises(t *testing.T) {
	good := report{
		Agents: 2, Idle: &idle{Cores: 0.5, Peak: 1 << 30, Resident: 1 << 30}, Listing: &listing{All: walk{Found: 2}},
		ChangeAll: &delivery{Wanted: 2, Delivered: 2}, ChangeSample: &delivery{Wanted: 1, Delivered: 1},
		Herd: &herd{Complete: seconds(time.Second), Offline: &offline{}},
	}
	good.judge()
	if err := good.verdict(); err != nil {
		t.Errorf("everything is kept: %v", err)
	}
	bad := good
	bad.Promises, bad.ChangeAll = nil, &delivery{Wanted: 2, Delivered: 1}
	bad.judge()
	if err := bad.verdict(); err == nil || !strings.Contains(err.Error(), "1 of 2") {
		t.Errorf("a lost change: %v", err)
	}
	if text, err := json.Marshal(good); err != nil || !json.Valid(text) {
		t.Errorf("as JSON: %v", err)
	}
}

func TestOfflineIsMeasuredFromLookToLook(t *testing.T) {
	start := time.Now()
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	o, began := &offline{}, map[string]time.Time{}
	o.note(began, map[string]bool{"a": true}, at(0), at(2))
	o.note(began, map[string]bool{"a": true, "b": true}, at(2), at(4))
	o.note(began, nil, at(4), at(6))
	if o.Clusters != 2 || o.Longest != seconds(6*time.Second) || len(began) != 0 {
		t.Errorf("%d clusters were offline, longest %s, still %v", o.Clusters, o.Longest, began)
	}
}
