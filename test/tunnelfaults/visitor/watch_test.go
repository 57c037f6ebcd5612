package visitor_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
)

// A watch that ends with the reason has been cut; one with a hole is wrong.
func TestHowAWatchEnds(t *testing.T) {
	for name, c := range map[string]struct {
		events string
		want   error
	}{
		"Cut":  {`{"type":"MODIFIED","number":0}` + "\n" + `{"type":"ERROR","object":{"message":"the hub is stopping"}}` + "\n", visitor.ErrStatus},
		"Hole": {`{"type":"MODIFIED","number":0}` + "\n" + `{"type":"MODIFIED","number":2}` + "\n", visitor.ErrWrong},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, c.events) }))
			defer server.Close()
			seen := 0
			err := (&visitor.Visitor{Base: server.URL, HTTP: server.Client()}).Watch(t.Context(), time.Second, func(time.Duration) { seen++ })
			if !errors.Is(err, c.want) || seen != 1 {
				t.Errorf("after %d events: %v", seen, err)
			}
		})
	}
}
