package redact

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"strings"
)

// appliedConfig is the annotation in which kubectl keeps a copy of the whole object.
const appliedConfig = "kubectl.kubernetes.io/last-applied-configuration"

// JSON returns a copy of what encoding/json decodes to, without its secrets: those under names that say so, the
// data of Secrets, the values of pairs such as {name: DB_PASSWORD, value: …}, and what Text finds. Other types
// are turned into JSON first; what cannot be turned is left out.
func (r *Redactor) JSON(v any) any { return r.walk("", v) }

func (r *Redactor) walk(key string, v any) any {
	switch v := v.(type) {
	case nil, bool:
		return v
	case string:
		return r.Value(key, v)
	case json.Number:
		return r.number(key, v.String(), v)
	case float64, int, int64, uint64:
		return r.plainNumber(key, v)
	case []any:
		return r.items(key, v)
	case map[string]any:
		return r.object(key, v)
	}
	return r.walk(key, generic(v))
}

// generic turns any value into maps, slices and plain values.
func generic(v any) any {
	content, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.UseNumber()
	var plain any
	if decoder.Decode(&plain) != nil {
		return nil
	}
	return plain
}

func (r *Redactor) plainNumber(key string, v any) any {
	if nameOf(key).trust == harmless {
		return v
	}
	content, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return r.number(key, string(content), v)
}

func (r *Redactor) number(key, digits string, v any) any {
	if safe := r.Value(key, digits); safe != digits {
		return safe
	}
	return v
}

func (r *Redactor) items(key string, list []any) []any {
	out := make([]any, len(list))
	flag := ""
	for i, item := range list {
		s, ok := item.(string)
		if ok && flag != "" && !strings.HasPrefix(s, "-") {
			out[i] = r.Value(flag, s)
		} else {
			out[i] = r.walk(key, item)
		}
		flag = flagName(s)
	}
	return out
}

// flagName returns the name of a flag whose value is the next argument.
func flagName(s string) string {
	name, ok := strings.CutPrefix(s, "--")
	if !ok || strings.Contains(name, "=") || nameOf(name).trust != certain {
		return ""
	}
	return name
}

func (r *Redactor) object(key string, m map[string]any) map[string]any {
	secret := isSecret(m)
	pair := pairName(key, m)
	list, _ := m["kind"].(string)
	out := make(map[string]any, len(m))
	for key, v := range m {
		switch {
		case secret && (key == "data" || key == "stringData"):
			v = r.gone(key, v)
		case secret && key == "metadata":
			v = r.metadata(v)
		case pair != "" && strings.EqualFold(key, "value"):
			v = r.walk(pair, v)
		case list == "SecretList" && key == "items":
			v = r.secrets(v)
		default:
			v = r.walk(key, v)
		}
		out[r.Text(key)] = v
	}
	return out
}

// isSecret recognises Secrets, also those from a list, which do not say their kind.
func isSecret(m map[string]any) bool {
	if kind, ok := m["kind"].(string); ok {
		return kind == "Secret"
	}
	_, data := m["data"]
	_, more := m["stringData"]
	kind, _ := m["type"].(string)
	return more || data && (kind == "Opaque" || strings.Contains(kind, "/"))
}

// pairName returns the name of a pair of name and value, if it is one. The value may also be all that there is,
// under the name.
func pairName(above string, m map[string]any) string {
	for _, key := range []string{"name", "Name", "key", "Key"} {
		if name, ok := m[key].(string); ok && nameOf(name).trust != harmless {
			return name
		}
	}
	if nameOf(above).trust == certain {
		return above
	}
	return ""
}

// gone replaces every value in the data of a Secret. What is base64 gets the token of its content, which may
// stand elsewhere as it is.
func (r *Redactor) gone(key string, v any) any {
	m, ok := generic(v).(map[string]any)
	if !ok {
		return r.hidden(key, v)
	}
	out := make(map[string]any, len(m))
	for name, value := range m {
		out[r.Text(name)] = r.hidden(key, value)
	}
	return out
}

func (r *Redactor) hidden(key string, v any) any {
	s, ok := v.(string)
	if !ok {
		content, err := json.Marshal(v)
		if err != nil || v == nil {
			return nil
		}
		s = string(content)
	}
	if s == "" || onlyTokens(s) {
		return s
	}
	if key == "data" {
		if plain, err := base64.StdEncoding.DecodeString(s); err == nil {
			s = string(plain)
		}
	}
	return r.token(kindSecretData, s)
}

// metadata takes out the copy of a Secret among its annotations.
func (r *Redactor) metadata(v any) any {
	safe := r.walk("", v)
	m, _ := safe.(map[string]any)
	if annotations, ok := m["annotations"].(map[string]any); ok {
		if applied, ok := annotations[appliedConfig]; ok {
			annotations[appliedConfig] = r.hidden("", applied)
		}
	}
	return safe
}

// secrets goes through the items of a SecretList, which do not say their kind.
func (r *Redactor) secrets(v any) any {
	list, ok := generic(v).([]any)
	if !ok {
		return nil
	}
	out := make([]any, len(list))
	for i, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			out[i] = r.walk("", item)
			continue
		}
		named := maps.Clone(m)
		named["kind"] = "Secret"
		safe := r.object("", named)
		if _, ok := m["kind"]; !ok {
			delete(safe, "kind")
		}
		out[i] = safe
	}
	return out
}
