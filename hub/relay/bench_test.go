package relay_test

import (
	"io"
	"net/http"
	"testing"
)

// BenchmarkRequest is a small GET on all of its way: TLS and HTTP/2 from the caller, who it is, whether they may, and through the tunnel
// and two more proxies' worth of HTTP to an API server, all in this process.
func BenchmarkRequest(b *testing.B) {
	c, _ := standing(b)
	key := newPopKey(b, 2048)
	headers := map[string]func(*http.Request){
		"Bearer": header("Authorization", "Bearer "+c.hub.bearer(b)),
		"PoP":    header("Authorization", key.pop(b, c.hub.bound(b, key, nil), nil)),
		"Relay": func(r *http.Request) {
			r.Header.Set("ServiceBusAuthorization", c.relayToken(b, "AAD"))
		},
	}
	for name, change := range headers {
		request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, c.url("/small"), nil)
		check(b, err)
		change(request)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				get(b, c.hub.client, request)
			}
		})
		b.Run(name+"Parallel", func(b *testing.B) {
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					get(b, c.hub.client, request)
				}
			})
		})
	}
}

func get(b *testing.B, client *http.Client, request *http.Request) {
	answer, err := client.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	_, err = io.Copy(io.Discard, answer.Body)
	if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(answer.StatusCode, err)
	}
}

// BenchmarkHubOnly is what the hub itself does for a request that ends at it: for want of a tunnel.
func BenchmarkHubOnly(b *testing.B) {
	c := newHub(b).connect(b, "edge-1")
	c.allow(b)
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, c.url("/small"), nil)
	check(b, err)
	request.Header.Set("Authorization", "Bearer "+c.hub.bearer(b))
	b.ReportAllocs()
	for b.Loop() {
		c.hub.ServeHTTP(discard{}, request)
	}
}

// discard is an answer that nobody reads.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
