package resource

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"strings"

	"github.com/fairlead/fairlead"
)

// Document is a resource as JSON. Numbers are json.Number, so that what nobody understands here is
// given back digit for digit. Paths are dotted: properties.distribution.
type Document map[string]any

// ReadDocument reads exactly one JSON object.
func ReadDocument(content []byte) (Document, error) {
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.UseNumber()
	var document Document
	if err := decoder.Decode(&document); err != nil {
		return nil, invalidContent("The request content was invalid and could not be deserialized: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) || document == nil {
		return nil, invalidContent("The request content was invalid and could not be deserialized: one JSON object is expected")
	}
	return document, nil
}

// Get returns what is at a path, nil when there is nothing.
func (d Document) Get(path string) any {
	var value any = map[string]any(d)
	for name := range strings.SplitSeq(path, ".") {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

// Text returns the string at a path, empty when there is none.
func (d Document) Text(path string) string {
	text, _ := d.Get(path).(string)
	return text
}

// Object returns the object at a path, nil when there is none.
func (d Document) Object(path string) map[string]any {
	object, _ := d.Get(path).(map[string]any)
	return object
}

// Has reports whether there is anything at a path, be it null.
func (d Document) Has(path string) bool {
	parent, name := d.parent(path)
	_, ok := parent[name]
	return ok
}

// Set puts value at a path and makes the objects on the way.
func (d Document) Set(path string, value any) {
	object, names := map[string]any(d), strings.Split(path, ".")
	for _, name := range names[:len(names)-1] {
		next, ok := object[name].(map[string]any)
		if !ok {
			next = map[string]any{}
			object[name] = next
		}
		object = next
	}
	object[names[len(names)-1]] = value
}

// Drop removes what is at a path.
func (d Document) Drop(path string) {
	parent, name := d.parent(path)
	delete(parent, name)
}

func (d Document) parent(path string) (map[string]any, string) {
	at := strings.LastIndex(path, ".")
	if at < 0 {
		return d, path
	}
	parent, _ := d.Get(path[:at]).(map[string]any)
	return parent, path[at+1:]
}

// Decode reads the document into a struct.
func (d Document) Decode(v any) error {
	content, err := json.Marshal(d)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, v); err != nil {
		return invalidContent("The request content was invalid and could not be deserialized: %v", err)
	}
	return nil
}

// Merge applies a JSON merge patch (RFC 7396) and returns the result: null removes, objects are
// merged, anything else replaces. Neither argument is changed, but the result shares parts with both.
func Merge(target, patch map[string]any) map[string]any {
	merged := maps.Clone(target)
	if merged == nil {
		merged = map[string]any{}
	}
	for name, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(merged, name)
		case map[string]any:
			below, _ := merged[name].(map[string]any)
			merged[name] = Merge(below, value)
		default:
			merged[name] = value
		}
	}
	return merged
}

func invalidContent(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("InvalidRequestContent")
}
