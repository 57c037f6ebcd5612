// Package trace sends what the hub does, request by request, to an OpenTelemetry collector. It
// continues the traces that callers begin (W3C traceparent) and does not know what a request means.
package trace

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/fairlead/fairlead"
)

// Tracer makes spans and sends them in the background. A nil Tracer does nothing, at no cost.
type Tracer struct{ provider *sdk.TracerProvider }

// Open returns a tracer that sends to an OTLP endpoint over HTTP, such as
// http://localhost:4318. Ratio is the share of requests without a trace of their own that get one,
// from 0 to 1. Headers and certificates come from OpenTelemetry's own variables
// (https://opentelemetry.io/docs/specs/otel/protocol/exporter/).
func Open(ctx context.Context, endpoint string, ratio float64) (*Tracer, error) {
	if endpoint == "" {
		return nil, nil //nolint:nilnil // a nil Tracer is one that does nothing
	}
	if err := Validate(endpoint); err != nil {
		return nil, err
	}
	address, err := url.JoinPath(endpoint, "v1", "traces")
	if err != nil {
		return nil, fmt.Errorf("address of the collector: %w", err)
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(address))
	if err != nil {
		return nil, fmt.Errorf("prepare traces: %w", err)
	}
	return start(sdk.NewBatchSpanProcessor(exporter), ratio), nil
}

func start(processor sdk.SpanProcessor, ratio float64) *Tracer {
	return &Tracer{sdk.NewTracerProvider(
		sdk.WithSpanProcessor(processor),
		sdk.WithSampler(sdk.ParentBased(sdk.TraceIDRatioBased(ratio))),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "fairlead-hub"), attribute.String("service.version", fairlead.Version),
		)),
	)}
}

// Validate says what is wrong with the URL of a collector.
func Validate(endpoint string) error {
	address, err := url.Parse(endpoint)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return fmt.Errorf("%q is no URL of an OTLP collector, for example http://localhost:4318", endpoint)
	}
	if address.User != nil {
		return errors.New("the URL of an OTLP collector must hold no password: set OTEL_EXPORTER_OTLP_HEADERS instead")
	}
	return nil
}

// Wrap gives each request to a part of the hub a span, named for the part and the method: paths
// hold names, of which there is no end.
func (t *Tracer) Wrap(part string, next http.Handler) http.Handler {
	if t == nil {
		return next
	}
	return otelhttp.NewHandler(next, part,
		otelhttp.WithTracerProvider(t.provider),
		otelhttp.WithPropagators(propagation.TraceContext{}),
		otelhttp.WithSpanNameFormatter(func(part string, r *http.Request) string { return r.Method + " " + part }),
	)
}

// Close sends what is left, until ctx ends.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last traces: %w", err)
	}
	return nil
}
