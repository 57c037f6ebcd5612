package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func extensionWish(name string, generation int) fairlead.Configuration {
	return fairlead.Configuration{
		APIVersion: fairlead.ExtensionConfigVersion, Kind: fairlead.ExtensionConfigKind, Name: name, Spec: json.RawMessage(fmt.Sprintf(`{"generation":%d}`, generation)),
	}
}

// written are the names of the objects that were written, in order.
func (c *calls) written() []string {
	var names []string
	for _, call := range c.all {
		if path, is := strings.CutPrefix(call, "PATCH "); is {
			names = append(names, path[strings.LastIndexByte(path, '/')+1:])
		}
	}
	return names
}

func TestWhatIsNewIsWrittenFirst(t *testing.T) {
	server, hub := &calls{}, &script{}
	a := withExtensions(t, hub, server, newKey(t))
	a.extensions().take(t.Context(), nil)
	steps := []struct {
		reason string
		wanted []fairlead.Configuration
		want   []string
	}{
		{"all is new, so the hub's order counts", []fairlead.Configuration{extensionWish("b", 1), extensionWish("a", 1)}, []string{"b", "a"}},
		{"a third one does not wait for the others", []fairlead.Configuration{extensionWish("a", 1), extensionWish("b", 1), extensionWish("c", 1)}, []string{"c", "a", "b"}},
		{"nor does one that has changed", []fairlead.Configuration{extensionWish("a", 1), extensionWish("b", 2), extensionWish("c", 1)}, []string{"b", "a", "c"}},
	}
	for i, step := range steps {
		server.all, hub.pending = nil, fairlead.PendingConfigs{ETag: fmt.Sprint(i), Configurations: step.wanted}
		if err := a.once(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := server.written(); !slices.Equal(got, step.want) {
			t.Errorf("%s: written %q, want %q", step.reason, got, step.want)
		}
	}
}

func TestNews(t *testing.T) {
	sealed := extensionWish("sealed", 1)
	sealed.Protected, sealed.Registry = "one", &fairlead.RegistryCredentials{Hash: "h", Sealed: "one"}
	again, other, going := sealed, sealed, sealed
	again.Protected, again.Registry = "two", &fairlead.RegistryCredentials{Hash: "h", Sealed: "two"}
	other.Registry = &fairlead.RegistryCredentials{Hash: "i", Sealed: "one"}
	going.Deleted = true
	known := news{}
	known.got(sealed)
	for name, c := range map[string]struct {
		reason string
		one    fairlead.Configuration
		want   bool
	}{
		"SealedAnew":    {"it says the same", again, true},
		"OtherPassword": {"the hash tells", other, false},
		"Going":         {"it is to go", going, false},
		"OtherSpec":     {"another generation", extensionWish("sealed", 2), false},
		"Never":         {"nobody has seen it", extensionWish("never", 1), false},
	} {
		if known.has(c.one) != c.want {
			t.Errorf("%s (%s): known %t, want %t", name, c.reason, !c.want, c.want)
		}
	}
}
