package arcproxy_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead/arcproxy"
	"github.com/fairlead/fairlead/internal/freeport"
)

// az does by hand what the az client does with the program.
type az struct {
	t           *testing.T
	http, https int
	client      *http.Client
}

func runProgram(t *testing.T) *az {
	t.Helper()
	a := &az{t: t, http: freeport.Of(t), https: freeport.Of(t)}
	config := filepath.Join(t.TempDir(), "config.yml")
	text := fmt.Sprintf("cloud: FAIRLEAD\ncloudConfig: {serviceBusEndpointSuffix: relay.hub.example.org}\nidentity: {tenantID: t}\nserver: {httpPort: %d, httpsPort: %d}\n", a.http, a.https)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	read, err := arcproxy.ReadConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	program := &arcproxy.Program{Config: read, Now: time.Now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- program.Run(ctx) }()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	a.client = &http.Client{Transport: transport}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	return a
}

// call tries until the program listens, as az does.
func (a *az) call(method, url string, body any, change ...func(*http.Request)) (int, string) {
	a.t.Helper()
	content, err := json.Marshal(body)
	if err != nil {
		a.t.Fatal(err)
	}
	for tries := range 100 {
		request, err := http.NewRequestWithContext(a.t.Context(), method, url, bytes.NewReader(content))
		if err != nil {
			a.t.Fatal(err)
		}
		for _, one := range change {
			one(request)
		}
		answer, err := a.client.Do(request)
		if err != nil && tries < 99 {
			<-time.After(50 * time.Millisecond)
			continue
		}
		if err != nil {
			a.t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			a.t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	return 0, ""
}

func (a *az) secure(path string) string { return fmt.Sprintf("https://localhost:%d%s", a.https, path) }

func (a *az) keyID() string {
	a.t.Helper()
	code, text := a.call(http.MethodGet, a.secure("/identity/poppublickey"), struct{}{})
	var got struct {
		PublicKey struct {
			KeyID string `json:"kid"`
		} `json:"publicKey"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK || got.PublicKey.KeyID == "" {
		a.t.Fatalf("%d %s, %v", code, text, err)
	}
	return got.PublicKey.KeyID
}

func (a *az) bring(token, keyID string) (int, string) {
	a.t.Helper()
	return a.call(http.MethodPost, a.secure("/identity/at"), map[string]string{"accessToken": token, "serverId": "6256c85f-0aad-4d50-b960-e6e9b21efe35", "tenantID": "t", "kid": keyID})
}

func (a *az) registerURL() string {
	return fmt.Sprintf("http://localhost:%d%s/register?api-version=2020-10-01", a.http, edge())
}

// register hands over what the hub has answered, and returns the kubeconfig.
func (a *az) register(hub *httptest.Server, relayToken, clusterToken string, life time.Duration) []byte {
	a.t.Helper()
	code, text := a.call(http.MethodPost, a.registerURL(), registration(a.t, hub, relayToken, clusterToken, life))
	var got struct {
		Kubeconfigs []struct {
			Value []byte `json:"value"`
		} `json:"kubeconfigs"`
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK || len(got.Kubeconfigs) != 1 {
		a.t.Fatalf("%d %s, %v", code, text, err)
	}
	return got.Kubeconfigs[0].Value
}

func registration(t *testing.T, hub *httptest.Server, relayToken, clusterToken string, life time.Duration) map[string]any {
	t.Helper()
	config := clientcmdapi.NewConfig()
	config.CurrentContext = "edge-1"
	config.Contexts["edge-1"] = &clientcmdapi.Context{Cluster: "edge-1", AuthInfo: "clusterUser_shops_edge-1"}
	config.Clusters["edge-1"] = &clientcmdapi.Cluster{
		Server: hub.URL + "/kubernetes" + edge().String(), CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hub.Certificate().Raw}),
	}
	config.AuthInfos["clusterUser_shops_edge-1"] = &clientcmdapi.AuthInfo{Token: clusterToken}
	content, err := clientcmd.Write(*config)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"kubeconfigs": []map[string]string{{"name": "Kubeconfig", "value": base64.StdEncoding.EncodeToString(content)}},
		"hybridConnectionConfig": map[string]any{
			"relay": hub.URL, "hybridConnectionName": edge().String(), "token": relayToken, "expirationTime": time.Now().Add(life).Unix(),
		},
	}
}

func kubectl(t *testing.T, kubeconfig []byte) (int, string) {
	t.Helper()
	settings, err := clientcmd.RESTConfigFromKubeConfig(kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	carrier, err := rest.HTTPClientFor(settings)
	if err != nil {
		t.Fatal(err)
	}
	defer carrier.CloseIdleConnections()
	answer, err := carrier.Get(settings.Host + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(content)
}

// relayHub answers with what it was asked with.
func relayHub(t *testing.T) *httptest.Server {
	return hub(t, func(w http.ResponseWriter, r *http.Request) {
		scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if scheme == "PoP" {
			text = proven(text, r.Host)
		}
		_, _ = fmt.Fprint(w, strings.TrimPrefix(r.URL.Path, "/kubernetes"+edge().String()), "|", r.Header.Get(arcproxy.RelayHeader), "|", scheme, " ", text)
	})
}

// proven verifies a signed request as the hub does, and returns the token in it and the id of the key.
func proven(text, host string) string {
	parsed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return err.Error()
	}
	var said struct {
		Token   string `json:"at"`
		At      int64  `json:"ts"`
		Host    string `json:"u"`
		Confirm struct {
			Key jose.JSONWebKey `json:"jwk"`
		} `json:"cnf"`
	}
	if err := json.Unmarshal(parsed.UnsafePayloadWithoutVerification(), &said); err != nil {
		return err.Error()
	}
	if _, err := parsed.Verify(said.Confirm.Key); err != nil || said.Host != host || time.Since(time.Unix(said.At, 0)) > time.Minute || parsed.Signatures[0].Protected.ExtraHeaders["typ"] != "pop" {
		return fmt.Sprintf("not proven: %v %+v", err, said)
	}
	print, err := said.Confirm.Key.Thumbprint(crypto.SHA256)
	if err != nil {
		return err.Error()
	}
	return said.Token + " by " + base64.RawURLEncoding.EncodeToString(print)
}

func TestAzSignsInAndKubectlPasses(t *testing.T) {
	a, hub := runProgram(t), relayHub(t)
	id := a.keyID()
	if code, text := a.bring("token", "another"); code != http.StatusInternalServerError || !strings.Contains(text, "public key expired") {
		t.Errorf("a token for another key: %d %s", code, text)
	}
	if code, text := a.bring("token", id); code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	kubeconfig := a.register(hub, "relay-1", "", time.Hour)
	if want := fmt.Sprintf("https://127.0.0.1:%d/%s", a.https, arcproxy.Hash(edge())); !strings.Contains(string(kubeconfig), "server: "+want+"\n") || !strings.Contains(string(kubeconfig), "current-context: edge-1") {
		t.Errorf("the kubeconfig is %s", kubeconfig)
	}
	if code, got := kubectl(t, kubeconfig); code != http.StatusOK || got != "/version|relay-1|PoP token by "+id {
		t.Errorf("%d %s", code, got)
	}
	// az renews both in time, and does not write the kubeconfig again.
	a.register(hub, "relay-2", "", time.Hour)
	if code, text := a.bring("next", a.keyID()); code != http.StatusOK {
		t.Fatalf("%d %s", code, text)
	}
	if code, got := kubectl(t, kubeconfig); code != http.StatusOK || got != "/version|relay-2|PoP next by "+id {
		t.Errorf("after the renewal: %d %s", code, got)
	}
	a.register(hub, "relay-3", "", -time.Second)
	if code, got := kubectl(t, kubeconfig); code != http.StatusServiceUnavailable || !strings.Contains(got, "start az connectedk8s proxy again") {
		t.Errorf("without a renewal: %d %s", code, got)
	}
}

func TestAzBringsATokenOfTheClusters(t *testing.T) {
	a, hub := runProgram(t), relayHub(t)
	kubeconfig := a.register(hub, "relay-1", "sa-token", time.Hour)
	if strings.Contains(string(kubeconfig), "sa-token") {
		t.Errorf("the kubeconfig holds the token: %s", kubeconfig)
	}
	if code, got := kubectl(t, kubeconfig); code != http.StatusOK || got != "/version|relay-1|Bearer sa-token" {
		t.Errorf("%d %s", code, got)
	}
}

func TestWhoMayTellTheProgramAnything(t *testing.T) {
	a, hub := runProgram(t), relayHub(t)
	cases := map[string]struct {
		reason, method, path string
		body                 any
		change               func(*http.Request)
		code                 int
	}{
		"Page":      {"a page in a browser", http.MethodPost, a.registerURL(), registration(t, hub, "r", "", time.Hour), func(r *http.Request) { r.Header.Set("Origin", "https://evil.example.org") }, http.StatusForbidden},
		"Rebinding": {"a name that leads to this machine", http.MethodPost, a.registerURL(), registration(t, hub, "r", "", time.Hour), func(r *http.Request) { r.Host = "evil.example.org" }, http.StatusForbidden},
		"Identity":  {"the same on the other port", http.MethodPost, a.secure("/identity/at"), map[string]string{}, func(r *http.Request) { r.Host = "evil.example.org:1" }, http.StatusForbidden},
		"NoBody":    {"nothing of use", http.MethodPost, a.registerURL(), map[string]string{}, nil, http.StatusBadRequest},
		"NoToken":   {"no token", http.MethodPost, a.secure("/identity/at"), map[string]string{}, nil, http.StatusBadRequest},
		"Get":       {"another method", http.MethodGet, a.registerURL(), nil, nil, http.StatusNotFound},
		"NoCluster": {"another path", http.MethodPost, fmt.Sprintf("http://localhost:%d/register", a.http), map[string]string{}, nil, http.StatusNotFound},
		"Unknown":   {"kubectl without a kubeconfig", http.MethodGet, a.secure("/version"), nil, nil, http.StatusNotFound},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			change := c.change
			if change == nil {
				change = func(*http.Request) {}
			}
			if code, text := a.call(c.method, c.path, c.body, change); code != c.code {
				t.Errorf("%s: %d %s", c.reason, code, text)
			}
		})
	}
}

func TestTheConfiguration(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		good bool
	}{"Empty": {"", true}, "NoYAML": {"{", false}, "NoPort": {"server: {httpPort: 0}", false}, "HighPort": {"server: {httpsPort: 70000}", false}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "config.yml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := arcproxy.ReadConfig(path); (err == nil) != c.good {
				t.Errorf("%q: %v", c.text, err)
			}
		})
	}
}
