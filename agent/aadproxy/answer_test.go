package aadproxy_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
	"github.com/fairlead/fairlead/lastword"
)

// forbid answers as the API server's authorizer does.
func forbid(says string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","message":%q,"reason":"Forbidden","details":{"kind":"pods"},"code":403}`, says)
	}
}

// With azure-rbac a refusal says which role would help, and how it is given.
func TestARefusalSaysWhichRoleHelps(t *testing.T) {
	const rbac = `x is forbidden: User "ada@example.org" cannot do that`
	viewer := []dataaction.Grant{{Namespace: "shop", DataActions: dataaction.RoleWriter().DataActions}}
	for name, one := range map[string]struct {
		says, path string
		azure      bool
		grants     []dataaction.Grant
		role, at   string
	}{
		"Read":       {rbac, "/api/v1/namespaces/shop/pods", true, nil, "Viewer", cluster().String() + "/namespaces/shop"},
		"Secret":     {rbac, "/api/v1/namespaces/shop/secrets/one", true, nil, "Writer", cluster().String() + "/namespaces/shop"},
		"Roles":      {rbac, "/apis/rbac.authorization.k8s.io/v1/namespaces/shop/roles", true, nil, "Admin", cluster().String() + "/namespaces/shop"},
		"Nodes":      {rbac, "/api/v1/nodes", true, nil, "Cluster Admin", cluster().String()},
		"Everywhere": {rbac, "/api/v1/pods", true, viewer, "Viewer", cluster().String()},
		"NotEnough":  {rbac, "/api/v1/namespaces/shop/pods", true, viewer, "Cluster Admin", cluster().String() + "/namespaces/shop"},
		"Quota":      {"pods is forbidden: exceeded quota", "/api/v1/namespaces/shop/pods", true, nil, "", ""},
		"Shell":      {rbac, "/api/v1/namespaces/$(reboot)/pods", true, nil, "", ""},
		"OwnRBAC":    {rbac, "/api/v1/namespaces/shop/pods", false, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			server, api := newAPIServer(t)
			server.then(forbid(one.says))
			f := newFixture(t, api, func(c *aadproxy.Config) { c.AzureRBAC = one.azure })
			code, text := f.get(one.path, f.mustPut(func(s *caller.Statement) { s.Grants = one.grants }))
			told, want := status(t, text), one.says
			if one.role != "" {
				want += `. With azure-rbac a role at the hub would allow it. Somebody who may give roles there can type: fairlead role assignment create ` +
					`--assignee 0bbb --role "Azure Arc Kubernetes ` + one.role + `" --scope ` + one.at
			}
			if code != http.StatusForbidden || told.Message != want || told.Details.Kind != "pods" {
				t.Errorf("%d %+v\nwanted %s", code, told, want)
			}
		})
	}
}

// A watch that is not allowed any more says why it ends.
func TestAWatchSaysWhyItIsCut(t *testing.T) {
	for name, one := range map[string]struct {
		cut  func(f *fixture, server *apiServer)
		code int
		says string
	}{
		"Policy": {func(_ *fixture, server *apiServer) { server.policy("otherwise: deny") }, http.StatusForbidden, forbiddenByOwner},
		"Rights": {func(f *fixture, _ *apiServer) { f.mustPut(func(s *caller.Statement) { s.Groups = nil }) }, http.StatusServiceUnavailable, "rights of this caller have changed"},
		"Server": {func(_ *fixture, server *apiServer) { server.CloseClientConnections() }, http.StatusServiceUnavailable, "the API server of the cluster has broken"},
	} {
		t.Run(name, func(t *testing.T) {
			server, api := newAPIServer(t)
			server.then(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"type":"ADDED"}`+"\n")
				_ = http.NewResponseController(w).Flush()
				<-r.Context().Done()
			})
			f := newFixture(t, api, nil)
			answer, err := f.way.RoundTrip(f.request("/api/v1/pods?watch=true", f.mustPut(nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			lines := bufio.NewReader(answer.Body)
			if first, err := lines.ReadString('\n'); err != nil {
				t.Fatalf("%q %v", first, err)
			}
			one.cut(f, server)
			var last struct {
				Type   string
				Object lastword.Status
			}
			if text, err := io.ReadAll(lines); err != nil || json.Unmarshal(text, &last) != nil {
				t.Fatalf("%q %v", text, err)
			}
			if last.Type != "ERROR" || last.Object.Code != one.code || !strings.Contains(last.Object.Message, one.says) {
				t.Errorf("%+v", last)
			}
		})
	}
}
