package tunnel_test

import (
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"

	"github.com/fairlead/fairlead/tunnel"
)

// A hub has ten thousand of these: one goroutine each, which reads. The far end, one in a process, has three and whoever serves.
func TestAnIdleTunnelIsCheap(t *testing.T) {
	noLeaks(t)
	const tunnels = 200
	var group sync.WaitGroup
	far := make([]net.Conn, tunnels)
	near := make([]net.Conn, tunnels)
	for i := range tunnels {
		near[i], far[i] = net.Pipe()
		server := &tunnel.Server{Handler: http.NotFoundHandler()}
		group.Go(func() { _ = server.Serve(t.Context(), tunnel.NewConn(far[i], true)) })
	}
	clients := make([]*tunnel.Client, tunnels)
	for i := range tunnels {
		var err error
		if clients[i], err = tunnel.NewClient(t.Context(), tunnel.NewConn(near[i], false)); err != nil {
			t.Fatal(err)
		}
	}
	both := runtime.NumGoroutine()
	for _, client := range clients {
		client.Close()
	}
	group.Wait()
	if each := (both - runtime.NumGoroutine() + tunnels/2) / tunnels; each > 5 {
		t.Errorf("%d goroutines a tunnel", each)
	}
}
