package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/pprof"
	"time"
)

// profiles serves profiles of the running hub to whoever is on this machine. It authenticates nobody, so it
// listens on loopback only and is off unless asked for.
type profiles struct{ Address string }

// validateLoopback accepts nothing that another machine could reach.
func validateLoopback(address string) error {
	if address == "" {
		return nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT, for example 127.0.0.1:6060", address)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return fmt.Errorf("%q is not a loopback address such as 127.0.0.1: profiles are for this machine only", host)
	}
	return nil
}

// Run serves until ctx ends.
func (p profiles) Run(ctx context.Context) error {
	if p.Address == "" {
		<-ctx.Done()
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	server := &http.Server{Addr: p.Address, Handler: mux, ReadHeaderTimeout: headerTimeout, IdleTimeout: time.Minute}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve profiles on %s (--debug-listen): %w", p.Address, err)
	}
	return nil
}
