package relay_test

import (
	"io"
	"net/http"
	"testing"
)

// A client that watches waits for the head of the answer, before anything has happened; and what comes after a body comes.
func TestWhatCallersWaitFor(t *testing.T) {
	c, _ := standing(t)
	for name, client := range map[string]*http.Client{"HTTP/2": c.hub.client, "HTTP/1.1": c.hub.http1(t)} {
		t.Run(name, func(t *testing.T) {
			get := func(path string) *http.Response {
				request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.url(path), nil)
				check(t, err)
				request.Header.Set("Authorization", "Bearer "+c.hub.bearer(t))
				answers := make(chan *http.Response, 1)
				go func() {
					answer, err := client.Do(request) //nolint:bodyclose // the test's end closes it
					if err == nil {
						answers <- answer
					}
				}()
				answer := within(t, answers)
				t.Cleanup(func() { _ = answer.Body.Close() })
				return answer
			}
			if answer := get("/silent"); answer.StatusCode != http.StatusOK { //nolint:bodyclose // get has it closed
				t.Error(answer.Status)
			}
			answer := get("/trailer") //nolint:bodyclose // get has it closed
			text, err := io.ReadAll(answer.Body)
			if err != nil || string(text) != "text" || answer.Trailer.Get("X-After") != "done" {
				t.Errorf("%q, %v, %v", text, answer.Trailer, err)
			}
		})
	}
}
