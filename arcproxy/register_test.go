package arcproxy

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

const hubKubeconfig = `{"apiVersion":"v1","kind":"Config","current-context":"c","clusters":[{"name":"k","cluster":{"server":"SERVER"}}],
"users":[{"name":"u","user":{"token":"TOKEN"}}],"contexts":[{"name":"c","context":{"cluster":"k","user":"u"}}]}`

func body(server, kubeconfig string) []byte {
	text := strings.ReplaceAll(kubeconfig, "SERVER", server)
	return []byte(`{"kubeconfigs":[{"name":"Kubeconfig","value":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"}],"hybridConnectionConfig":{"relay":"r","hybridConnectionName":"n","token":"t","expirationTime":1795294297}}`)
}

func TestRegistrationsThatAreOfNoUse(t *testing.T) {
	cases := map[string]struct {
		reason string
		given  []byte
		want   string
	}{
		"Good":      {"as the hub answers", body("https://hub/kubernetes/x", hubKubeconfig), ""},
		"NoJSON":    {"not JSON", []byte("{"), "JSON"},
		"NoBase64":  {"not base64", []byte(`{"kubeconfigs":[{"value":"%"}],"hybridConnectionConfig":{"token":"t"}}`), "JSON"},
		"None":      {"no kubeconfig", []byte(`{"hybridConnectionConfig":{"token":"t"}}`), "no kubeconfig"},
		"NoToken":   {"no token", []byte(`{"kubeconfigs":[{"value":"YQ=="}]}`), "no token"},
		"Plain":     {"the hub's token must not be sent in the clear", body("http://hub/x", hubKubeconfig), "https"},
		"NoServer":  {"nowhere to go", body("", hubKubeconfig), "https"},
		"NoContext": {"an empty kubeconfig", body("", "{}"), "no current context"},
		"Garbage":   {"no kubeconfig at all", body("", "["), "cannot be read"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := parseRegistration(c.given)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v", c.reason, err)
			}
		})
	}
}

func FuzzRegistration(f *testing.F) {
	f.Add(body("https://hub/kubernetes/x", hubKubeconfig))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, given []byte) {
		found, err := parseRegistration(given)
		if err != nil {
			return
		}
		if found.server.Scheme != "https" || found.server.Host == "" || found.relayToken == "" {
			t.Errorf("accepted: %+v", found)
		}
		if _, err := found.kubeconfig(Port, Access{Path: "/x", Token: "local"}); err != nil {
			t.Errorf("it cannot be answered: %v", err)
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte("server: {httpPort: 47010, httpsPort: 47011}"))
	f.Fuzz(func(t *testing.T, given []byte) {
		if config, err := parseConfig(given); err == nil && (config.Server.HTTPPort < 1 || config.Server.HTTPSPort > 65535) {
			t.Errorf("accepted: %+v", config)
		}
	})
}

func TestAKeyIsReplaced(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	s := &signer{now: func() time.Time { return now }}
	before, err := s.keyID()
	if err != nil || !s.bind(before, "token") {
		t.Fatal(err)
	}
	signed, err := s.sign("hub")
	if again, _ := s.sign("hub"); err != nil || signed == "" || again != signed {
		t.Errorf("signed anew, %v", err)
	}
	now = now.Add(popFresh)
	if again, err := s.sign("hub"); err != nil || again == signed {
		t.Errorf("an old signature is used, %v", err)
	}
	now = now.Add(popLife)
	after, err := s.keyID()
	if err != nil || after == before || s.bind(before, "next") {
		t.Errorf("key %s after %s, %v", after, before, err)
	}
	// Until az brings a token for the new key the old one serves.
	var said struct {
		Token string `json:"at"`
	}
	signed, err = s.sign("hub")
	payload, failed := base64.RawURLEncoding.DecodeString(strings.Split(signed, ".")[1])
	if err != nil || failed != nil || json.Unmarshal(payload, &said) != nil || said.Token != "token" {
		t.Errorf("%s, %v", payload, err)
	}
}
