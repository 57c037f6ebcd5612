package trace

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

// collect is a collector: it takes what an exporter sends, as the specification has it.
func collect(t *testing.T) (string, <-chan *collector.ExportTraceServiceRequest) {
	t.Helper()
	received := make(chan *collector.ExportTraceServiceRequest, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var batch collector.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(body, &batch)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("%s: %v", r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		received <- &batch
	}))
	t.Cleanup(server.Close)
	return server.URL, received
}

func TestRequestsContinueTheTraceOfTheirCaller(t *testing.T) {
	url, received := collect(t)
	tracer, err := Open(t.Context(), url, 0)
	if err != nil {
		t.Fatal(err)
	}
	var seen trace.SpanContext
	handler := tracer.Wrap("resource", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = trace.SpanContextFromContext(r.Context()) }))
	request := httptest.NewRequest(http.MethodGet, "/subscriptions", nil)
	request.Header.Set("Traceparent", parent)
	handler.ServeHTTP(httptest.NewRecorder(), request)
	if err := tracer.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if seen.TraceID().String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("the handler saw trace %s", seen.TraceID())
	}
	select {
	case batch := <-received:
		if name := batch.GetResourceSpans()[0].GetScopeSpans()[0].GetSpans()[0].GetName(); name != "GET resource" {
			t.Errorf("span %q", name)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the collector got nothing")
	}
}

func TestRatioHoldsForRequestsWithoutTrace(t *testing.T) {
	for ratio, want := range map[float64]bool{0: false, 1: true} {
		url, _ := collect(t)
		tracer, err := Open(t.Context(), url, ratio)
		if err != nil {
			t.Fatal(err)
		}
		var sampled bool
		handler := tracer.Wrap("graph", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			sampled = trace.SpanContextFromContext(r.Context()).IsSampled()
		}))
		handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
		if sampled != want {
			t.Errorf("ratio %v: sampled %v", ratio, sampled)
		}
		_ = tracer.Close(t.Context())
	}
}

func TestNoEndpointMeansNoTracer(t *testing.T) {
	tracer, err := Open(t.Context(), "", 1)
	if err != nil || tracer != nil {
		t.Fatalf("%v, %v", tracer, err)
	}
	next := http.NotFoundHandler()
	recorder := httptest.NewRecorder()
	tracer.Wrap("graph", next).ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
	if recorder.Code != http.StatusNotFound || tracer.Close(context.Background()) != nil {
		t.Error("a tracer that is not there changes something")
	}
}

func TestValidate(t *testing.T) {
	for endpoint, valid := range map[string]bool{
		"http://localhost:4318": true, "https://collector.example.org/otlp": true,
		"localhost:4318": false, "ftp://x": false, "http://user:pass@x": false, "http://": false,
	} {
		if err := Validate(endpoint); (err == nil) != valid {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}
