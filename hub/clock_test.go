package hub_test

import (
	"bytes"
	"crypto"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

// A cluster whose clock is a day off reaches the hub, is told the time, and comes back with it.
func TestClusterWithAWrongClock(t *testing.T) {
	on := start(t, t.TempDir())
	c := connect(t, on, on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret)))
	for name, offset := range map[string]time.Duration{"Ahead": 24 * time.Hour, "Behind": -24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			wrong := func() time.Time { return time.Now().Add(offset) }
			on.http = trusting(t, on.CAFile)
			transport, _ := on.http.Transport.(*http.Transport)
			transport.TLSClientConfig.Time = wrong // TLS judges by it, too
			c.toldTheTime(t, fairlead.OpCertificate, proof.Signer{Key: crypto.Signer(c.onboarding), Now: wrong})
			signer := c.signer
			signer.Now = wrong
			told := c.toldTheTime(t, fairlead.OpHeartbeat, signer)
			correction := told.Sub(wrong())
			right := *c
			right.signer.Now = func() time.Time { return wrong().Add(correction) }
			if err := right.beat(t); err != nil {
				t.Errorf("with the hub's time: %v", err)
			}
		})
	}
}

// toldTheTime sends a request that is refused for its time, and returns the hub's.
func (c *cluster) toldTheTime(t *testing.T, operation string, by proof.Signer) time.Time {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+fairlead.DataPlanePath(c.id, operation), strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if err := by.Sign(request, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }() // only read
	text, err := io.ReadAll(answer.Body)
	if err != nil || !bytes.Contains(text, []byte("ProofExpired")) {
		t.Fatalf("%s: %s %v", operation, text, err)
	}
	told, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	return told
}
