package fairlead_test

import (
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fairlead/fairlead"
)

func TestParseResourceID(t *testing.T) {
	const group = "/subscriptions/S/resourceGroups/G"
	cases := map[string]struct{ text, kind, name, id string }{
		"Subscription":    {"/subscriptions/S", "Microsoft.Resources/subscriptions", "S", "/subscriptions/S"},
		"Group":           {"/SUBSCRIPTIONS/S/resourcegroups/G", "Microsoft.Resources/resourceGroups", "G", group},
		"Resource":        {group + "/providers/N.S/t/x", "N.S/t", "x", group + "/providers/N.S/t/x"},
		"Nested":          {group + "/Providers/N.S/t/x/u/y", "N.S/t/u", "y", group + "/providers/N.S/t/x/u/y"},
		"InSubscription":  {"/subscriptions/S/providers/N.S/t/x", "N.S/t", "x", "/subscriptions/S/providers/N.S/t/x"},
		"AtTheRoot":       {"/providers/N.S/t/x", "N.S/t", "x", "/providers/N.S/t/x"},
		"Extension":       {group + "/providers/N.S/t/x/providers/O/e/z", "O/e", "z", group + "/providers/N.S/t/x/providers/O/e/z"},
		"GroupOfThatName": {"/subscriptions/S/resourceGroups/providers-2", "Microsoft.Resources/resourceGroups", "providers-2", "/subscriptions/S/resourceGroups/providers-2"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			id, err := fairlead.ParseResourceID(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if id.Type() != c.kind || id.Name() != c.name || id.String() != c.id || id.Key() != strings.ToLower(c.id) {
				t.Errorf("type %q name %q id %q key %q", id.Type(), id.Name(), id, id.Key())
			}
		})
	}
}

func TestParseResourceIDRefuses(t *testing.T) {
	for reason, text := range map[string]string{
		"empty": "", "root": "/", "no slash first": "subscriptions/S", "odd": "/subscriptions", "trailing slash": "/subscriptions/S/",
		"empty segment": "/subscriptions//resourceGroups/G", "dots": "/subscriptions/..", "dots in the middle": "/subscriptions/../resourceGroups/G",
		"escape": "/subscriptions/a%2fb", "backslash": `/subscriptions/a\b`, "blank": "/subscriptions/a b", "not ASCII": "/subscriptions/ä",
		"newline": "/subscriptions/a\n", "nul": "/subscriptions/a\x00", "provider without type": "/subscriptions/S/providers/N",
		"type without name": "/subscriptions/S/resourceGroups/G/providers/N/t", "other word": "/tenants/T", "other second word": "/subscriptions/S/groups/G",
		"too long": "/subscriptions/" + strings.Repeat("a", 129), "far too long": "/subscriptions/S" + strings.Repeat("/providers/N/t/x", 200),
	} {
		if id, err := fairlead.ParseResourceID(text); fairlead.KindOf(err) != fairlead.Invalid || err == nil {
			t.Errorf("%s: %q became %+v, %v", reason, text, id, err)
		}
	}
}

func TestConnectedClusterID(t *testing.T) {
	id := fairlead.ConnectedClusterID("S", "G", "edge")
	parsed, err := fairlead.ParseResourceID(id.String())
	if err != nil || !reflect.DeepEqual(parsed, id) {
		t.Errorf("%+v, %v, want %+v", parsed, err, id)
	}
}

// What was put together comes apart the same.
func TestResourceIDsRoundTrip(t *testing.T) {
	segment := rapid.StringMatching(`[A-Za-z0-9_][A-Za-z0-9_.()-]{0,20}`).Filter(func(s string) bool { return !strings.EqualFold(s, "providers") })
	rapid.Check(t, func(t *rapid.T) {
		id := fairlead.ResourceID{Namespace: segment.Draw(t, "namespace")}
		for range rapid.IntRange(1, 3).Draw(t, "depth") {
			id.Types, id.Names = append(id.Types, segment.Draw(t, "type")), append(id.Names, segment.Draw(t, "name"))
		}
		if rapid.Bool().Draw(t, "in a subscription") {
			id.Subscription = segment.Draw(t, "subscription")
			if rapid.Bool().Draw(t, "in a group") {
				id.ResourceGroup = segment.Draw(t, "group")
			}
		}
		if rapid.Bool().Draw(t, "extension") {
			id.Scope = fairlead.ResourceID{
				Subscription: id.Subscription, ResourceGroup: id.ResourceGroup, Namespace: "N", Types: []string{"t"}, Names: []string{segment.Draw(t, "extended")},
			}.String()
		}
		parsed, err := fairlead.ParseResourceID(id.String())
		if err != nil || !reflect.DeepEqual(parsed, id) {
			t.Fatalf("%q: %+v, %v, want %+v", id, parsed, err, id)
		}
	})
}

// Whatever is accepted is safe in a URL and means the same when read again, in any case.
func FuzzParseResourceID(f *testing.F) {
	for _, seed := range []string{
		"/subscriptions/S", "/subscriptions/S/resourceGroups/G/providers/N.S/t/x/u/y", "/providers/N/t/x",
		"/subscriptions/S/providers/N/t/x/providers/O/e/z", "/subscriptions/../x", "//", "/providers/providers/providers/providers",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := fairlead.ParseResourceID(text)
		if err != nil {
			return
		}
		again, err := fairlead.ParseResourceID(id.String())
		if err != nil || !reflect.DeepEqual(again, id) {
			t.Fatalf("%q: %+v, then %+v, %v", text, id, again, err)
		}
		if upper, err := fairlead.ParseResourceID(strings.ToUpper(text)); err != nil || upper.Key() != id.Key() {
			t.Fatalf("%q: key %q, in capitals %q, %v", text, id.Key(), upper.Key(), err)
		}
		if strings.ContainsAny(id.String(), "%\\ \n?#") || strings.Contains(id.String(), "/.") {
			t.Fatalf("%q is not safe", id)
		}
	})
}
