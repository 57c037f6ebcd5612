package relay_test

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
)

// standing returns a hub with a cluster whose tunnel is open, and to which the person has a way.
func standing(t testing.TB) (*cluster, *far) {
	t.Helper()
	c := newHub(t).connect(t, "edge-1")
	c.allow(t)
	far := newFar(t, c, apiServer())
	c.tunnel(t, far)
	c.awaitTunnel(t)
	return c, far
}

func (c *cluster) awaitTunnel(t testing.TB) {
	t.Helper()
	eventually(t, "the tunnel", func() bool {
		answer, _ := c.ask(t, http.MethodGet, "/version")
		return answer.StatusCode == http.StatusOK
	})
}

func TestRequestReachesTheAPIServerAsItWasSent(t *testing.T) {
	c, far := standing(t)
	const uri = "/api/v1/namespaces/a%2Fb/pods%20/~x?watch=0&x=%zz;y&z"
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions, "PROPFIND"} {
		answer, text := c.ask(t, method, uri, func(r *http.Request) {
			r.Body, r.ContentLength = io.NopCloser(strings.NewReader("content")), 7
			r.Header.Set("Content-Type", "application/apply-patch+yaml")
		})
		got := read(t, text)
		if answer.StatusCode != http.StatusOK || got.Method != method || got.URI != uri || got.Host != caller.KubernetesHost || got.Body != "content" ||
			got.Header.Get("Content-Type") != "application/apply-patch+yaml" || got.Header.Get(caller.RequestHeader) != "request-1" {
			t.Errorf("%d %s", answer.StatusCode, short(text))
		}
	}
	said, puts := far.newest()
	if said.User != userName || said.Subject != userID || len(said.Groups) != 1 || said.Groups[0] != groupID || said.Mode != caller.AAD || puts != 1 {
		t.Errorf("%+v, after %d statements", said, puts)
	}
	request, ending := c.hub.audit.last(t)
	if request.Path != "/api/v1/namespaces/a%2Fb/pods%20/~x" || request.Caller.UserName != userName || request.Cluster.Key() != c.id.Key() ||
		ending.Status != http.StatusOK || ending.Reason != "" || ending.BytesIn != 7 || ending.BytesOut == 0 {
		t.Errorf("audit: %+v %+v", request, ending)
	}
}

func TestIDOfTheClusterIsFoundInAnyCase(t *testing.T) {
	c, _ := standing(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.hub.front.URL+"/kubernetes"+strings.ToUpper(c.id.String())+"/api/V1", nil)
	check(t, err)
	request.Header.Set("Authorization", "Bearer "+c.hub.bearer(t))
	if answer, text := c.hub.send(t, request); answer.StatusCode != http.StatusOK || read(t, text).URI != "/api/V1" {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
}

// What callers put into headers must not be taken for what the hub or kube-aad-proxy says.
func TestHeadersAreNotSmuggled(t *testing.T) {
	c, far := standing(t)
	said, _ := far.newest()
	answer, text := c.ask(t, http.MethodGet, "/api", func(r *http.Request) {
		for name, value := range map[string]string{
			caller.Header: said.ID, "fairlead-caller": "x", "Fairlead-Method": "DELETE", "Fairlead-Upgrade": "websocket", caller.RequestHeader: "mine", "X-Fairlead-Proof": "x",
			"X-Remote-User": "system:admin", "X-Remote-Group": "system:masters", "X-Remote-Extra-A": "b", "X-Forwarded-For": "10.0.0.1", "X-Forwarded-Proto": "http",
			"X-Forwarded-Client-Cert": "x", "Forwarded": "for=10.0.0.1", "Cookie": "session=1",
		} {
			r.Header[name] = []string{value}
		}
		r.Header["Keep-This"] = []string{"1", "2"}
	})
	got := read(t, text)
	if answer.StatusCode != http.StatusOK || len(got.Header[caller.Header]) != 1 || len(got.Header["Keep-This"]) != 2 {
		t.Fatalf("%d %s", answer.StatusCode, short(text))
	}
	for name := range got.Header {
		if strings.HasPrefix(name, "X-") && name != "X-Forwarded-For" || name == "Cookie" || name == "Authorization" || name == "Forwarded" || name == "Fairlead-Method" || name == "Fairlead-Upgrade" {
			t.Errorf("%s got through: %q", name, got.Header[name])
		}
	}
	if got.Header.Get(caller.RequestHeader) != "request-1" || got.Header.Get(caller.Header) != said.ID {
		t.Errorf("%v", got.Header)
	}
}

// A header that Connection names is removed on the way; our own must be there all the same.
func TestConnectionHeaderRemovesNothingOfOurs(t *testing.T) {
	c, _ := standing(t)
	answer, text := c.ask1(t, "GET", "/api", "Connection: close, "+caller.Header+", "+caller.RequestHeader+", Authorization\r\n")
	if got := read(t, text); answer.StatusCode != http.StatusOK || got.Header.Get(caller.Header) == "" || got.Header.Get(caller.RequestHeader) != "request-1" {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
}

func TestAnswersDoNotSpeakForTheHub(t *testing.T) {
	c, _ := standing(t)
	answer, _ := c.ask(t, http.MethodGet, "/cookie")
	for _, name := range []string{"Set-Cookie", "Clear-Site-Data", caller.ReasonHeader} {
		if answer.Header.Get(name) != "" {
			t.Errorf("%s: %q", name, answer.Header.Get(name))
		}
	}
	if answer.StatusCode != http.StatusTeapot || answer.Header.Get("X-Ms-Request-Id") != "request-1" || answer.Header.Get("Audit-Id") != "kept" {
		t.Errorf("%d %v", answer.StatusCode, answer.Header)
	}
}

// Bodies of any size pass without being kept: the API server reads what the caller has not finished to send.
func TestUploadIsStreamed(t *testing.T) {
	c, _ := standing(t)
	for _, client := range []*http.Client{c.hub.client, c.hub.http1(t)} {
		const size = 96 << 20
		reading, writing := io.Pipe()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.url("/upload"), reading)
		check(t, err)
		request.Header.Set("Authorization", "Bearer "+c.hub.bearer(t))
		go func() {
			chunk := make([]byte, 1<<20)
			for range size >> 20 {
				if _, err := writing.Write(chunk); err != nil {
					return
				}
			}
			_ = writing.Close()
		}()
		answer, err := client.Do(request)
		check(t, err)
		text, err := io.ReadAll(answer.Body)
		check(t, err)
		check(t, answer.Body.Close())
		if string(text) != strconv.Itoa(size) {
			t.Errorf("%d %s", answer.StatusCode, short(string(text)))
		}
		if _, ending := c.hub.audit.last(t); ending.BytesIn != size {
			t.Errorf("%+v", ending)
		}
	}
}

func TestExpectContinueAndTrailersPass(t *testing.T) {
	c, _ := standing(t)
	continued := false
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got100Continue: func() { continued = true }})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url("/trailer"), strings.NewReader("body"))
	check(t, err)
	request.Header.Set("Authorization", "Bearer "+c.hub.bearer(t))
	request.Header.Set("Expect", "100-continue")
	answer, err := c.hub.http1(t).Do(request)
	check(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	check(t, err)
	check(t, answer.Body.Close())
	if answer.StatusCode != http.StatusOK || answer.Trailer.Get("X-After") != "done" || !continued {
		t.Errorf("%d %v continued %v", answer.StatusCode, answer.Trailer, continued)
	}
}

func TestGrantsAreStated(t *testing.T) {
	c, far := standing(t)
	ctx := t.Context()
	check(t, c.hub.access.Assign(ctx, groupID, access.ArcViewer, "/subscriptions/"+c.id.Subscription))
	check(t, c.hub.access.Assign(ctx, userID, access.ArcWriter, c.id.String()+"/namespaces/Shop"))
	check(t, c.hub.access.Assign(ctx, userID, access.ArcAdmin, c.id.String()+"/other/thing"))
	check(t, c.hub.access.Assign(ctx, userID, access.ArcAdmin, c.id.String()+"0"))
	if answer, text := c.ask(t, http.MethodGet, "/api"); answer.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	said, puts := far.newest()
	if len(said.Grants) != 2 || said.Grants[0].Namespace != "" || said.Grants[1].Namespace != "shop" || len(said.Grants[1].DataActions) < 10 || puts != 2 {
		t.Errorf("%+v after %d", said.Grants, puts)
	}
	for range 3 {
		c.ask(t, http.MethodGet, "/api")
	}
	if _, again := far.newest(); again != puts {
		t.Errorf("%d statements for the same", again)
	}
}

// A caller whom the cluster does not know any more is stated once more, and the request repeated, unless it was read.
func TestUnknownCallerIsStatedAgain(t *testing.T) {
	c, far := standing(t)
	far.forget(1)
	if answer, text := c.ask(t, http.MethodGet, "/api"); answer.StatusCode != http.StatusOK {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
	far.forget(100)
	answer, text := c.ask(t, http.MethodGet, "/api")
	if message, reason, _ := status(t, text); answer.StatusCode != http.StatusServiceUnavailable || reason != "ServiceUnavailable" || !strings.Contains(message, "try again") || answer.Header.Get("Retry-After") == "" {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestNothingIsForwardedThatCannotBeWrittenDown(t *testing.T) {
	c, _ := standing(t)
	c.hub.audit.mu.Lock()
	c.hub.audit.broken = true
	c.hub.audit.mu.Unlock()
	if answer, text := c.ask(t, http.MethodGet, "/api"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
}
