package dataplane_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

// BenchmarkHeartbeat is what one heartbeat costs the hub behind TLS: the chain and the proof are
// verified, the cluster is read from the store, its presence is noted and the answer is written.
func BenchmarkHeartbeat(b *testing.B) {
	hub := newBench(b)
	now := time.Now()
	hub.Identity.Now = func() time.Time { return now }
	a := hub.connect(b, "edge-1")
	mux := http.NewServeMux()
	hub.Mount(mux)
	body := encode(b, fairlead.Heartbeat{MetadataHash: "hash"})
	requests := make([]*http.Request, 4096)
	for i := 0; b.Loop(); i++ {
		if i%len(requests) == 0 {
			b.StopTimer()
			now = now.Add(11 * time.Minute) // the memory of proofs is bounded
			for n := range requests {
				requests[n] = httptest.NewRequest(http.MethodPost, a.path(fairlead.OpHeartbeat), bytes.NewReader(body))
				if err := (proof.Signer{Key: a.key, Chain: a.chain, Now: hub.Identity.Now}).Sign(requests[n], body); err != nil {
					b.Fatal(err)
				}
			}
			b.StartTimer()
		}
		answer := httptest.NewRecorder()
		if mux.ServeHTTP(answer, requests[i%len(requests)]); answer.Code != http.StatusOK {
			b.Fatalf("%d %s", answer.Code, answer.Body)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "heartbeats/s")
}
