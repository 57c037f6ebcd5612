package values_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/values"
)

func TestSettingsMeanWhatSetMeans(t *testing.T) {
	got, err := values.Of(map[string]string{
		"replicas": "3", "enabled": "True", "off": "false", "nothing": "null", "zero": "0", "phone": "0049", "ratio": "1.5", "big": "123456789012345678901234567890",
		"a.b.c": "deep", "list[0].name": "x", "list[1].name": "y", `node.kubernetes\.io/os`: "linux", "empty": "",
	}, map[string]string{"a.b.c": "wins"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"replicas": int64(3), "enabled": true, "off": false, "nothing": nil, "zero": int64(0), "phone": "0049", "ratio": "1.5", "big": "123456789012345678901234567890",
		"a": map[string]any{"b": map[string]any{"c": "wins"}}, "list": []any{map[string]any{"name": "x"}, map[string]any{"name": "y"}},
		"node": map[string]any{"kubernetes.io/os": "linux"}, "empty": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestNoTextBecomesAnotherSetting(t *testing.T) {
	for _, text := range []string{
		"a,b=c", "{a,b}", `back\slash`, `\,`, "{", "}", "[0]", "a=b", " padded ", "line\nline", "--set x=y", `{"json":[1,2]}`, "ünï", ",,,", `\`,
	} {
		got, err := values.Of(map[string]string{"x.key": text}, nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if diff := cmp.Diff(map[string]any{"x": map[string]any{"key": text}}, got); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestBadKeysAreNamedAndTextsAreNot(t *testing.T) {
	for key, other := range map[string]string{
		"": "", "a,b": "", "a=b": "", "a.": "", "a[x]": "", "a[-1]": "", "a[99999999]": "", "a.b": "a", "a[0]": "a", strings.Repeat("k", 2000): "", "x[0": "",
	} {
		settings := map[string]string{key: "s3cret-value"}
		if other != "" {
			settings[other] = "s3cret-other"
		}
		_, err := values.Of(settings, nil)
		if fairlead.KindOf(err) != fairlead.Invalid || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%.20q: %v", key, err)
		}
	}
}

func FuzzValues(f *testing.F) {
	f.Add("a.b[0]", "x,y={z}")
	f.Add(`a\.b`, `\`)
	f.Fuzz(func(t *testing.T, key, text string) {
		got, err := values.Of(map[string]string{key: text}, nil)
		if err == nil && len(got) > 1 {
			t.Errorf("%q=%q makes %d settings", key, text, len(got))
		}
	})
}
