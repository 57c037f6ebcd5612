package hub_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// shell is an API server that opens every session, shows one line, and ends.
func shell(w http.ResponseWriter, r *http.Request) bool {
	if r.Header.Get("Upgrade") != "websocket" {
		return false
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return true
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Protocol: v5.channel.k8s.io\r\n\r\n")
	_, _ = io.WriteString(conn, "\x82\x07\x01shown\n")
	return true
}

// upgraded opens a session and returns what it shows, or the status of its refusal.
func (h *running) upgraded(t *testing.T, path, bearer string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer " + bearer, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol": "v5.channel.k8s.io",
	} {
		request.Header.Set(name, value)
	}
	transport, _ := h.http.Transport.(*http.Transport)
	old := &http.Transport{TLSClientConfig: transport.TLSClientConfig.Clone()}
	old.TLSClientConfig.NextProtos = []string{"http/1.1"}
	defer old.CloseIdleConnections()
	response, err := (&http.Client{Transport: old}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		return fmt.Sprint(response.StatusCode)
	}
	line, _ := bufio.NewReader(response.Body).ReadString('\n')
	return line
}

// sent are the requests to clusters that a hub has written down, as "verb resource/subresource status reason", oldest first.
func (h *running) sent(t *testing.T, subscription, bearer string) []string {
	t.Helper()
	_, answer := h.do(t, http.MethodGet, "/subscriptions/"+subscription+"/providers/Microsoft.Insights/eventtypes/kubernetes/values?api-version=2015-04-01", bearer, "")
	var all []string
	values, _ := answer["value"].([]any)
	for _, value := range values {
		p := value.(map[string]any)["properties"].(map[string]any)
		all = append([]string{fmt.Sprintf("%s %s/%s %s %s", p["verb"], p["resource"], p["subresource"], p["statusCode"], p["reason"])}, all...)
	}
	return all
}

func TestSessionsAreRecordedAndWrittenDown(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	c := connect(t, on, bearer)
	c.tunnelled(t)
	version := "?api-version=2024-01-01"
	if status, answer := on.do(t, http.MethodPatch, c.id.String()+version, bearer, `{"properties":{"clusterConnect":{"sessionRecording":"Enabled"}}}`); status != http.StatusOK {
		t.Fatalf("%d %v", status, answer)
	}
	pods := "/kubernetes" + c.id.String() + "/api/v1/namespaces/n/pods/p"
	shown := ""
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && !strings.HasSuffix(shown, "shown\n"); {
		shown = on.upgraded(t, pods+"/exec?command=secret", bearer)
	}
	if shown != "\x82\x07\x01shown\n" {
		t.Fatalf("%q", shown)
	}
	if refused := on.upgraded(t, pods+"/unheard-of", bearer); refused != "403" {
		t.Errorf("an upgrade that cannot be read: %s", refused)
	}
	absent := strings.Replace(pods, "/connectedClusters/", "/connectedClusters/no", 1)
	if refused := on.upgraded(t, absent+"/exec", bearer); refused != "404" {
		t.Errorf("a cluster that is not there: %s", refused)
	}
	want := []string{"get pods/exec 101 ", "get pods/unheard-of 403 SessionNotRecordable", "get pods/exec 404 NotFound"}
	var got []string
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if got = on.sent(t, c.id.Subscription, bearer); len(got) >= len(want) && strings.HasPrefix(got[len(got)-3], want[0]) {
			break
		}
	}
	if len(got) < 3 || fmt.Sprint(got[len(got)-3:]) != fmt.Sprint(want) {
		t.Errorf("%q, want %q at the end", got, want)
	}
	one, properties := map[string]any{}, map[string]any{}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && properties["state"] != "Complete"; { // it ends after the session
		_, listed := on.do(t, http.MethodGet, c.id.String()+"/recordings"+version, bearer, "")
		recordings, _ := listed["value"].([]any)
		if len(recordings) != 1 {
			t.Fatalf("%v", listed)
		}
		one, _ = recordings[0].(map[string]any)
		properties, _ = one["properties"].(map[string]any)
	}
	if properties["state"] != "Complete" || properties["command"] != "secret" {
		t.Errorf("%v", one)
	}
	path := (&url.URL{Path: fmt.Sprint(one["id"]) + "/download"}).String()
	if _, content := on.do(t, http.MethodPost, path+version, bearer, ""); !strings.Contains(fmt.Sprint(content["text"]), `"o","shown\n"]`) {
		t.Errorf("%v", content)
	}
}
