package clusterconnect_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/agent/clusterconnect"
	"github.com/fairlead/fairlead/tunnel"
)

// lines answers /watch with a line now and then until it is told to stop, and everything else with hello.
type lines struct{ next chan string }

func (l lines) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/watch" {
		_, _ = io.WriteString(w, "hello")
		return
	}
	_ = http.NewResponseController(w).Flush()
	for {
		select {
		case line, more := <-l.next:
			if !more {
				return
			}
			_, _ = fmt.Fprintln(w, line)
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func TestTheHubReachesTheProxy(t *testing.T) {
	r := newRig(t, lines{})
	r.start()
	client := within(t, r.clients)
	if text := get(t, client, "/"); text != "hello" {
		t.Errorf("the answer is %q", text)
	}
	eventually(t, "the agent is ready", func() bool { return r.reason() == nil })
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]float64{}
	for _, family := range families {
		metric := family.GetMetric()[0]
		seen[family.GetName()] = metric.GetCounter().GetValue() + metric.GetGauge().GetValue()
	}
	if seen["fairlead_tunnels"] != 1 || seen["fairlead_tunnel_received_bytes_total"] == 0 || seen["fairlead_tunnel_sent_bytes_total"] == 0 {
		t.Errorf("metrics %v", seen)
	}
}

func TestTheTunnelComesBack(t *testing.T) {
	r := newRig(t, lines{})
	r.start()
	within(t, r.clients).Close()
	if text := get(t, within(t, r.clients), "/"); text != "hello" {
		t.Errorf("the answer is %q", text)
	}
	eventually(t, "the agent is ready", func() bool { return r.reason() == nil })
}

// A stream outlives the reason for another tunnel.
func TestMakeBeforeBreak(t *testing.T) {
	for name, reason := range map[string]func(*rig, *tunnel.Client){
		"Renewal": func(r *rig, _ *tunnel.Client) { r.renew() },
		"Drain":   func(_ *rig, client *tunnel.Client) { client.Drain() },
	} {
		t.Run(name, func(t *testing.T) {
			far := lines{make(chan string)}
			r := newRig(t, far)
			r.start()
			old := within(t, r.clients)
			watch := bufio.NewScanner(open(t, old, "/watch").Body) //nolint:bodyclose // open sees to it
			far.next <- "one"
			if !watch.Scan() || watch.Text() != "one" {
				t.Fatalf("the watch says %q", watch.Text())
			}
			reason(r, old)
			newest := within(t, r.clients)
			if text := get(t, newest, "/"); text != "hello" {
				t.Errorf("the answer is %q", text)
			}
			far.next <- "two"
			if !watch.Scan() || watch.Text() != "two" {
				t.Fatalf("the old watch says %q, %v", watch.Text(), watch.Err())
			}
			old.Retire() // as the hub does when there is another tunnel
			close(far.next)
			if watch.Scan() || watch.Err() != nil {
				t.Errorf("the watch ends with %q, %v", watch.Text(), watch.Err())
			}
			within(t, old.Done())
			if err := r.reason(); err != nil {
				t.Errorf("not ready: %v", err)
			}
		})
	}
}

func TestWhyThereIsNoTunnel(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		body, want string
	}{
		"Stripped":   {http.StatusOK, "<html>", "NET-06"},
		"Forbidding": {http.StatusForbidden, "<html>", "NET-06"},
		"Lost":       {http.StatusUpgradeRequired, `{"error":{"code":"UpgradeRequired"}}`, "NET-06"},
		"Refused":    {http.StatusNotFound, `{"error":{"code":"ResourceNotFound","message":"no such cluster"}}`, "404 ResourceNotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, lines{})
			r.answer(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			})
			r.start()
			eventually(t, "the reason is told", func() bool { err := r.reason(); return err != nil && strings.Contains(err.Error(), c.want) })
			if strings.Count(r.log.String(), "no tunnel to the hub") != 1 {
				t.Errorf("the log is %s", r.log.String())
			}
			r.answer(nil)
			within(t, r.clients)
			eventually(t, "the agent is ready", func() bool { return r.reason() == nil })
		})
	}
}

func TestTheProxyIsNotThere(t *testing.T) {
	r := newRig(t, lines{})
	r.agent.Reach = (&clusterconnect.Bridge{Address: "127.0.0.1:1", Name: proxyName, Folder: t.TempDir()}).Reach
	r.start()
	eventually(t, "the reason is told", func() bool { return strings.Contains(r.reason().Error(), "clusteridentityoperator") })
}

// When the process ends, the hub is asked first to use another tunnel, and a stream may finish.
func TestTheEndIsAnnounced(t *testing.T) {
	far := lines{make(chan string)}
	r := newRig(t, far)
	r.start()
	client := within(t, r.clients)
	watch := bufio.NewScanner(open(t, client, "/watch").Body) //nolint:bodyclose // open sees to it
	r.cancel()
	eventually(t, "the hub takes no further requests", func() bool { return !client.Available() })
	far.next <- "late"
	close(far.next)
	if !watch.Scan() || watch.Text() != "late" {
		t.Errorf("the watch says %q, %v", watch.Text(), watch.Err())
	}
	started := time.Now()
	within(t, client.Done())
	if took := time.Since(started); took > time.Second {
		t.Errorf("the tunnel ended only after %s", took)
	}
}
