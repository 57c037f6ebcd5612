package resource

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// The examples are those of RFC 7396, appendix A, that begin and end with objects.
func TestMerge(t *testing.T) {
	cases := map[string]struct{ target, patch, want string }{
		"Replace":       {`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		"Add":           {`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		"Remove":        {`{"a":"b"}`, `{"a":null}`, `{}`},
		"RemoveOne":     {`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		"ArrayByText":   {`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		"TextByArray":   {`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		"Deep":          {`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		"ArraysWhole":   {`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		"KeepNull":      {`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		"NullsInNew":    {`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		"ObjectForText": {`{"a":"b"}`, `{"a":{"c":1}}`, `{"a":{"c":1}}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			target, patch, want := read(t, c.target), read(t, c.patch), read(t, c.want)
			if got := Merge(target, patch); !reflect.DeepEqual(Document(got), want) {
				t.Errorf("%v, want %v", got, want)
			}
			if !reflect.DeepEqual(target, read(t, c.target)) || !reflect.DeepEqual(patch, read(t, c.patch)) {
				t.Error("an argument has been changed")
			}
		})
	}
}

func read(t testing.TB, text string) Document {
	t.Helper()
	document, err := ReadDocument([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// A merge patch that was applied changes nothing when it is applied again, and leaves no null of its own.
func FuzzMerge(f *testing.F) {
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":null,"c":[null]}}`)
	f.Add(`{}`, `{"":{"":null}}`)
	f.Fuzz(func(t *testing.T, target, patch string) {
		before, err := ReadDocument([]byte(target))
		if err != nil {
			t.Skip()
		}
		change, err := ReadDocument([]byte(patch))
		if err != nil {
			t.Skip()
		}
		once := Merge(before, change)
		if twice := Merge(once, change); !reflect.DeepEqual(once, twice) {
			t.Errorf("once %v, twice %v", once, twice)
		}
		for name, value := range change {
			if _, left := once[name]; left == (value == nil) {
				t.Errorf("%q: in the patch %v, in the result %v", name, value, left)
			}
		}
	})
}

func FuzzReadDocument(f *testing.F) {
	for _, seed := range []string{`{}`, `{"a":1e400}`, `{"a":{"b":[{}]}}`, `null`, `[]`, `{} {}`, `{"a":`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		document, err := ReadDocument(content)
		if err != nil {
			return
		}
		written, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		if again := read(t, string(written)); !reflect.DeepEqual(document, again) {
			t.Errorf("%v came back as %v", document, again)
		}
	})
}

func TestPathsOfDocuments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-c]{1,2}`)
		path := name.Draw(t, "first") + "." + name.Draw(t, "second") + "." + name.Draw(t, "third")
		document := Document{"a": "in the way", "b": map[string]any{"a": "x"}}
		document.Set(path, "value")
		if document.Text(path) != "value" || !document.Has(path) {
			t.Fatalf("%s is not there: %v", path, document)
		}
		document.Drop(path)
		if document.Has(path) || document.Get(path) != nil {
			t.Fatalf("%s is still there: %v", path, document)
		}
	})
}

func TestWhatIsNotThereIsNothing(t *testing.T) {
	document := Document{"a": "text", "b": nil}
	if document.Get("a.b.c") != nil || document.Text("b") != "" || document.Has("a.b") || !document.Has("b") {
		t.Errorf("%v", document)
	}
	document.Drop("a.b.c")
	if document.Text("a") != "text" {
		t.Error("dropping what is not there has changed something")
	}
}
