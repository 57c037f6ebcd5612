package relay_test

import (
	"net/http"
	"strings"
	"testing"

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
