package aadproxy_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/caller"
)

const forbiddenByOwner = "forbidden by the policy of the cluster's owner (ConfigMap azure-arc/cluster-connect-policy): "

// mustBeRefused checks a refusal in the owner's name.
func mustBeRefused(t *testing.T, code int, text, why string) {
	t.Helper()
	if code != http.StatusForbidden || !strings.HasPrefix(text, caller.ReasonPolicy+"|") {
		t.Errorf("%d %s", code, text)
		return
	}
	if told := status(t, text); told.Reason != "Forbidden" || !strings.HasPrefix(told.Message, forbiddenByOwner) || !strings.Contains(told.Message, why) {
		t.Errorf("%+v", told)
	}
}

// becomes waits until a request is answered in another way: the policy arrives by a watch.
func (f *fixture) becomes(path, id string, code int) string {
	f.t.Helper()
	began := time.Now()
	for {
		got, text := f.get(path, id)
		if got == code {
			return text
		}
		if time.Since(began) > 5*time.Second {
			f.t.Fatalf("still %d %s", got, text)
		}
		select {
		case <-f.t.Context().Done():
			f.t.Fatal("the test ends")
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func TestTheOwnersPolicyComesFirst(t *testing.T) {
	server, api := newAPIServer(t)
	server.policy("otherwise: allow\nrules: [{name: no secrets, effect: deny, resources: [secrets]}]")
	f := newFixture(t, api, func(c *aadproxy.Config) { c.AzureRBAC = true })
	id := f.mustPut(func(s *caller.Statement) { s.Grants = everything() })
	code, text := f.get("/api/v1/namespaces/shop/secrets", id)
	mustBeRefused(t, code, text, `rule 1 ("no secrets")`)
	if server.last() != nil {
		t.Error("the API server was asked")
	}
	if code, text := f.get("/api/v1/namespaces/shop/pods", id); code != http.StatusOK {
		t.Errorf("%d %s", code, text)
	}
	server.policy("")
	f.becomes("/api/v1/namespaces/shop/secrets", id, http.StatusOK)
}

// Who cannot be understood forbids everything: a typing error must not open what was closed.
func TestAnUnreadablePolicyForbidsEverything(t *testing.T) {
	server, api := newAPIServer(t)
	server.policy("otherwise: allow\nrule: []")
	f := newFixture(t, api, nil)
	id := f.mustPut(nil)
	code, text := f.get("/api/v1/namespaces/shop/pods", id)
	mustBeRefused(t, code, text, `unknown field "rule"`)
	if code, text = f.get("/version", id); code != http.StatusForbidden {
		t.Errorf("%d %s", code, text)
	}
	if log := f.log.String(); !strings.Contains(log, "cannot be read") {
		t.Errorf("the log is silent:\n%s", log)
	}
	select {
	case err := <-f.ready:
		if err != nil {
			t.Errorf("not ready: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Error("readiness hangs on a policy")
	}
}

func TestOpenStreamsFollowThePolicy(t *testing.T) {
	server, api := newAPIServer(t)
	server.then(hold)
	f := newFixture(t, api, nil)
	ada, bob := f.watch(f.mustPut(nil)), f.watch(f.mustPut(func(s *caller.Statement) { s.Subject, s.User = "0ddd", "bob@example.org" }))
	server.policy("otherwise: allow\nrules: [{effect: deny, users: [ada@example.org], verbs: [watch]}]")
	select {
	case err := <-ada:
		t.Logf("ended: %v", err)
	case <-time.After(time.Second):
		t.Error("the watch of somebody who is shut out is still open")
	}
	select {
	case err := <-bob:
		t.Errorf("the watch of somebody else has ended: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
}

func TestTokensAreWeighedByWhoseTheyAre(t *testing.T) {
	server, api := newAPIServer(t)
	server.policy("otherwise: deny\nrules: [{effect: allow, serviceAccounts: [ci/deployer]}]")
	f := newFixture(t, api, nil)
	id := f.mustPut(func(s *caller.Statement) { s.Mode = caller.Token })
	ask := func(token string) (int, string) {
		request := f.request("/api/v1/namespaces/shop/pods", id)
		request.Header.Set("Authorization", token)
		return f.do(request)
	}
	for range 3 {
		if code, text := ask("Bearer token-of-ci-deployer"); code != http.StatusOK {
			t.Errorf("%d %s", code, text)
		}
	}
	if asked := server.reviews.Load(); asked != 1 {
		t.Errorf("%d reviews of one token", asked)
	}
	code, text := ask("Bearer token-of-ci-other")
	mustBeRefused(t, code, text, "no rule allows it")
	if code, text := ask("Bearer nonsense"); code != http.StatusUnauthorized || status(t, text).Reason != "Unauthorized" {
		t.Errorf("%d %s", code, text)
	}
	if code, _ := ask("Basic YTpi"); code != http.StatusUnauthorized {
		t.Errorf("not a token: %d", code)
	}
	if got := server.last().Header.Get("Authorization"); got != "Bearer token-of-ci-deployer" {
		t.Errorf("the API server was asked with %q", got)
	}
}

// A watch that was begun in the owner's hours ends with them.
func TestHoursEnd(t *testing.T) {
	server, api := newAPIServer(t)
	server.then(hold)
	server.policy("otherwise: deny\nrules: [{effect: allow, hours: {timeZone: UTC, from: '09:00', to: '10:00'}}]")
	var minutes atomic.Int64 // since nine
	f := newFixture(t, api, func(c *aadproxy.Config) {
		c.Now = func() time.Time {
			return time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC).Add(time.Duration(minutes.Load()) * time.Minute)
		}
	})
	ended := f.watch(f.mustPut(nil))
	minutes.Store(59)
	select {
	case err := <-ended:
		t.Fatalf("ended before ten: %v", err)
	case <-time.After(1500 * time.Millisecond):
	}
	minutes.Store(60)
	select {
	case err := <-ended:
		t.Logf("ended: %v", err)
	case <-time.After(10 * time.Second):
		t.Error("still open after hours")
	}
}
