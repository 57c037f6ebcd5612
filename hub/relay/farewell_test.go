package relay_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/lastword"
)

// lastEvent is what a watch ends with.
type lastEvent struct {
	Type   string
	Object lastword.Status
}

// pods opens a watch of pods and reads its first event.
func (c *cluster) pods(t *testing.T, client *http.Client, query string) *bufio.Reader {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url("/api/v1/pods?watch=true"+query), nil)
	check(t, err)
	request.Header.Set("Authorization", "Bearer "+c.hub.bearer(t))
	answer, err := client.Do(request)
	check(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	lines := bufio.NewReader(answer.Body)
	if line, err := lines.ReadString('\n'); err != nil || !strings.Contains(line, "ADDED") {
		t.Fatalf("%q %v", line, err)
	}
	return lines
}

// A watch that is cut says so and why, and what to type; it does not look as if it had been read to its end.
func TestAWatchSaysWhyItIsCut(t *testing.T) {
	for name, one := range map[string]struct {
		cut  func(c *cluster, end func()) error
		code int
		says string
	}{
		"Role":    {func(c *cluster, _ func()) error { return c.hub.access.Forget(t.Context(), userID) }, http.StatusForbidden, "fairlead role assignment create --assignee " + userID},
		"Tunnel":  {func(_ *cluster, end func()) error { end(); return nil }, http.StatusServiceUnavailable, "fairlead connectedk8s troubleshoot -n edge-1 -g Shops"},
		"Hub":     {func(c *cluster, _ func()) error { c.hub.Drain(); return nil }, http.StatusServiceUnavailable, "the hub is stopping"},
		"Deleted": {func(c *cluster, _ func()) error { return c.hub.db.DeletePrincipal(t.Context(), userID) }, http.StatusUnauthorized, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newHub(t).connect(t, "edge-1")
			c.allow(t)
			end := c.tunnel(t, newFar(t, c, apiServer()))
			c.awaitTunnel(t)
			for version, client := range map[string]*http.Client{"HTTP/2": c.hub.client, "HTTP/1.1": c.hub.http1(t)} {
				defer checkLast(t, version, c.pods(t, client, ""), one.code, one.says)
			}
			started := time.Now()
			check(t, one.cut(c, end))
			t.Cleanup(func() {
				if took := time.Since(started); name != "Tunnel" && took > soon {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

func checkLast(t *testing.T, version string, lines *bufio.Reader, code int, says string) {
	t.Helper()
	text, err := io.ReadAll(lines)
	var last lastEvent
	if err != nil || json.Unmarshal(text, &last) != nil {
		t.Errorf("%s: %v, %q", version, err, text)
		return
	}
	if last.Type != "ERROR" || last.Object.Kind != "Status" || last.Object.Status != "Failure" || last.Object.Code != code || !strings.Contains(last.Object.Message, says) {
		t.Errorf("%s: %+v", version, last)
	}
}

// In the middle of an event there is no place for another one, and the stream breaks off.
func TestAWatchThatIsCutInAnEventBreaksOff(t *testing.T) {
	c, _ := standing(t)
	for version, client := range map[string]*http.Client{"HTTP/2": c.hub.client, "HTTP/1.1": c.hub.http1(t)} {
		lines := c.pods(t, client, "&rest=%7B")
		if half, err := lines.ReadByte(); half != '{' || err != nil {
			t.Fatalf("%s: %q %v", version, half, err)
		}
		defer func() {
			if rest, err := io.ReadAll(lines); err == nil || errors.Is(err, io.EOF) || len(rest) > 0 {
				t.Errorf("%s: %q %v", version, rest, err)
			}
		}()
	}
	check(t, c.hub.access.Forget(t.Context(), userID))
}
