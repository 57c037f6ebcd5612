package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const (
	ana    = "9e500000-0000-4000-8000-000000000001"
	myself = "/v1.0/users/" + ana + "/getMemberObjects"
)

// directory answers getMemberObjects of ana with 1,000 groups in pages of 300, and counts what else it is asked.
func directory(t *testing.T, tampered func(w http.ResponseWriter, r *http.Request) bool) (*client.Hub, *atomic.Int64) {
	t.Helper()
	var strays atomic.Int64
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tampered != nil && tampered(w, r) {
			return
		}
		if r.Method != http.MethodPost || !strings.EqualFold(r.URL.Path, myself) || r.Header.Get("Authorization") != "Bearer token" {
			strays.Add(1)
			http.NotFound(w, r)
			return
		}
		var from int
		_, _ = fmt.Sscan(r.URL.Query().Get("$skiptoken"), &from)
		page := map[string]any{"value": []string{}}
		for i := from; i < min(from+300, 1000); i++ {
			page["value"] = append(page["value"].([]string), fmt.Sprintf("group-%d", i))
		}
		if from+300 < 1000 {
			page["@odata.nextLink"] = fmt.Sprintf("https://%s%s?$skiptoken=%d", r.Host, strings.ToLower(r.URL.Path), from+300)
		}
		_ = json.NewEncoder(w).Encode(page)
	}))
	t.Cleanup(server.Close)
	return authorized(server), &strays
}

func referring(endpoint string) client.GroupClaims {
	return client.GroupClaims{
		ObjectID: ana, ClaimNames: map[string]string{"groups": "src1"},
		ClaimSources: map[string]client.ClaimSource{"src1": {Endpoint: endpoint}},
	}
}

func TestGroupsOfAToken(t *testing.T) {
	hub, strays := directory(t, nil)
	few, err := hub.Groups(t.Context(), client.GroupClaims{ObjectID: ana, Groups: []string{"a", "b"}})
	if err != nil || len(few) != 2 {
		t.Errorf("%v, %v", few, err)
	}
	if none, err := hub.Groups(t.Context(), client.GroupClaims{ObjectID: ana}); err != nil || len(none) > 0 {
		t.Errorf("%v, %v", none, err)
	}
	all, err := hub.Groups(t.Context(), referring(hub.URL+myself))
	if err != nil || len(all) != 1000 || all[999] != "group-999" || strays.Load() > 0 {
		t.Errorf("%d groups, %v, %d other requests", len(all), err, strays.Load())
	}
}

// A reference to elsewhere is not followed, so that no token of ours goes there and no group comes from there.
func TestForeignSourcesAreNotAsked(t *testing.T) {
	foreign := 0
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		foreign++
		_, _ = w.Write([]byte(`{"value":["admins"]}`))
	}))
	defer other.Close()
	hub, strays := directory(t, nil)
	host := strings.TrimPrefix(hub.URL, "https://")
	for name, endpoint := range map[string]string{
		"OtherHost":      other.URL + myself,
		"OtherScheme":    "http://" + host + myself,
		"UserInfo":       "https://" + host + "@" + strings.TrimPrefix(other.URL, "https://") + myself,
		"OwnUserInfo":    "https://x@" + host + myself,
		"LongerHost":     hub.URL + ".evil.example" + myself,
		"OtherPath":      hub.URL + "/v1.0/groups",
		"OtherPrincipal": hub.URL + "/v1.0/users/other/getMemberObjects",
		"Dots":           hub.URL + "/v1.0/users/other/../" + ana + "/getMemberObjects",
		"EncodedSlash":   hub.URL + "/v1.0/users%2F" + ana + "/getMemberObjects",
		"NoHost":         myself,
		"Nothing":        "",
		"NotAURL":        "https://%zz",
	} {
		if found, err := hub.Groups(t.Context(), referring(endpoint)); fairlead.KindOf(err) != fairlead.Forbidden || found != nil {
			t.Errorf("%s: %v, %v", name, found, err)
		}
	}
	without := referring(hub.URL + "/v1.0/users//getMemberObjects")
	without.ObjectID = ""
	if _, err := hub.Groups(t.Context(), without); fairlead.KindOf(err) != fairlead.Forbidden {
		t.Errorf("without an object id: %v", err)
	}
	if foreign > 0 || strays.Load() > 0 {
		t.Errorf("%d requests to another host, %d to other paths", foreign, strays.Load())
	}
}

func TestAnswersThatLeadAwayAreRefused(t *testing.T) {
	foreign := 0
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		foreign++
		_, _ = w.Write([]byte(`{"value":["admins"]}`))
	}))
	defer other.Close()
	for name, tampered := range map[string]func(w http.ResponseWriter, r *http.Request) bool{
		"Redirect": func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, other.URL+myself, http.StatusTemporaryRedirect)
			return true
		},
		"NextLink": func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write([]byte(`{"value":["a"],"@odata.nextLink":"` + other.URL + myself + `"}`))
			return true
		},
		"EndlessPages": func(w http.ResponseWriter, r *http.Request) bool {
			page := map[string]any{"value": make([]string, 50_000), "@odata.nextLink": "https://" + r.Host + myself}
			_ = json.NewEncoder(w).Encode(page)
			return true
		},
	} {
		hub, _ := directory(t, tampered)
		if found, err := hub.Groups(t.Context(), referring(hub.URL+myself)); err == nil || found != nil {
			t.Errorf("%s: %d groups, %v", name, len(found), err)
		}
	}
	if foreign > 0 {
		t.Errorf("%d requests to another host", foreign)
	}
}

// Whatever endpoint a token names, no request goes to another host.
func FuzzSource(f *testing.F) {
	for _, seed := range []string{"https://hub.example.org" + myself, "//evil.example" + myself, `https:\\evil.example`, "https://hub.example.org@evil.example" + myself} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, endpoint string) {
		hub := &client.Hub{URL: "https://hub.example.org", HTTP: &http.Client{Transport: watched(func(r *http.Request) {
			if r.URL.Host != "hub.example.org" || r.URL.Scheme != "https" || !strings.EqualFold(r.URL.Path, myself) {
				t.Errorf("%q led to %s", endpoint, r.URL)
			}
		})}}
		_, _ = hub.Groups(t.Context(), referring(endpoint))
	})
}

type watched func(*http.Request)

func (w watched) RoundTrip(r *http.Request) (*http.Response, error) {
	w(r)
	recorder := httptest.NewRecorder()
	_, _ = recorder.WriteString(`{"value":[]}`)
	return recorder.Result(), nil
}

func authorized(server *httptest.Server) *client.Hub {
	address, _ := url.Parse(server.URL)
	return &client.Hub{
		URL: "https://" + address.Host, HTTP: server.Client(),
		Token: func(context.Context) (string, error) { return "token", nil },
	}
}
