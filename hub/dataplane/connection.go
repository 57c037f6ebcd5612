package dataplane

import (
	"context"
	"net/http"
	"time"
)

type connectionKey struct{}

// Connection returns a context for what comes by a connection. Quiet says for how long nothing has come by it.
func Connection(ctx context.Context, quiet func() time.Duration) context.Context {
	return context.WithValue(ctx, connectionKey{}, quiet)
}

type ownKey struct{}

// own marks a request that a cluster has sent on a connection of its own, with nobody between who would keep the connection when the
// cluster is gone, and whose client says something from time to time. The certificate was found to be the cluster's.
func own(ctx context.Context, r *http.Request) context.Context {
	if r.ProtoMajor < 2 || r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return ctx
	}
	return context.WithValue(ctx, ownKey{}, true)
}

// connectionOf returns how long nothing has come by the connection of a request, if that is the cluster's own.
func connectionOf(ctx context.Context) (quiet func() time.Duration, own bool) {
	quiet, known := ctx.Value(connectionKey{}).(func() time.Duration)
	return quiet, known && ctx.Value(ownKey{}) != nil
}
