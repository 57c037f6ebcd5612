package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/client"
)

func TestTraceShowsCallsButNoSecret(t *testing.T) {
	hub, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "hush-cookie")
		fmt.Fprint(w, `{"secretText":"hush-answer","nested":[{"access_token":"hush-nested"}],"name":"seen"}`)
	})
	var out strings.Builder
	hub.HTTP.Transport = &client.Trace{Next: hub.HTTP.Transport, Out: &out, Now: time.Now}
	hub.Token = func(context.Context) (string, error) { return "hush-bearer", nil }
	var answer map[string]any
	if err := hub.Post(t.Context(), "/x", "v", map[string]any{"password": "hush-body", "protectedSettings": map[string]string{"https_proxy": "hush-proxy"}, "properties": map[string]any{"configurationProtectedSettings": map[string]string{"plain": "hush-plain"}}}, &answer); err != nil {
		t.Fatal(err)
	}
	if answer["secretText"] != "hush-answer" {
		t.Error("the trace changed the answer")
	}
	if strings.Contains(out.String(), "hush") || !strings.Contains(out.String(), "seen") || !strings.Contains(out.String(), "POST "+hub.URL+"/x") {
		t.Errorf("the trace is\n%s", out.String())
	}
}

func TestTraceHidesTheSecretOfATokenRequest(t *testing.T) {
	hub, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, `{"access_token":"hush","expires_in":60}`) })
	var out strings.Builder
	hub.HTTP.Transport = &client.Trace{Next: hub.HTTP.Transport, Out: &out, Now: time.Now}
	credentials := &client.Credentials{URL: hub.URL, TenantID: "t", ClientID: "seen", Secret: "hush", HTTP: hub.HTTP, Now: time.Now}
	if _, err := credentials.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hush") || !strings.Contains(out.String(), "seen") {
		t.Errorf("the trace is\n%s", out.String())
	}
}

func TestSecretsHideHoweverTheyAreWritten(t *testing.T) {
	secret := client.Secret("hush")
	encoded, err := json.Marshal(map[string]client.Secret{"a": secret})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).InfoContext(t.Context(), "m", slog.Any("s", secret))
	written := fmt.Sprintf("%s %v %+v %#v %q", secret, secret, struct{ S client.Secret }{secret}, secret, secret) + string(encoded) + log.String()
	if strings.Contains(written, "hush") || secret.Reveal() != "hush" {
		t.Errorf("written as %s", written)
	}
}

var _ http.RoundTripper = (*client.Trace)(nil)
