package audit

import (
	"net/url"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	cases := map[string]Asked{
		"GET /version":                                       {Verb: "get"},
		"GET /api/v1/pods":                                   {Verb: "list", Resource: "pods"},
		"GET /api/v1/pods?watch=1&limit=x":                   {Verb: "watch", Resource: "pods"},
		"GET /api/v1/pods?watch=0":                           {Verb: "list", Resource: "pods"},
		"GET /api/v1/namespaces/n/pods/p/log?follow=true":    {"get", "", "pods", "log", "n", "p"},
		"POST /api/v1/namespaces/n/pods/p/exec?command=sh":   {"create", "", "pods", "exec", "n", "p"},
		"GET //api/v1/namespaces/n/pods/p/exec/":             {"get", "", "pods", "exec", "n", "p"},
		"DELETE /apis/apps/v1/namespaces/n/deployments":      {"deletecollection", "apps", "deployments", "", "n", ""},
		"PUT /apis/apps/v1/namespaces/n/deployments/d/scale": {"update", "apps", "deployments", "scale", "n", "d"},
		"GET /api/v1/nodes/node-1/proxy/exec/n/p/c":          {"get", "", "nodes", "proxy", "", "node-1"},
		"GET /api/v1/namespaces/n":                           {"get", "", "namespaces", "", "n", "n"},
		"GET /api/v1/watch":                                  {Verb: "get"},
		"PURGE /api/v1/pods":                                 {Resource: "pods"},
		"GET /apis/subresources.kubevirt.io/v1/namespaces/n/virtualmachineinstances/v/console": {"get", "subresources.kubevirt.io", "virtualmachineinstances", "console", "n", "v"},
	}
	for request, want := range cases {
		method, path, _ := strings.Cut(request, " ")
		address, err := url.Parse("https://x" + path)
		if err != nil {
			t.Fatal(err)
		}
		if got := Parse(method, address); got != want {
			t.Errorf("%s: %+v, want %+v", request, got, want)
		}
	}
}

// Whatever is asked for, it is read without a panic, and in the bounds of what was sent.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"/api/v1/namespaces/n/pods/p/exec", "/apis/a/b/watch", "//", "/api/v1/watch/namespaces", "/api//v1//pods"} {
		f.Add("GET", seed, "watch=true&fieldSelector=metadata.name%3Dx")
	}
	f.Fuzz(func(t *testing.T, method, path, query string) {
		got := Parse(method, &url.URL{Path: path, RawQuery: query})
		if len(got.Resource)+len(got.Subresource)+len(got.Name)+len(got.Namespace)+len(got.APIGroup) > 2*len(path) {
			t.Fatalf("%q became %+v", path, got)
		}
		if kept := bound(path, 64); len(kept) > 3*64 {
			t.Fatalf("%q is kept as %q", path, kept)
		}
	})
}
