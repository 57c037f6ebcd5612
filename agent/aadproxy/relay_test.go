package aadproxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// What belongs to one connection ends there, what belongs to the answer comes back, trailers too.
func TestAnAnswerComesBackAsItIs(t *testing.T) {
	server, api := newAPIServer(t)
	server.then(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{"Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "timeout=9", "Audit-Id": "7", "Trailer": "X-Sum"} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusAccepted)
		_, _ = io.WriteString(w, "some")
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, " text")
		w.Header().Set("X-Sum", "9")
		w.Header().Set(http.TrailerPrefix+"Fairlead-Reason", "forged")
	})
	f := newFixture(t, api, nil)
	answer, err := f.way.RoundTrip(f.request("/api", f.mustPut(nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || string(text) != "some text" || answer.StatusCode != http.StatusAccepted {
		t.Errorf("%d %q %v", answer.StatusCode, text, err)
	}
	if h := answer.Header; h.Get("Audit-Id") != "7" || h.Get("X-Hop") != "" || h.Get("Keep-Alive") != "" || h.Get("Connection") != "" {
		t.Errorf("the headers are %v", h)
	}
	if answer.Trailer.Get("X-Sum") != "9" || answer.Trailer.Get("Fairlead-Reason") != "" {
		t.Errorf("the trailers are %v", answer.Trailer)
	}
}

// An answer that breaks off does not look whole, whether its length was known or not.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	for _, length := range []string{"", "100"} {
		t.Run("Length"+length, func(t *testing.T) {
			server, api := newAPIServer(t)
			server.then(func(w http.ResponseWriter, _ *http.Request) {
				if length != "" {
					w.Header().Set("Content-Length", length)
				}
				_, _ = io.WriteString(w, "some")
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			})
			f := newFixture(t, api, nil)
			answer, err := f.way.RoundTrip(f.request("/api", f.mustPut(nil)))
			if err != nil {
				return // it broke before its head was sent
			}
			defer answer.Body.Close()
			if text, err := io.ReadAll(answer.Body); err == nil {
				t.Errorf("%q looks whole", text)
			}
		})
	}
}

// A body goes through, of a length that is known or not.
func TestABodyGoesThrough(t *testing.T) {
	server, api := newAPIServer(t)
	server.then(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, r.ContentLength, err)
	})
	f := newFixture(t, api, nil)
	id := f.mustPut(nil)
	for length, want := range map[int64]string{300_000: "|300000 300000 <nil>", -1: "|300000 -1 <nil>"} {
		request := f.request("/api/v1/namespaces/shop/pods", id)
		request.Method, request.Body, request.ContentLength = http.MethodPost, io.NopCloser(strings.NewReader(strings.Repeat("x", 300_000))), length
		if code, text := f.do(request); code != http.StatusOK || text != want {
			t.Errorf("%d: %d %s", length, code, text)
		}
	}
}

// The API server gets the query that was weighed.
func TestQueries(t *testing.T) {
	server, api := newAPIServer(t)
	f := newFixture(t, api, nil)
	id := f.mustPut(nil)
	for query, want := range map[string]string{
		"labelSelector=a%3Db%2Cc&limit=500": "labelSelector=a%3Db%2Cc&limit=500",
		"a=1;b=2":                           "",
		"a=1&b=%zz":                         "a=1",
		"a=%2":                              "",
	} {
		request := f.request("/api/v1/pods", id)
		request.URL = &url.URL{Scheme: "https", Host: request.URL.Host, Path: request.URL.Path, RawQuery: query}
		if code, text := f.do(request); code != http.StatusOK {
			t.Errorf("%s: %d %s", query, code, text)
		} else if got := server.last().URL.RawQuery; got != want {
			t.Errorf("%s has become %s", query, got)
		}
	}
}
