//go:build unix

package tunnel_test

import (
	"io"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/fairlead/fairlead/tunnel"
)

// answers sends as many bytes as the path says.
func answers(w http.ResponseWriter, r *http.Request) {
	size, err := strconv.Atoi(r.URL.Path[1:])
	if err != nil {
		http.NotFound(w, r)
		return
	}
	piece := make([]byte, min(size, tunnel.FrameSize))
	w.Header().Set("Content-Length", strconv.Itoa(size))
	for size > 0 {
		n, err := w.Write(piece[:min(size, len(piece))])
		if err != nil {
			return
		}
		size -= n
	}
}

// processor reports what processors spend on an operation, which says more than its time where they are shared.
func processor(b *testing.B) {
	b.Helper()
	spent := func() time.Duration {
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
			b.Fatal(err)
		}
		return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	}
	before := spent()
	b.ResetTimer()
	b.Cleanup(func() { b.ReportMetric(float64(spent()-before)/float64(b.N), "cpu-ns/op") })
}

func get(b *testing.B, client *http.Client, url string) {
	answer, err := client.Get(url)
	if err != nil {
		b.Error(err)
		return
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		b.Error(err)
	}
}

// BenchmarkSmall is a GET of 2 KB through a proxy before and one behind the tunnel, 32 at a time.
func BenchmarkSmall(b *testing.B) {
	front := newRig(b, proxyTo(b, http.HandlerFunc(answers))).through(b)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.Cleanup(client.CloseIdleConnections)
	b.SetParallelism(16)
	processor(b)
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			get(b, client, front.URL+"/2048")
		}
	})
}

// BenchmarkBulk is a list of 50 MB, straight out of the tunnel.
func BenchmarkBulk(b *testing.B) {
	const size = 50_000_000
	r := newRig(b, http.HandlerFunc(answers))
	b.SetBytes(size)
	processor(b)
	for range b.N {
		answer, err := r.client.RoundTrip(r.request(b, http.MethodGet, "/"+strconv.Itoa(size), nil))
		if err != nil {
			b.Fatal(err)
		}
		if n, err := swallow(answer.Body); n != size || err != nil {
			b.Fatal(n, err)
		}
		answer.Body.Close()
	}
}

// BenchmarkBulkUp is the same towards the far end.
func BenchmarkBulkUp(b *testing.B) {
	const size = 50_000_000
	r := newRig(b, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = swallow(r.Body) }))
	b.SetBytes(size)
	processor(b)
	for range b.N {
		answer, err := r.client.RoundTrip(r.request(b, http.MethodPost, "/", io.LimitReader(zeros{}, size)))
		if err != nil {
			b.Fatal(err)
		}
		answer.Body.Close()
	}
}

// swallow reads as a proxy does.
func swallow(from io.Reader) (int64, error) {
	buffers := tunnel.Buffers{}
	buffer := buffers.Get()
	defer buffers.Put(buffer)
	return io.CopyBuffer(struct{ io.Writer }{io.Discard}, from, buffer)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// BenchmarkEcho is an upgraded stream that is busy both ways, through both proxies.
func BenchmarkEcho(b *testing.B) {
	const size = 16 << 20
	conn := upgraded(b, newRig(b, proxyTo(b, http.HandlerFunc(echo))).through(b))
	_ = conn.SetDeadline(time.Now().Add(5 * time.Minute))
	piece := make([]byte, 64<<10)
	b.SetBytes(size)
	processor(b)
	sent := make(chan error, 1)
	go func() {
		var err error
		for range b.N * size / len(piece) {
			if _, err = conn.Write(piece); err != nil {
				break
			}
		}
		sent <- err
	}()
	if _, err := io.CopyN(io.Discard, conn, int64(b.N)*size); err != nil {
		b.Fatal(err)
	}
	if err := <-sent; err != nil {
		b.Fatal(err)
	}
}
