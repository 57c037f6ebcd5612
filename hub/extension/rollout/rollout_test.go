package rollout_test

import (
	"slices"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/extension/rollout"
)

var saturday = time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC) // 04:00 in Berlin

func in(ring, id string, state rollout.State, ago time.Duration) rollout.Target {
	return rollout.Target{ID: id, Tags: map[string]string{"Ring": ring}, State: state, Since: saturday.Add(-ago)}
}

func TestDecide(t *testing.T) {
	rings := rollout.Policy{Waves: []rollout.Wave{{Tag: "ring", Value: "canary"}, {Tag: "ring", Value: "broad"}}, HealthGate: "30m"}
	tolerant, windowed, closed := rings, rings, rings
	tolerant.MaxFailures = 2
	windowed.Windows = []rollout.Window{{Days: []string{"Sat"}, Start: "02:00", Duration: "4h", TimeZone: "Europe/Berlin"}}
	closed.Windows = []rollout.Window{{Days: []string{"sunday"}, Start: "02:00", Duration: "4h", TimeZone: "Europe/Berlin"}}
	for name, c := range map[string]struct {
		policy  rollout.Policy
		targets []rollout.Target
		begin   []string
		waits   bool
	}{
		"all at once":                 {rollout.Policy{}, []rollout.Target{in("a", "2", rollout.Pending, 0), in("b", "1", rollout.Pending, 0)}, []string{"1", "2"}, false},
		"the first wave":              {rings, []rollout.Target{in("broad", "b", rollout.Pending, 0), in("canary", "c", rollout.Pending, 0)}, []string{"c"}, false},
		"the first wave runs":         {rings, []rollout.Target{in("broad", "b", rollout.Pending, 0), in("canary", "c", rollout.Running, 0)}, nil, true},
		"not well for long enough":    {rings, []rollout.Target{in("broad", "b", rollout.Pending, 0), in("canary", "c", rollout.Done, 29*time.Minute)}, nil, true},
		"well for long enough":        {rings, []rollout.Target{in("broad", "b", rollout.Pending, 0), in("canary", "c", rollout.Done, 30*time.Minute)}, []string{"b"}, false},
		"others come last":            {rings, []rollout.Target{in("none", "n", rollout.Pending, 0), in("broad", "b", rollout.Done, time.Hour)}, []string{"n"}, false},
		"one failure stops":           {rings, []rollout.Target{in("canary", "c", rollout.Failed, time.Hour), in("canary", "d", rollout.Pending, 0)}, nil, true},
		"one failure is tolerated":    {tolerant, []rollout.Target{in("canary", "c", rollout.Failed, time.Hour), in("broad", "d", rollout.Pending, 0)}, []string{"d"}, false},
		"who is away holds nobody up": {rings, []rollout.Target{in("canary", "c", rollout.Away, 0), in("broad", "b", rollout.Pending, 0)}, []string{"b"}, false},
		"inside a window":             {windowed, []rollout.Target{in("canary", "c", rollout.Pending, 0)}, []string{"c"}, false},
		"outside of the windows":      {closed, []rollout.Target{in("canary", "c", rollout.Pending, 0)}, nil, true},
		"all done":                    {rings, []rollout.Target{in("canary", "c", rollout.Done, time.Hour), in("broad", "b", rollout.Done, time.Hour)}, nil, false},
		"nobody":                      {rings, nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.policy.Decide(c.targets, saturday)
			if !slices.Equal(got.Begin, c.begin) || (got.Why != "") != c.waits {
				t.Errorf("%+v, want %v and waiting %t", got, c.begin, c.waits)
			}
		})
	}
}

func TestWindows(t *testing.T) {
	night := rollout.Window{Days: []string{"Friday"}, Start: "22:00", Duration: "8h", TimeZone: "Europe/Berlin"}
	for name, c := range map[string]struct {
		window rollout.Window
		at     string
		open   bool
	}{
		"before it begins":                   {night, "2026-11-27T20:59:59Z", false},
		"when it begins":                     {night, "2026-11-27T21:00:00Z", true},
		"after midnight, on the next day":    {night, "2026-11-28T04:59:59Z", true},
		"when it ends":                       {night, "2026-11-28T05:00:00Z", false},
		"a day that is not named":            {night, "2026-11-28T22:00:00Z", false},
		"every day, in UTC":                  {rollout.Window{Start: "00:00", Duration: "1h"}, "2026-11-25T00:30:00Z", true},
		"the night in which clocks go back":  {rollout.Window{Start: "02:30", Duration: "2h", TimeZone: "Europe/Berlin"}, "2026-10-25T01:45:00Z", true},
		"from Friday to Monday":              {rollout.Window{Days: []string{"fri"}, Start: "18:00", Duration: "60h", TimeZone: "UTC"}, "2026-11-29T23:00:00Z", true},
		"a zone nobody knows is closed time": {rollout.Window{Start: "00:00", Duration: "24h", TimeZone: "Nowhere/Town"}, "2026-11-25T00:30:00Z", false},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := time.Parse(time.RFC3339, c.at)
			if err != nil {
				t.Fatal(err)
			}
			if got := (rollout.Policy{Windows: []rollout.Window{c.window}}).Open(at); got != c.open {
				t.Errorf("open %t, want %t", got, c.open)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	good := rollout.Window{Days: []string{"Mon"}, Start: "02:00", Duration: "4h", TimeZone: "Asia/Taipei"}
	if err := (rollout.Policy{Windows: []rollout.Window{good}, HealthGate: "1h", Waves: []rollout.Wave{{Tag: "ring"}}}).Check(); err != nil {
		t.Error(err)
	}
	for name, policy := range map[string]rollout.Policy{
		"a gate that is no span":  {HealthGate: "soon"},
		"a gate below nothing":    {HealthGate: "-1m"},
		"a wave without a tag":    {Waves: []rollout.Wave{{Value: "x"}}},
		"a day that is none":      {Windows: []rollout.Window{{Days: []string{"Caturday"}, Start: "02:00", Duration: "4h"}}},
		"a start that is none":    {Windows: []rollout.Window{{Start: "25:00", Duration: "4h"}}},
		"a duration that is none": {Windows: []rollout.Window{{Start: "02:00", Duration: "0h"}}},
		"a zone that is none":     {Windows: []rollout.Window{{Start: "02:00", Duration: "4h", TimeZone: "Mars"}}},
		"fewer than no failures":  {MaxFailures: -1},
	} {
		if policy.Check() == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}
