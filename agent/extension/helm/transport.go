package helm

import (
	"context"
	"io"
	"net/http"
	"sync"
)

// bound is a way to the API server that ends with an operation. Helm takes no context for most of what it does, and goes on by
// itself when one that it takes has ended; without a way it can do no harm, and comes to its end.
type bound struct {
	way http.RoundTripper
	ctx context.Context //nolint:containedctx // the life of the operation is what this is about
}

// RoundTrip implements http.RoundTripper.
func (b bound) RoundTrip(request *http.Request) (*http.Response, error) {
	if b.ctx.Err() != nil {
		return nil, context.Cause(b.ctx) //nolint:contextcheck // the operation's end is asked for
	}
	ctx, cancel := context.WithCancelCause(request.Context())
	stop := context.AfterFunc(b.ctx, func() { cancel(context.Cause(b.ctx)) }) //nolint:contextcheck // the request ends with the operation, too
	end := sync.OnceFunc(func() {
		stop()
		cancel(nil)
	})
	answer, err := b.way.RoundTrip(request.WithContext(ctx))
	if err != nil {
		end()
		return nil, err
	}
	answer.Body = &body{answer.Body, end}
	return answer, nil
}

type body struct {
	io.ReadCloser

	end func()
}

// Close implements io.Closer.
func (b *body) Close() error {
	defer b.end()
	return b.ReadCloser.Close()
}
