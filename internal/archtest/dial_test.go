package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// The hub dials nobody: whatever URL a resource, a token or a cluster holds, it is never followed. Where it must, the
// address is an administrator's setting, and the reason stands here.
func TestHubDialsNobody(t *testing.T) {
	allowed := map[string]string{
		"hub/checktls.go": "fairlead hub check calls the hub of its own configuration",

		"hub/signin.go":           "people sign in at the provider that --oidc-issuer names; keys come from issuers that --workload-issuer names",
		"hub/token/federation.go": "the provider that --oidc-issuer names",
		"hub/relay/relay.go":      "the field for the proxy that forward.go makes",
		"hub/relay/forward.go":    "the proxy's transport is a tunnel that a cluster has opened, whatever the address",
		"hub/relay/link.go":       "a request to kube-aad-proxy, through such a tunnel",

		"hub/extension/catalogue/transport.go": "charts' registries, which only who may write extension types at the root can name, and no link-local address",
		"hub/extension/catalogue/index.go":     "index.yaml of such a repository, over that transport",

		"hub/token/issuers.go": "the keys of issuers that --workload-issuer names, never of one that only the directory or a token names",
	}
	forbidden := []string{
		"http.Client", "http.Transport", "http.NewRequest", "http.NewRequestWithContext", "http.Get", "http.Post", "http.DefaultClient", "http.DefaultTransport",
		"net.Dial", "net.DialTimeout", "net.Dialer", "tls.Dial", "tls.Dialer", "websocket.Dial", "httputil.ReverseProxy",
	}
	seen := map[string]bool{}
	for path, file := range hubSources(t) {
		if seen[path] = true; allowed[path] == "" {
			for _, used := range selectors(file) {
				if slices.Contains(forbidden, used) {
					t.Errorf("%s uses %s", path, used)
				}
			}
		}
	}
	for path := range allowed {
		if !seen[path] {
			t.Errorf("%s is allowed to dial and is not there", path)
		}
	}
}

// hubSources returns the hub's files without its tests, by their paths.
func hubSources(t *testing.T) map[string]*ast.File {
	t.Helper()
	found := map[string]*ast.File{}
	for folder, files := range sources(t) {
		if folder != "hub" && !strings.HasPrefix(folder, "hub/") {
			continue
		}
		for name, file := range files {
			if !strings.HasSuffix(name, "_test.go") {
				found[folder+"/"+name] = file
			}
		}
	}
	return found
}

// selectors returns what a file takes from packages and values, such as http.Client.
func selectors(file *ast.File) []string {
	var found []string
	ast.Inspect(file, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			if from, ok := selector.X.(*ast.Ident); ok {
				found = append(found, from.Name+"."+selector.Sel.Name)
			}
		}
		return true
	})
	return found
}
