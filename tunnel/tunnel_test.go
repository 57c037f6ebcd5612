package tunnel_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func sum(content []byte) string {
	s := sha256.Sum256(content)
	return hex.EncodeToString(s[:])
}

func noise(size int) []byte {
	content := make([]byte, size)
	_, _ = rand.New(rand.NewSource(1)).Read(content)
	return content
}

func TestRequestsGoThrough(t *testing.T) {
	large := noise(64 << 20)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		switch request.URL.Path {
		case "/small":
			_, _ = fmt.Fprintf(w, "%s %s", request.Method, request.Host)
		case "/down":
			_, _ = w.Write(large)
		case "/up":
			h := sha256.New()
			_, _ = io.Copy(h, request.Body)
			_, _ = io.WriteString(w, hex.EncodeToString(h.Sum(nil)))
		default:
			http.NotFound(w, request)
		}
	}))
	if status, body := r.do(t, http.MethodGet, "/small", nil); status != 200 || string(body) != "GET far" {
		t.Errorf("small: %d %q", status, body)
	}
	if status, _ := r.do(t, http.MethodDelete, "/nowhere", nil); status != http.StatusNotFound {
		t.Errorf("not found: %d", status)
	}
	if status, body := r.do(t, http.MethodGet, "/down", nil); status != 200 || sum(body) != sum(large) {
		t.Errorf("download: %d, %d bytes", status, len(body))
	}
	if status, body := r.do(t, http.MethodPost, "/up", bytes.NewReader(large)); status != 200 || string(body) != sum(large) {
		t.Errorf("upload: %d %q", status, body)
	}
}

func TestAThousandStreamsAtOnce(t *testing.T) {
	const streams = 1000
	var all sync.WaitGroup
	all.Add(streams)
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		all.Done()
		all.Wait() // nobody is answered before everybody is here
		_, _ = io.WriteString(w, "ok")
	}))
	var group sync.WaitGroup
	for range streams {
		group.Go(func() {
			answer, err := r.client.RoundTrip(r.request(t, http.MethodGet, "/", nil))
			if err != nil {
				t.Error(err)
				return
			}
			answer.Body.Close()
		})
	}
	group.Wait()
	if n := r.client.Streams(); n != 0 {
		t.Errorf("%d streams are left", n)
	}
}

func TestAnUpgradeIsBusyBothWays(t *testing.T) {
	r := newRig(t, proxyTo(t, http.HandlerFunc(echo)))
	conn := upgraded(t, r.through(t))
	content := noise(32 << 20)
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	go func() { _, _ = conn.Write(content) }()
	got := make([]byte, len(content))
	if _, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the echo: %v", err)
	}
}

func TestAnUpgradeMayBeRefused(t *testing.T) {
	r := newRig(t, http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if request.Method != http.MethodGet || request.Header.Get("Upgrade") != "echo/1" || request.ProtoMajor != 1 {
			t.Errorf("%s %s %v", request.Method, request.Proto, request.Header)
		}
		w.Header().Set("Fairlead-Upgrade", "echo/1") // who answers cannot pretend
		http.Error(w, "no", http.StatusForbidden)
	}))
	request := r.request(t, http.MethodGet, "/", nil)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo/1")
	answer, err := r.client.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusForbidden || strings.TrimSpace(string(text)) != "no" {
		t.Errorf("%d %q", answer.StatusCode, text)
	}
}
