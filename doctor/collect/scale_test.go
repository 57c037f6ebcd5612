package collect_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/doctor/check"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// maxLists is how many list calls one look may make, on a cluster of any size.
const maxLists = 40

func encoded(t *testing.T, s *snapshot.Snapshot) []byte {
	t.Helper()
	content, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func contains(content []byte, word string) bool { return bytes.Contains(content, []byte(word)) }

// TestListCalls counts what one look costs the API server.
func TestListCalls(t *testing.T) {
	config, _ := live(t)
	counted := rest.CopyConfig(config)
	var lists, all atomic.Int64
	counted.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTrip(func(request *http.Request) (*http.Response, error) {
			all.Add(1)
			if request.Method == http.MethodGet && strings.Contains(request.URL.RawQuery, "resourceVersion=0") || strings.Contains(request.URL.RawQuery, "limit=") {
				lists.Add(1)
			}
			return next.RoundTrip(request)
		})
	})
	look(t, counted, check.All())
	t.Logf("%d list calls of %d calls", lists.Load(), all.Load())
	if lists.Load() == 0 || lists.Load() > maxLists {
		t.Errorf("%d list calls, want 1 to %d", lists.Load(), maxLists)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (r roundTrip) RoundTrip(request *http.Request) (*http.Response, error) { return r(request) }
