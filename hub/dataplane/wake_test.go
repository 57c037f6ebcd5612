package dataplane_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

const crowd = 10_000

// BenchmarkWake is how long a change takes to reach one of 10,000 waiting clusters, and what a
// waiting cluster costs in memory, apart from its connection.
func BenchmarkWake(b *testing.B) {
	hub := newBench(b)
	mux := http.NewServeMux()
	hub.Mount(mux)
	agents := enrolMany(b, hub, crowd)
	before := heap()
	answered := make([]chan struct{}, crowd)
	var group sync.WaitGroup
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	for i, a := range agents {
		answered[i] = make(chan struct{})
		r := signedPoll(b, a, fairlead.PendingQuery{ETag: etagFor(b, mux, a), WaitSeconds: 55})
		group.Go(func() { defer close(answered[i]); mux.ServeHTTP(httptest.NewRecorder(), r.WithContext(ctx)) })
	}
	time.Sleep(time.Second) //nolint:forbidigo // lets all of them wait
	each := float64(heap()-before) / crowd
	var took []time.Duration
	next := 0
	for b.Loop() {
		started := time.Now()
		hub.put(b, agents[next], func(c *fairlead.ConnectedCluster) { c.Tags = map[string]string{"at": started.String()} })
		<-answered[next]
		took = append(took, time.Since(started))
		next = (next + 1) % crowd
	}
	slices.Sort(took)
	b.ReportMetric(each, "B/poll")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	stop()
	group.Wait()
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc + stats.StackInuse
}

// enrolMany gives clusters certificates without going through the data plane, which would take minutes.
func enrolMany(b *testing.B, hub *bench, count int) []*agent {
	b.Helper()
	first := hub.connect(b, "edge-0")
	agents := make([]*agent, count)
	for i := range agents {
		a := *first
		a.id = fairlead.ConnectedClusterID(first.id.Subscription, first.id.ResourceGroup, fmt.Sprintf("edge-%d", i))
		a.chain = nil
		hub.put(b, &a, nil)
		agents[i] = &a
	}
	return issueAll(b, hub, agents)
}

func issueAll(b *testing.B, hub *bench, agents []*agent) []*agent {
	b.Helper()
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, agents[0].key)
	if err != nil {
		b.Fatal(err)
	}
	body := encode(b, fairlead.CertificateRequest{CSR: csr})
	for _, a := range agents {
		r := httptest.NewRequest(http.MethodPost, a.path(fairlead.OpCertificate), nil)
		if err := (proof.Signer{Key: a.onboarding, Now: time.Now}).Sign(r, body); err != nil {
			b.Fatal(err)
		}
		answer, err := hub.Identity.Issue(r, body, a.id)
		if err != nil {
			b.Fatal(err)
		}
		a.chain = parseChain(b, answer.Certificate)
	}
	return agents
}

func signedPoll(b *testing.B, a *agent, query fairlead.PendingQuery) *http.Request {
	b.Helper()
	body := encode(b, query)
	r := httptest.NewRequest(http.MethodPost, a.path(fairlead.OpPendingConfigs), bytes.NewReader(body))
	if err := (proof.Signer{Key: a.key, Chain: a.chain, Now: time.Now}).Sign(r, body); err != nil {
		b.Fatal(err)
	}
	return r
}

func etagFor(b *testing.B, mux http.Handler, a *agent) string {
	b.Helper()
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, signedPoll(b, a, fairlead.PendingQuery{}))
	var state fairlead.PendingConfigs
	if err := json.Unmarshal(answer.Body.Bytes(), &state); err != nil || state.ETag == "" {
		b.Fatalf("%d %s: %v", answer.Code, answer.Body, err)
	}
	return state.ETag
}
