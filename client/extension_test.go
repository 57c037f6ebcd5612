package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const failedOperation = `{"status":"Failed","error":{"code":"ResourceOperationFailure","message":"The resource operation completed with terminal provisioning state 'Failed'.",
"details":[{"code":"ExtensionCreationFailed","message":" error: Job failed: BackoffLimitExceeded","target":"Job/shop/migrate",
"additionalInfo":[{"type":"Other","info":"x"},{"type":"ExtensionFailure","info":{"cause":"BackoffLimitExceeded","explanation":"it gave up","evidence":["exit 1"],"remedies":["kubectl logs"],"doctorId":"HLM-02"}}]}]}}`

func web() fairlead.ResourceID {
	return client.ExtensionID(fairlead.ConnectedClusterID("s", "g", "edge"), "web")
}

func TestAFailedOperationTellsWhatIsInside(t *testing.T) {
	hub, server := serve(t, nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			if r.Header.Get("Prefer") != "respond-async" {
				t.Error("the hub is asked to keep the caller waiting")
			}
			w.Header().Set("Azure-AsyncOperation", server.URL+"/operation")
			w.WriteHeader(http.StatusCreated)
			return
		}
		fmt.Fprint(w, failedOperation)
	})
	begun, err := hub.BeginExtension(t.Context(), http.MethodPut, web(), client.Document{})
	if err != nil {
		t.Fatal(err)
	}
	err = begun.Wait(t.Context(), nil)
	told := client.FailureOf(err).Extension()
	if told == nil || told.Code != fairlead.CauseBackoffLimit || told.Message != "Job failed: BackoffLimitExceeded" || told.Target != "Job/shop/migrate" ||
		told.Cause != "it gave up" || told.DoctorID != "HLM-02" || !slices.Equal(told.Evidence, []string{"exit 1"}) {
		t.Errorf("told %+v of %v", told, err)
	}
	if fairlead.CodeOf(err) != fairlead.CodeResourceOperationFailure || !strings.Contains(err.Error(), "\n  (ExtensionCreationFailed)  error: Job failed") {
		t.Errorf("the error is %v", err)
	}
}

func TestFailuresOfOtherKindsAreNoExtensions(t *testing.T) {
	for name, failure := range map[string]*client.Failure{"None": client.FailureOf(errors.New("x")), "Plain": {Code: "Conflict", Message: "x"}} {
		if got := failure.Extension(); got != nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
	inner := &client.Failure{Code: "Outer", Details: []client.Failure{{Code: "Inner", Message: " error: y"}}}
	if got := inner.Extension(); got == nil || got.Code != "Inner" || got.Message != "y" {
		t.Errorf("%+v", got)
	}
}

func TestEventsAreFollowedPastAHubThatIsAway(t *testing.T) {
	var calls atomic.Int32
	hub, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "0")
		switch n := calls.Add(1); {
		case n > 1 && n <= 5:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Query().Get("since") == "7":
			fmt.Fprint(w, `{"value":[{"sequence":9,"reason":"Ready"}],"next":9}`)
		default:
			fmt.Fprint(w, `{"value":[{"sequence":7,"reason":"Applied"}]}`)
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	var reasons []string
	err := hub.FollowExtension(ctx, web(), 0, func(events []fairlead.ExtensionEvent) error {
		for _, event := range events {
			reasons = append(reasons, event.Reason)
		}
		if len(reasons) == 2 {
			cancel()
		}
		return nil
	})
	if err != nil || !slices.Equal(reasons, []string{"Applied", "Ready"}) {
		t.Errorf("saw %v, %v", reasons, err)
	}
}

func TestFollowingWhatIsNotThereEnds(t *testing.T) {
	hub, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	err := hub.FollowExtension(t.Context(), web(), 0, func([]fairlead.ExtensionEvent) error { return nil })
	if fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("got %v", err)
	}
}

// The hub waits for events when there are none: who only wants to know what there is does not.
func TestPastEventsDoNotWaitForMore(t *testing.T) {
	var page strings.Builder
	for i := range 200 {
		fmt.Fprintf(&page, `%s{"sequence":%d}`, strings.Repeat(",", min(i, 1)), i+1)
	}
	cases := map[string]struct {
		reason string
		after  string // what comes after the first page; none waits
		events int
	}{
		"Whole":   {"a full page has another one behind it", `{"value":[{"sequence":201}],"next":201}`, 201},
		"Waiting": {"nothing comes", "", 200},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			hub, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Query().Get("since") == "0":
					fmt.Fprintf(w, `{"value":[%s],"next":200}`, page.String())
				case c.after != "":
					fmt.Fprint(w, c.after)
				default:
					<-r.Context().Done()
				}
			})
			all, next, err := hub.PastExtensionEvents(t.Context(), web(), 0, 300*time.Millisecond)
			if err != nil || len(all) != c.events || next != int64(c.events) {
				t.Errorf("%s: %d events up to %d, %v", c.reason, len(all), next, err)
			}
		})
	}
}
