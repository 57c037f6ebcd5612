package lastword_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/lastword"
)

const pod = `{"type":"ADDED","object":{"kind":"Pod","apiVersion":"v1","metadata":{"name":"web"}}}` + "\n"

// broken is a stream that breaks after a text.
func broken(text string) io.ReadCloser {
	return io.NopCloser(io.MultiReader(strings.NewReader(text), breaking{}))
}

type breaking struct{}

func (breaking) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// client-go itself hands the reason to whoever watches.
func TestClientGoSeesTheReason(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, lastword.Body(broken(pod), func(error) *lastword.Status {
			made := lastword.Failure(http.StatusForbidden, "Forbidden", "the role was taken away")
			return &made
		}))
	}))
	defer server.Close()
	pods := dynamic.NewForConfigOrDie(&rest.Config{Host: server.URL}).Resource(schema.GroupVersionResource{Version: "v1", Resource: "pods"})
	events, err := pods.Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer events.Stop()
	if first := <-events.ResultChan(); first.Type != watch.Added {
		t.Fatalf("%+v", first)
	}
	last := <-events.ResultChan()
	told, ok := last.Object.(*metav1.Status)
	if last.Type != watch.Error || !ok || told.Code != http.StatusForbidden || told.Reason != metav1.StatusReasonForbidden || told.Message != "the role was taken away" {
		t.Errorf("%+v", last)
	}
}

func TestOnlyBetweenEventsIsThereRoom(t *testing.T) {
	nothing := func(error) *lastword.Status { return nil }
	something := func(error) *lastword.Status { return &lastword.Status{Message: "why"} }
	for name, one := range map[string]struct {
		text string
		why  func(error) *lastword.Status
		says bool
	}{"Between": {pod, something, true}, "Before": {"", something, true}, "Within": {pod + "{", something, false}, "Nobody": {pod, nothing, false}} {
		got, err := io.ReadAll(lastword.Body(broken(one.text), one.why))
		if says := strings.HasSuffix(string(got), "\n") && strings.Contains(string(got), "why"); says != one.says || says == (err != nil) || !strings.HasPrefix(string(got), one.text) {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
	if got, err := io.ReadAll(lastword.Body(io.NopCloser(strings.NewReader(pod)), nothing)); string(got) != pod || err != nil {
		t.Errorf("a watch that has been read to its end: %q %v", got, err)
	}
	if got, err := io.ReadAll(lastword.Body(io.NopCloser(strings.NewReader(pod)), something)); !strings.Contains(string(got), "why") || err != nil {
		t.Errorf("a watch that was cut and that the server has ended before the connection was closed: %q %v", got, err)
	}
}

func TestWatchesAreTold(t *testing.T) {
	for _, one := range []struct {
		address, kind, encoding string
		length                  int64
		want                    bool
	}{
		{"/api/v1/pods?watch=true", "application/json", "", -1, true},
		{"/api/v1/namespaces/proxy/pods/web?watch=1&x=y", "application/json;stream=watch", "", -1, true},
		{"/apis/apps/v1/namespaces/shop/deployments?watch", "application/json", "", -1, true},
		{"/api/v1/namespaces?watch=true", "application/json", "", -1, true},
		{"/api/v1/pods?watch=false", "application/json", "", -1, false},
		{"/api/v1/pods?limit=500", "application/json", "", -1, false},
		{"/api/v1/pods?watch=true", "application/vnd.kubernetes.protobuf;stream=watch", "", -1, false},
		{"/api/v1/pods?watch=true", "application/json", "gzip", -1, false},
		{"/api/v1/pods?watch=true", "application/json", "", 20, false},
		{"/api/v1/namespaces/shop/services/web/proxy/stream?watch=true", "application/json", "", -1, false},
		{"/api/v1/nodes/one/proxy?watch=true", "application/json", "", -1, false},
		{"/other?watch=true", "application/json", "", -1, false},
	} {
		r := httptest.NewRequest(http.MethodGet, one.address, nil)
		answer := &http.Response{Request: r, StatusCode: http.StatusOK, ContentLength: one.length, Header: http.Header{"Content-Type": {one.kind}, "Content-Encoding": {one.encoding}}}
		if got := lastword.Watches(answer, r.URL.Path); got != one.want {
			t.Errorf("%v: %t", one, got)
		}
	}
}
