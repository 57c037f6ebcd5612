package relay_test

import (
	"net/http"
	"testing"

	"github.com/fairlead/fairlead/caller"
)

func TestRequestReachesTheAPIServer(t *testing.T) {
	h := newHub(t)
	c := h.connect(t, "edge-1")
	c.allow(t)
	far := newFar(t, c, http.HandlerFunc(echo))
	c.tunnel(t, far)
	eventually(t, "the tunnel", func() bool {
		answer, _ := c.ask(t, http.MethodGet, "/version")
		return answer.StatusCode == http.StatusOK
	})
	answer, text := c.ask(t, http.MethodGet, "/api/v1/namespaces/a%2Fb/pods?watch=0&x=%zz;y", header("Cookie", "secret=1"))
	got := read(t, text)
	if answer.StatusCode != http.StatusOK || got.URI != "/api/v1/namespaces/a%2Fb/pods?watch=0&x=%zz;y" || got.Host != caller.KubernetesHost {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
	said, puts := far.newest()
	if said.User != userName || said.Subject != userID || len(said.Groups) != 1 || said.Groups[0] != groupID || said.Mode != caller.AAD || puts != 1 {
		t.Errorf("%+v after %d", said, puts)
	}
}
