package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/link"
	"github.com/fairlead/fairlead/test/tunnelfaults/site"
)

// quick are the faults that take seconds. `make nightly` plays them all.
const quick = "dropped,slow-reader,thousand-streams,upload,agent-restart,hub-restart,lossy"

func TestQuickFaults(t *testing.T) {
	binary := os.Getenv("FAIRLEAD_BINARY")
	if binary == "" {
		t.Fatal("FAIRLEAD_BINARY is not set: run this test with `make test-tunnel`")
	}
	for _, profile := range []site.Profile{site.Standard, site.Edge} {
		t.Run(string(profile), func(t *testing.T) {
			o, err := parse([]string{"--binary", binary, "--profile", string(profile), "--only", quick, "--upload", "300"}, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			if profile == site.Edge {
				o.only = []string{"dropped"} // the rest is the same code
			}
			var progress bytes.Buffer
			found, err := play(t.Context(), o, t.TempDir(), &progress)
			if err != nil {
				t.Fatalf("%v\n%s", err, progress.String())
			}
			var text bytes.Buffer
			if err := found.write(&text, "text"); err != nil {
				t.Fatal(err)
			}
			t.Log(text.String())
			if err := found.verdict(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	cases := map[string]struct {
		reason string
		args   []string
		want   string
	}{
		"Defaults": {"all of it", nil, ""},
		"Chosen":   {"some of it", []string{"--only", "dropped,clock", "-o", "json"}, ""},
		"Fault":    {"a word that means nothing", []string{"--only", "flood"}, "no fault"},
		"Format":   {"a word that means nothing", []string{"-o", "xml"}, "-o"},
		"Profile":  {"a word that means nothing", []string{"--profile", "huge"}, "--profile"},
	}
	for name, tc := range cases {
		_, err := parse(tc.args, &bytes.Buffer{})
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s (%s): %v", name, tc.reason, err)
		}
	}
}

func TestOneThingThatDidNotHoldFailsAll(t *testing.T) {
	r := report{Outcomes: []outcome{{Fault: "a", Claims: []claim{{What: "x", Held: true}}}}}
	if err := r.verdict(); err != nil {
		t.Error(err)
	}
	r.Outcomes = append(r.Outcomes, outcome{Fault: "b", Claims: []claim{{What: "y", Seen: "z"}}})
	if r.verdict() == nil {
		t.Error("a claim that did not hold is no error")
	}
	var text bytes.Buffer
	if err := r.write(&text, "text"); err != nil || !strings.Contains(text.String(), "FAILED  y: z") {
		t.Errorf("%v: %s", err, text.String())
	}
	text.Reset()
	if err := r.write(&text, "json"); err != nil || !json.Valid(text.Bytes()) {
		t.Errorf("%v: %s", err, text.String())
	}
}

// far answers every connection with what it gets, and hands it over.
func far(t *testing.T) (address string, conns <-chan net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	accepted := make(chan net.Conn, 8)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	return listener.Addr().String(), accepted
}

// joined is a link with one connection on it.
func joined(t *testing.T) (l *link.Link, near, other net.Conn) {
	t.Helper()
	address, accepted := far(t)
	l, err := link.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if near, err = net.Dial("tcp", l.Address()); err != nil {
		t.Fatal(err)
	}
	other = <-accepted
	t.Cleanup(func() { near.Close(); other.Close() })
	pass(t, near, other, time.Second)
	return l, near, other
}

func pass(t *testing.T, from, to net.Conn, limit time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	if _, err := from.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	_ = to.SetReadDeadline(time.Now().Add(limit))
	if _, err := to.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return time.Since(began)
}

// silent reports whether nothing comes, not even an end.
func silent(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, err := conn.Read(make([]byte, 1))
	problem, ok := err.(net.Error) //nolint:errorlint // it comes as it is
	return ok && problem.Timeout()
}

func TestTheLinkBreaksAsItSays(t *testing.T) {
	cases := map[string]struct {
		strike            func(*link.Link)
		nearLost, farLost bool
	}{
		"Cut":      {(*link.Link).Cut, true, true},
		"Swallow":  {(*link.Link).Swallow, false, false},
		"LoseNear": {(*link.Link).LoseNear, true, false},
		"LoseFar":  {(*link.Link).LoseFar, false, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l, near, other := joined(t)
			tc.strike(l)
			_, _ = near.Write([]byte("x"))
			_, _ = other.Write([]byte("x"))
			if got := !silent(near); got != tc.nearLost {
				t.Errorf("the near end knows: %t, want %t", got, tc.nearLost)
			}
			if got := !silent(other); got != tc.farLost {
				t.Errorf("the far end knows: %t, want %t", got, tc.farLost)
			}
			near.Close()
			other.Close()
			waitFor(t, func() bool { return l.Connections() == 0 })
		})
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for !done() {
		if site.Rest(ctx, 10*time.Millisecond) != nil {
			t.Fatal("it does not come to pass")
		}
	}
}

func TestTheLinkDelays(t *testing.T) {
	l, near, other := joined(t)
	l.Set(link.Shape{Delay: 150 * time.Millisecond})
	if took := pass(t, near, other, time.Second); took < 150*time.Millisecond {
		t.Errorf("a byte came after %s", took)
	}
}

func TestTheLinkClosesWhatIsIdle(t *testing.T) {
	l, near, _ := joined(t)
	l.Set(link.Shape{Idle: 50 * time.Millisecond})
	waitFor(t, func() bool { return !silent(near) })
}
