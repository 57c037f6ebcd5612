package hub

import (
	"context"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

type idsKey struct{}

// requestIDs are the ids by which people and logs speak of a request. The correlation id is the
// caller's, so that its log, ours and an agent's can be laid side by side.
type requestIDs struct{ request, correlation string }

func withIDs(ctx context.Context, ids requestIDs) context.Context {
	return context.WithValue(ctx, idsKey{}, ids)
}

// correlated adds the ids of the request under way, and of its trace, to every log line.
type correlated struct{ slog.Handler }

func (c correlated) Handle(ctx context.Context, record slog.Record) error {
	if ids, ok := ctx.Value(idsKey{}).(requestIDs); ok {
		record.AddAttrs(slog.String("request_id", ids.request), slog.String("correlation_id", ids.correlation))
	}
	if span := trace.SpanContextFromContext(ctx); span.HasTraceID() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return c.Handler.Handle(ctx, record)
}

func (c correlated) WithAttrs(attrs []slog.Attr) slog.Handler {
	return correlated{c.Handler.WithAttrs(attrs)}
}

func (c correlated) WithGroup(name string) slog.Handler { return correlated{c.Handler.WithGroup(name)} }
