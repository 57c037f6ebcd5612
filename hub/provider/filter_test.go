package provider

import (
	"encoding/base64"
	"maps"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

func TestReadFilter(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"":                              {},
		" ":                             {},
		"principalId eq 'x'":            {"principalid": "x"},
		"atScope()":                     {"atscope": ""},
		"atScope() and assignedTo('x')": {"atscope": "", "assignedto": "x"},
		"roleName eq 'a b (c)'":         {"rolename": "a b (c)"},
	} {
		if got, err := readFilter(text); err != nil || !maps.Equal(got, want) {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"x", "a ne 'b'", "a eq 'b' or c eq 'd'", "not a eq 'b'", "startswith(a,'b')", "a eq 'b", "a('b'", " and ", strings.Repeat("a() and ", 70) + "a()"} {
		if got, err := readFilter(text); fairlead.CodeOf(err) != "UnsupportedQuery" {
			t.Errorf("%q: %v, %v, want it refused", text, got, err)
		}
	}
}

func FuzzReadFilter(f *testing.F) {
	for _, seed := range []string{"principalId eq 'x' and atScope()", "a('')", "a eq ''", " and ", "'"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		terms, err := readFilter(text)
		if err != nil && fairlead.KindOf(err) != fairlead.Invalid {
			t.Fatal(err)
		}
		for name, value := range terms {
			if name == "" || name != strings.ToLower(name) || len(value) > len(text) {
				t.Fatalf("%q became %v", text, terms)
			}
		}
	})
}

func FuzzPublicKey(f *testing.F) {
	f.Add([]byte("0\x06\x02\x01\x03\x02\x01\x03"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, der []byte) {
		key, err := publicKey(base64.StdEncoding.EncodeToString(der))
		if err != nil && fairlead.KindOf(err) != fairlead.Invalid {
			t.Fatal(err)
		}
		if err == nil && (key.N.BitLen() < minKeyBits || key.N.BitLen() > maxKeyBits) {
			t.Fatalf("a key of %d bits", key.N.BitLen())
		}
	})
}
