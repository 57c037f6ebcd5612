package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestIsList(t *testing.T) {
	cases := map[string]struct {
		method, path string
		want         bool
	}{
		"Everywhere":      {http.MethodGet, "/api/v1/pods?resourceVersion=0", true},
		"InANamespace":    {http.MethodGet, "/apis/apps/v1/namespaces/quay/deployments", true},
		"Namespaces":      {http.MethodGet, "/api/v1/namespaces", true},
		"OneNamespace":    {http.MethodGet, "/api/v1/namespaces/quay", false},
		"OneObject":       {http.MethodGet, "/api/v1/namespaces/quay/pods/ferry", false},
		"OneClusterScope": {http.MethodGet, "/api/v1/nodes/dock", false},
		"Log":             {http.MethodGet, "/api/v1/namespaces/quay/pods/ferry/log", false},
		"Discovery":       {http.MethodGet, "/apis/apps/v1", false},
		"OldDiscovery":    {http.MethodGet, "/api/v1", false},
		"Version":         {http.MethodGet, "/version", false},
		"DryRun":          {http.MethodPost, "/api/v1/namespaces/quay/pods?dryRun=All", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := isList(httptest.NewRequest(c.method, c.path, nil)); got != c.want {
				t.Errorf("%s %s: list is %t", c.method, c.path, got)
			}
		})
	}
}
