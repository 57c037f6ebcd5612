package audit

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"
)

// Asked is what a request means to Kubernetes. Resource is empty for what is no resource, such as /version.
type Asked struct{ Verb, APIGroup, Resource, Subresource, Namespace, Name string }

// Parse reads a request as an API server does.
func Parse(method string, address *url.URL) Asked {
	factory := request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
	info, err := factory.NewRequestInfo(&http.Request{Method: method, URL: &url.URL{Path: address.Path, RawQuery: watches(address)}})
	if err != nil || !info.IsResourceRequest {
		return Asked{Verb: strings.ToLower(method)}
	}
	return Asked{info.Verb, info.APIGroup, info.Resource, info.Subresource, info.Namespace, info.Name}
}

// watches returns the one parameter that changes the verb: the factory would log what it cannot read in the others.
func watches(address *url.URL) string {
	if !strings.Contains(address.RawQuery, "watch") && !strings.Contains(address.RawQuery, "%") {
		return ""
	}
	values := address.Query()["watch"]
	if len(values) == 0 {
		return ""
	}
	switch strings.ToLower(values[0]) {
	case "false", "0":
		return ""
	}
	return "watch=true"
}

// bound keeps what callers send in a size and form that can be kept.
func bound(text string, most int) string {
	if len(text) > most {
		text = text[:most]
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
	}
	return text
}
