package relay_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
)

// What kubectl asks first is answered so that it shows the reason: client-go reads no Status there.
func TestDiscoveryIsRefusedInWords(t *testing.T) {
	h := newHub(t)
	c := h.connect(t, "edge-1")
	for _, accept := range []string{"application/json, */*", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"} {
		answer, text := c.ask(t, http.MethodGet, "/api", header("Accept", accept))
		if answer.StatusCode != http.StatusForbidden || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") || !strings.HasPrefix(text, userName) {
			t.Errorf("%d %s %s", answer.StatusCode, answer.Header, text)
		}
	}
	check(t, h.access.Assign(t.Context(), userID, access.Owner, "/subscriptions/"+c.id.Subscription))
	answer, text := c.ask(t, http.MethodGet, "/apis", header("Accept", "application/json, */*"))
	if answer.StatusCode != http.StatusBadGateway || !strings.HasPrefix(text, "Cannot connect to the hybrid connection") || !strings.Contains(text, "troubleshoot") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if answer, text := c.ask(t, http.MethodGet, "/api/v1/pods", header("Accept", "application/json, */*")); answer.StatusCode != http.StatusServiceUnavailable || !strings.HasPrefix(text, "{") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

// A refusal of kube-aad-proxy's is shown as well.
func TestDiscoveryShowsTheRefusalsOfOthers(t *testing.T) {
	h := newHub(t)
	c := h.connect(t, "edge-1")
	c.allow(t)
	c.tunnel(t, newFar(t, c, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set(caller.ReasonHeader, caller.ReasonPolicy)
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","message":"the policy cannot be read"}`))
	})))
	kubectl := header("Accept", "application/json, */*")
	answer, text := c.ask(t, http.MethodGet, "/apis", kubectl)
	if answer.StatusCode != http.StatusForbidden || !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/plain") || text != "the policy cannot be read\n" {
		t.Errorf("%d %s %q", answer.StatusCode, answer.Header, text)
	}
	if answer, text := c.ask(t, http.MethodGet, "/api/v1/pods", kubectl); answer.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(text, "{") {
		t.Errorf("%s %q", answer.Header, text)
	}
}
