package relay_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

// clusterAudience is that of tokens which are bound to a key.
const clusterAudience = "6256c85f-0aad-4d50-b960-e6e9b21efe35"

// popKey is the key of a program that signs requests.
type popKey struct {
	private *rsa.PrivateKey
	id      string
}

func newPopKey(t testing.TB, bits int) popKey {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, bits)
	check(t, err)
	print, err := (&jose.JSONWebKey{Key: &private.PublicKey}).Thumbprint(crypto.SHA256)
	check(t, err)
	return popKey{private, base64.RawURLEncoding.EncodeToString(print)}
}

// pop signs a request as MSAL does.
func (k popKey) pop(t testing.TB, token string, changes map[string]any) string {
	t.Helper()
	public, err := (&jose.JSONWebKey{Key: &k.private.PublicKey}).MarshalJSON()
	check(t, err)
	payload := map[string]any{"at": token, "ts": time.Now().Unix(), "nonce": "n", "cnf": map[string]any{"jwk": json.RawMessage(public)}}
	maps.Copy(payload, changes)
	return "PoP " + sign(t, k.private, "pop", payload)
}

func (h *hub) bound(t testing.TB, to popKey, changes map[string]any) string {
	t.Helper()
	claims := map[string]any{"aud": clusterAudience, "cnf": map[string]any{"kid": to.id, "xms_ksl": "sw"}}
	maps.Copy(claims, changes)
	return h.tokenWith(t, claims)
}

// relayToken asks for the token that Azure's clients show to the relay.
func (c *cluster) relayToken(t testing.TB, method string) string {
	t.Helper()
	return c.credential(t, method).Connection.Token
}

type credential struct {
	Connection struct {
		Relay                string
		HybridConnectionName string
		Token                string
		ExpirationTime       int64
		RelayTid, RelayType  string
	} `json:"hybridConnectionConfig"`
	Kubeconfigs []struct{ Name, Value string }
}

func (c *cluster) credential(t testing.TB, method string) credential {
	t.Helper()
	stored, err := c.hub.db.GetResource(t.Context(), c.id.Key())
	check(t, err)
	made, err := c.hub.Credential(c.hub.asAnna(t.Context()), stored, []byte(`{"authenticationMethod":"`+method+`","clientProxy":true}`))
	check(t, err)
	text, err := json.Marshal(made)
	check(t, err)
	var found credential
	check(t, json.Unmarshal(text, &found))
	return found
}

func (h *hub) asAnna(ctx context.Context) context.Context {
	return access.WithPrincipal(ctx, access.Principal{ObjectID: userID, UserName: userName, TenantID: tenant})
}

func TestCallersAreIdentified(t *testing.T) {
	c, far := standing(t)
	other := c.hub.connect(t, "edge-2")
	other.allow(t)
	key, stranger, small := newPopKey(t, 2048), newPopKey(t, 2048), newPopKey(t, 1024)
	bound := c.hub.bound(t, key, nil)
	path := strings.TrimPrefix(c.url("/api"), c.hub.front.URL)
	host := strings.TrimPrefix(c.hub.front.URL, "https://")
	said, _ := far.newest()
	statement := c.hub.forge(t, caller.TokenType, map[string]any{
		"iss": c.hub.tokens.Issuer(), "aud": []string{c.id.Key(), c.hub.front.URL}, "sub": said.Subject, "oid": userID, "tid": tenant, "exp": time.Now().Add(time.Hour).Unix(),
	})
	relayed := func(changes map[string]any) string {
		claims := map[string]any{"iss": c.hub.tokens.Issuer(), "aud": c.id.Key(), "sub": userID, "mode": "aad", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()}
		maps.Copy(claims, changes)
		return c.hub.forge(t, "fairlead-relay+jwt", claims)
	}
	const ours, theirs, wrong = "Authorization", "ServiceBusAuthorization", http.StatusUnauthorized
	cases := map[string]struct {
		reason string
		header map[string]string
		want   int
	}{
		"Bearer":            {"a token of the hub", map[string]string{ours: "Bearer " + c.hub.bearer(t)}, 200},
		"Nothing":           {"nobody is nobody", nil, wrong},
		"Basic":             {"passwords are for signing in", map[string]string{ours: "Basic YTpi"}, wrong},
		"Garbage":           {"no token", map[string]string{ours: "Bearer x.y.z"}, wrong},
		"Huge":              {"input is bounded", map[string]string{ours: "Bearer " + strings.Repeat("x", 40<<10)}, wrong},
		"Expired":           {"tokens end", map[string]string{ours: "Bearer " + c.hub.tokenWith(t, map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()})}, wrong},
		"NoSuchPrincipal":   {"somebody who is gone", map[string]string{ours: "Bearer " + c.hub.tokenWith(t, map[string]any{"oid": tenant})}, wrong},
		"Statement":         {"what the hub says of a caller is no token of the caller's", map[string]string{ours: "Bearer " + statement}, wrong},
		"BoundAsBearer":     {"a token that is bound to a key does nothing without it", map[string]string{ours: "Bearer " + bound}, wrong},
		"PoP":               {"a signed request", map[string]string{ours: key.pop(t, bound, nil)}, 200},
		"PoPForThis":        {"one that names method, host and path", map[string]string{ours: key.pop(t, bound, map[string]any{"m": "GET", "u": host, "p": path})}, 200},
		"PoPForTheCluster":  {"kubelogin names the cluster as the host", map[string]string{ours: key.pop(t, bound, map[string]any{"u": strings.ToLower(c.id.String())})}, 200},
		"PoPTimeAsText":     {"some write the time as a text", map[string]string{ours: key.pop(t, bound, map[string]any{"ts": time.Now().Format("")})}, wrong},
		"PoPOtherKey":       {"signed by somebody who has the token only", map[string]string{ours: stranger.pop(t, bound, nil)}, wrong},
		"PoPSmallKey":       {"keys have a least size", map[string]string{ours: small.pop(t, c.hub.bound(t, small, nil), nil)}, wrong},
		"PoPUnbound":        {"a token that is bound to nothing", map[string]string{ours: key.pop(t, c.hub.tokenWith(t, map[string]any{"aud": clusterAudience}), nil)}, wrong},
		"PoPForTheHub":      {"a bound token for the hub is not for clusters", map[string]string{ours: key.pop(t, c.hub.bound(t, key, map[string]any{"aud": c.hub.front.URL}), nil)}, wrong},
		"PoPOld":            {"signed too long ago", map[string]string{ours: key.pop(t, bound, map[string]any{"ts": time.Now().Add(-6 * time.Minute).Unix()})}, wrong},
		"PoPEarly":          {"signed in the future", map[string]string{ours: key.pop(t, bound, map[string]any{"ts": time.Now().Add(6 * time.Minute).Unix()})}, wrong},
		"PoPTimeless":       {"signed at no time", map[string]string{ours: key.pop(t, bound, map[string]any{"ts": nil})}, wrong},
		"PoPOtherMethod":    {"signed for another method", map[string]string{ours: key.pop(t, bound, map[string]any{"m": "POST"})}, wrong},
		"PoPOtherPath":      {"signed for another path", map[string]string{ours: key.pop(t, bound, map[string]any{"p": path + "s"})}, wrong},
		"PoPOtherCluster":   {"signed for another cluster", map[string]string{ours: key.pop(t, bound, map[string]any{"u": other.id.String()})}, wrong},
		"PoPExpiredToken":   {"the token in it ends", map[string]string{ours: key.pop(t, c.hub.bound(t, key, map[string]any{"exp": time.Now().Add(-2 * time.Minute).Unix()}), nil)}, wrong},
		"PoPPlainJWT":       {"a JWT is no signed request", map[string]string{ours: "PoP " + c.hub.bearer(t)}, wrong},
		"Relay":             {"Azure's header", map[string]string{theirs: c.relayToken(t, "AAD")}, 200},
		"RelayAndBearer":    {"both, of one caller", map[string]string{theirs: c.relayToken(t, "AAD"), ours: "Bearer " + c.hub.bearer(t)}, 200},
		"RelayAndPoP":       {"as az sends them", map[string]string{theirs: c.relayToken(t, "AAD"), ours: key.pop(t, bound, nil)}, 200},
		"RelayAndGarbage":   {"what comes with it counts", map[string]string{theirs: c.relayToken(t, "AAD"), ours: "Bearer x"}, wrong},
		"RelayAndOther":     {"two callers are none", map[string]string{theirs: c.relayToken(t, "AAD"), ours: "Bearer " + c.hub.tokenWith(t, map[string]any{"oid": groupID})}, wrong},
		"RelayOtherCluster": {"a token for another cluster", map[string]string{theirs: other.relayToken(t, "AAD")}, wrong},
		"RelayExpired":      {"it ends", map[string]string{theirs: relayed(map[string]any{"exp": time.Now().Unix() - 1})}, wrong},
		"RelayEarly":        {"and begins", map[string]string{theirs: relayed(map[string]any{"iat": time.Now().Add(time.Hour).Unix()})}, wrong},
		"RelayOtherHub":     {"a token of another hub", map[string]string{theirs: relayed(map[string]any{"iss": "https://other"})}, wrong},
		"RelayNoMode":       {"there are two modes", map[string]string{theirs: relayed(map[string]any{"mode": "root"})}, wrong},
		"RelayNobody":       {"somebody must be named", map[string]string{theirs: relayed(map[string]any{"sub": ""})}, wrong},
		"RelayAsBearer":     {"it is no access token", map[string]string{ours: "Bearer " + relayed(map[string]any{"aud": c.hub.front.URL, "oid": userID, "tid": tenant})}, wrong},
		"BearerAsRelay":     {"and the other way", map[string]string{theirs: c.hub.bearer(t)}, wrong},
		"StatementAsRelay":  {"a statement is neither", map[string]string{theirs: c.hub.forge(t, caller.TokenType, map[string]any{"iss": c.hub.tokens.Issuer(), "aud": c.id.Key(), "sub": userID, "mode": "aad", "exp": time.Now().Add(time.Hour).Unix()})}, wrong},
		"TokenWithout":      {"in mode Token there must be one", map[string]string{theirs: c.relayToken(t, "Token")}, wrong},
		"Token":             {"the cluster's own token", map[string]string{theirs: c.relayToken(t, "Token"), ours: "Bearer of-the-cluster"}, 200},
	}
	for name, each := range cases {
		t.Run(name, func(t *testing.T) {
			for range 2 { // the second time from memory
				answer, text := c.askWith(t, each.header)
				if answer.StatusCode != each.want {
					t.Fatalf("%s: %d %s", each.reason, answer.StatusCode, short(text))
				}
				if each.want == wrong {
					c.refusedAs(t, answer, text)
				} else if passed := read(t, text).Header.Get("Authorization"); passed != "" && each.header[theirs] == "" || strings.Contains(text, "Servicebus") {
					t.Errorf("%s: credentials got through: %s", each.reason, short(text))
				}
			}
		})
	}
}

func (c *cluster) askWith(t testing.TB, headers map[string]string) (replied, string) {
	t.Helper()
	return c.ask(t, http.MethodGet, "/api", func(r *http.Request) {
		r.Header.Del("Authorization")
		for name, value := range headers {
			r.Header.Set(name, value)
		}
	})
}

func (c *cluster) refusedAs(t testing.TB, answer replied, text string) {
	t.Helper()
	if _, reason, _ := status(t, text); reason != "Unauthorized" || !strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Bearer") {
		t.Errorf("%s %v", short(text), answer.Header)
	}
}

func TestModeTokenPassesTheOwnTokenOn(t *testing.T) {
	c, far := standing(t)
	answer, text := c.ask(t, http.MethodGet, "/api", header("ServiceBusAuthorization", c.relayToken(t, "Token")), header("Authorization", "Bearer of-the-cluster"))
	got := read(t, text)
	if answer.StatusCode != http.StatusOK || got.Header.Get("Authorization") != "Bearer of-the-cluster" || got.Header.Get("Servicebusauthorization") != "" {
		t.Errorf("%d %s", answer.StatusCode, short(text))
	}
	far.mu.Lock()
	defer far.mu.Unlock()
	if said := far.stated[got.Header.Get(caller.Header)]; said.Mode != caller.Token || said.Subject != userID {
		t.Errorf("%+v", said)
	}
}

// What is remembered of a token is its signature, not that its principal may still use it.
func TestPrincipalsEndAtOnce(t *testing.T) {
	ends := map[string]func(*hub) error{
		"Disabled": func(h *hub) error {
			_, err := h.db.ChangePrincipal(context.Background(), userID, func(p *store.Principal) error { p.Disabled = true; return nil }, nil, time.Time{})
			return err
		},
		"Deleted": func(h *hub) error { return h.db.DeletePrincipal(context.Background(), userID) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			c, _ := standing(t)
			key := newPopKey(t, 2048)
			headers := []func(*http.Request){
				header("Authorization", "Bearer "+c.hub.bearer(t)), header("Authorization", key.pop(t, c.hub.bound(t, key, nil), nil)),
				func(r *http.Request) {
					r.Header.Del("Authorization")
					r.Header.Set("ServiceBusAuthorization", c.relayToken(t, "AAD"))
				},
			}
			for _, want := range []int{http.StatusOK, http.StatusUnauthorized} {
				for i, each := range headers {
					if answer, text := c.ask(t, http.MethodGet, "/api", each); answer.StatusCode != want {
						t.Errorf("%d: %d %s", i, answer.StatusCode, short(text))
					}
				}
				if want == http.StatusOK {
					check(t, end(c.hub))
				}
			}
		})
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	h := newHub(t)
	c := h.connect(t, "edge-1")
	answer, text := c.ask(t, http.MethodGet, "/api")
	message, reason, _ := status(t, text)
	for _, part := range []string{userName, userID, "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential/action", c.id.String(), "fairlead role assignment create --assignee " + userID} {
		if !strings.Contains(message, part) {
			t.Errorf("%q lacks %q", message, part)
		}
	}
	if answer.StatusCode != http.StatusForbidden || reason != "Forbidden" {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if request, ending := h.audit.last(t); ending.Status != http.StatusForbidden || request.Path != "/api" || request.Caller.ObjectID != userID {
		t.Errorf("audit: %+v %+v", request, ending)
	}
	check(t, h.access.Assign(t.Context(), userID, access.Owner, "/subscriptions/"+c.id.Subscription))
	answer, text = c.ask(t, http.MethodGet, "/api")
	message, _, causes := status(t, text)
	if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") != "" || !strings.Contains(causes, "NextStep") ||
		message != "Cannot connect to the hybrid connection because no agent is connected in the target arc resource." {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	other := *c
	other.id.Names = []string{"edge-9"}
	if answer, text := other.ask(t, http.MethodGet, "/api"); answer.StatusCode != http.StatusNotFound {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	answer, text = c.ask(t, http.MethodGet, "/api", header("Impersonate-User", "system:admin"))
	if message, _, _ := status(t, text); answer.StatusCode != http.StatusForbidden || !strings.Contains(message, "impersonation") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}
