package audit

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// lower and bound keep what callers send in the form and size in which it is kept.
func lower(text string) string { return strings.ToLower(text) }

func bound(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	}
	return text
}

// asked is what a request means to Kubernetes.
type asked struct{ Verb, APIGroup, Resource, Subresource, Namespace, Name string }

func parse(method string, address *url.URL) asked { return asked{Verb: strings.ToLower(method)} }
