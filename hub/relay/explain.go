package relay

import (
	"encoding/json"
	"strings"
	"unicode"
)

func messageIn(text []byte) string {
	var found struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &found) != nil {
		return ""
	}
	return printable([]byte(found.Message))
}

// printable is for texts of the far end that people will read: no control characters, and not too much.
func printable(text []byte) string {
	const most = 500
	clean := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, string(text))
	if runes := []rune(clean); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return clean
}
