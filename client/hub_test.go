package client_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func serve(t *testing.T, handler http.HandlerFunc) (*client.Hub, *httptest.Server) {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	connection, err := client.NewHTTP(pemOf(server.Certificate()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(connection.CloseIdleConnections)
	return &client.Hub{URL: server.URL, HTTP: connection}, server
}

func pemOf(certificate *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw})
}

func TestProblemsKeepCodeAndKind(t *testing.T) {
	cases := map[string]struct {
		reason, body string
		status       int
		kind         fairlead.Kind
		code         string
	}{
		"NotFound":  {"az shows the code in brackets", `{"error":{"code":"ResourceGroupNotFound","message":"no"}}`, 404, fairlead.NotFound, "ResourceGroupNotFound"},
		"Forbidden": {"a role is missing", `{"error":{"code":"AuthorizationFailed","message":"no"}}`, 403, fairlead.Forbidden, "AuthorizationFailed"},
		"NoBody":    {"a proxy's answer has no envelope", ``, 404, fairlead.NotFound, "ResourceNotFound"},
		"HTML":      {"a proxy's page must not become the message", `<html>`, 400, fairlead.Invalid, "BadRequest"},
		"Teapot":    {"an unknown 4xx is the caller's fault", ``, 418, fairlead.Invalid, "BadRequest"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			hub, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(c.status)
				fmt.Fprint(w, c.body)
			})
			err := hub.Get(t.Context(), "/x", "1", nil)
			if fairlead.KindOf(err) != c.kind || fairlead.CodeOf(err) != c.code || !strings.HasPrefix(err.Error(), "("+c.code+") ") {
				t.Errorf("%s: got %v (kind %d)", c.reason, err, fairlead.KindOf(err))
			}
		})
	}
}

func TestOnlyRepeatableCallsAreRepeated(t *testing.T) {
	cases := map[string]struct {
		reason string
		call   client.Call
		calls  int32
	}{
		"Get":            {"reading twice is harmless", client.Call{Method: http.MethodGet, Path: "/x"}, 3},
		"Put":            {"PUT says what is to be", client.Call{Method: http.MethodPut, Path: "/x", Body: 1}, 3},
		"Post":           {"an action may have happened", client.Call{Method: http.MethodPost, Path: "/x"}, 1},
		"Patch":          {"so may a change", client.Call{Method: http.MethodPatch, Path: "/x"}, 1},
		"RepeatablePost": {"some POSTs only ask", client.Call{Method: http.MethodPost, Path: "/x", Repeatable: true}, 3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var calls atomic.Int32
			hub, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				if calls.Add(1) < 3 {
					w.Header().Set("Retry-After", "0")
					w.WriteHeader(http.StatusServiceUnavailable)
				}
			})
			_, err := hub.Do(t.Context(), c.call)
			if calls.Load() != c.calls || (err == nil) != (c.calls == 3) {
				t.Errorf("%s: %d calls, want %d; error %v", c.reason, calls.Load(), c.calls, err)
			}
		})
	}
}

func TestListFollowsPages(t *testing.T) {
	hub, server := serve(t, nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := map[string]any{"value": []any{map[string]any{"name": "a" + r.URL.Query().Get("page")}}}
		if r.URL.Query().Get("page") == "" {
			page["nextLink"] = server.URL + "/list?page=2"
		}
		_ = json.NewEncoder(w).Encode(page)
	})
	all, err := hub.List(t.Context(), "/list", "v", nil)
	if err != nil || len(all) != 2 || all[1]["name"] != "a2" {
		t.Errorf("got %v, %v", all, err)
	}
}

func TestLinksToOtherHostsNeverGetTheToken(t *testing.T) {
	var reached atomic.Bool
	thief := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer thief.Close()
	hub, _ := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"value":[],"nextLink":%q}`, thief.URL+"/next")
	})
	hub.Token = func(context.Context) (string, error) { return "token", nil }
	if _, err := hub.List(t.Context(), "/list", "v", nil); err == nil || reached.Load() {
		t.Errorf("error %v, thief reached: %t", err, reached.Load())
	}
}

func TestPutFollowsAnOperation(t *testing.T) {
	cases := map[string]struct{ reason, end, want string }{
		"Succeeded": {"the result is read from the resource", `{"status":"Succeeded"}`, ""},
		"Failed":    {"the operation's own error is shown", `{"status":"Failed","error":{"code":"Broken","message":"it broke"}}`, "(Broken) it broke"},
		"Canceled":  {"without an error the status must do", `{"status":"Canceled"}`, "(OperationCanceled) the operation ended as Canceled"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var polls atomic.Int32
			hub, server := serve(t, nil)
			server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPut:
					w.Header().Set("Azure-AsyncOperation", server.URL+"/operation")
					w.WriteHeader(http.StatusCreated)
				case r.URL.Path == "/operation" && polls.Add(1) < 3:
					w.Header().Set("Retry-After", "0")
					fmt.Fprint(w, `{"status":"InProgress"}`)
				case r.URL.Path == "/operation":
					fmt.Fprint(w, c.end)
				default:
					fmt.Fprint(w, `{"name":"made"}`)
				}
			})
			var made struct{ Name string }
			err := hub.Put(t.Context(), "/x", "v", map[string]any{}, &made)
			if c.want == "" && (err != nil || made.Name != "made") || c.want != "" && (err == nil || err.Error() != c.want) {
				t.Errorf("%s: got %v, %v", c.reason, made, err)
			}
		})
	}
}

func TestUnreachableHubsAreToldApart(t *testing.T) {
	_, server := serve(t, func(http.ResponseWriter, *http.Request) {})
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	cases := map[string]struct {
		reason, url string
		obstacle    client.Obstacle
	}{
		"Refused":   {"nothing listens", strings.Replace(gone.URL, "http:", "https:", 1), client.ConnectionRefused},
		"Authority": {"the system does not know a hub's own authority", server.URL, client.UnknownAuthority},
		"Plain":     {"the port of another program", strings.Replace(plain.URL, "http:", "https:", 1), client.NotTLS},
	}
	connection, err := client.NewHTTP(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := (&client.Hub{URL: c.url, HTTP: connection}).Endpoints(t.Context())
			var lost *client.Unreachable
			if !errors.As(err, &lost) || lost.Obstacle != c.obstacle {
				t.Errorf("%s: got %v", c.reason, err)
			}
		})
	}
}

func TestFetchAuthorityWantsTheFingerprint(t *testing.T) {
	_, server := serve(t, func(http.ResponseWriter, *http.Request) {})
	right := client.Fingerprint(server.Certificate())
	found, err := client.FetchAuthority(t.Context(), server.URL, strings.ToUpper(right))
	if err != nil || string(found) != string(pemOf(server.Certificate())) {
		t.Errorf("the right fingerprint: %v", err)
	}
	wrong := "sha256:" + strings.Repeat("0", 64)
	if _, err := client.FetchAuthority(t.Context(), server.URL, wrong); fairlead.CodeOf(err) != "FingerprintMismatch" {
		t.Errorf("a wrong fingerprint: %v", err)
	}
	if _, err := client.FetchAuthority(t.Context(), server.URL, "sha256:12"); fairlead.KindOf(err) != fairlead.Invalid {
		t.Errorf("half a fingerprint: %v", err)
	}
}

func TestTokensAreKeptUntilTheyEnd(t *testing.T) {
	var asked atomic.Int32
	hub, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("client_secret") != "s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":"invalid_client","error_description":"wrong secret"}`)
			return
		}
		fmt.Fprintf(w, `{"access_token":"t%d","expires_in":3600}`, asked.Add(1))
	})
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	credentials := &client.Credentials{URL: hub.URL, TenantID: "t", ClientID: "c", Secret: "s3cret", HTTP: hub.HTTP, Now: func() time.Time { return now }}
	for i, want := range []string{"t1", "t1", "t2"} {
		if i == 2 {
			now = now.Add(56 * time.Minute)
		}
		if got, err := credentials.Token(t.Context()); err != nil || got != want {
			t.Errorf("call %d: got %q, %v, want %q", i, got, err, want)
		}
	}
	refused := &client.Credentials{URL: hub.URL, TenantID: "t", ClientID: "c", Secret: "wr0ng", HTTP: hub.HTTP, Now: time.Now}
	_, err := refused.Token(t.Context())
	if fairlead.CodeOf(err) != "invalid_client" || strings.Contains(err.Error(), "wr0ng") {
		t.Errorf("a wrong secret: %v", err)
	}
}

func TestARefusedTokenIsRenewedOnce(t *testing.T) {
	for reason, good := range map[string]string{"the kept token was from before the hub was set up anew": "new", "the new one is refused, too": "none"} {
		t.Run(reason, func(t *testing.T) {
			hub, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") != "Bearer "+good {
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			token, renewals := "kept", 0
			hub.Token = func(context.Context) (string, error) { return token, nil }
			hub.Renew = func() { token, renewals = "new", renewals+1 }
			err := hub.Get(t.Context(), "/x", "1", nil)
			if (err == nil) != (good == "new") || renewals != 1 {
				t.Errorf("%d renewals, then %v", renewals, err)
			}
		})
	}
}
