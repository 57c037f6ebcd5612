package cli

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestBadJSONIsShownWhereItIs(t *testing.T) {
	for content, want := range map[string]string{
		`{"a": 1,}`:                    "line 1, column 9: invalid character '}'",
		"{\n  \"ä\": 1\n  \"b\": 2\n}": "line 3, column 3: invalid character '\"'",
		`{"a": 1`:                      "line 1, column 7: unexpected end",
		`{"a": 1} {"b": 2}`:            "line 1, column 10: invalid character '{'",
		"":                             "it is empty",
		" \n":                          "it is empty",
		`["hush"]`:                     "it is a list",
		`"hush"`:                       "it is a string",
		`12345`:                        "it is a number",
		`true`:                         "it is true or false",
	} {
		_, settings := parseSettings([]byte(content))
		var object map[string]any
		other := notJSON([]byte(content), json.Unmarshal([]byte(content), &object))
		for _, err := range []error{settings, other} {
			if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "123") {
				t.Errorf("%q: %v, want %q", content, err, want)
			}
		}
	}
}
