package agent_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

// hub is the data plane of a hub for one cluster, with real certificates and real proofs.
type hub struct {
	*httptest.Server
	t          *testing.T
	cluster    fairlead.ResourceID
	onboarding *rsa.PrivateKey
	key        *ecdsa.PrivateKey
	authority  *x509.Certificate
	tokens     tokens

	mu       sync.Mutex
	lifetime time.Duration
	issued   int
	beats    []fairlead.Heartbeat
	statuses []fairlead.ConfigurationStatus
	agents   []fairlead.AgentStatus
	spec     string
	more     []fairlead.Configuration
	reports  []fairlead.ExtensionReport
	fluxes   []fairlead.FluxReport
	events   []fairlead.ExtensionEvent
	logs     []fairlead.FluxLog
	down     bool
	skew     time.Duration
	warning  string
}

func newHub(t *testing.T, name string) *hub {
	t.Helper()
	onboarding, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	h := &hub{t: t, cluster: fairlead.ConnectedClusterID("0000", "shops", name), onboarding: onboarding, lifetime: 90 * 24 * time.Hour, spec: `{"location":"local"}`, tokens: newTokens(t.Fatal)}
	h.replaceAuthority()
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(h.serve))
	h.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	h.EnableHTTP2 = true
	h.StartTLS()
	t.Cleanup(h.Close)
	return h
}

func (h *hub) replaceAuthority() {
	h.mu.Lock()
	defer h.mu.Unlock()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clusters"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour * 24), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		h.t.Fatal(err)
	}
	h.key = key
	h.authority, err = x509.ParseCertificate(der)
	if err != nil {
		h.t.Fatal(err)
	}
}

// caPEM is what the chart is given as the hub's authority.
func (h *hub) caPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw})
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	h.mu.Lock()
	now := time.Now().Add(h.skew)
	down := h.down
	h.mu.Unlock()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	if down {
		h.refuse(w, fairlead.Errorf(fairlead.Forbidden, "This traffic is not authorized."))
		return
	}
	if h.publish(w, r) {
		return
	}
	operation := strings.TrimPrefix(r.URL.Path, fairlead.DataPlanePath(h.cluster, ""))
	if err := h.verify(r, body, operation, now); err != nil {
		h.refuse(w, err)
		return
	}
	h.answer(w, r, operation, body)
}

func (h *hub) refuse(w http.ResponseWriter, err error) {
	code := http.StatusUnauthorized
	if fairlead.KindOf(err) == fairlead.Forbidden {
		code = http.StatusForbidden
	}
	w.WriteHeader(code)
	h.write(w, map[string]any{"error": map[string]string{"code": fairlead.CodeOf(err), "message": err.Error()}})
}

func (h *hub) write(w io.Writer, v any) {
	if err := json.NewEncoder(w).Encode(v); err != nil {
		h.t.Log(err) // the caller has gone
	}
}

func (h *hub) verify(r *http.Request, body []byte, operation string, now time.Time) error {
	parsed, err := proof.Parse(r, now)
	if err != nil {
		return err
	}
	if operation == fairlead.OpCertificate {
		_, err = parsed.Verify(&h.onboarding.PublicKey, r, body)
		return err
	}
	h.mu.Lock()
	roots := x509.NewCertPool()
	roots.AddCert(h.authority)
	h.mu.Unlock()
	leaf, err := parsed.Chain(roots)
	if err != nil {
		return err
	}
	if len(r.TLS.PeerCertificates) > 0 && !leaf.Equal(r.TLS.PeerCertificates[0]) {
		return fairlead.Errorf(fairlead.Unauthenticated, "the connection is another certificate's")
	}
	_, err = parsed.Verify(leaf.PublicKey, r, body)
	return err
}

func (h *hub) answer(w http.ResponseWriter, r *http.Request, operation string, body []byte) {
	switch operation {
	case fairlead.OpCertificate:
		h.issue(w, body)
	case fairlead.OpHeartbeat:
		beat := decoded[fairlead.Heartbeat](h.t, body)
		h.mu.Lock()
		h.beats = append(h.beats, beat)
		warning := h.warning
		h.mu.Unlock()
		h.write(w, fairlead.HeartbeatResponse{IntervalSeconds: 1, Warning: warning})
	case fairlead.OpPendingConfigs:
		h.pending(w, r, decoded[fairlead.PendingQuery](h.t, body))
	case fairlead.OpConfigStatus:
		h.mu.Lock()
		h.statuses = append(h.statuses, decoded[[]fairlead.ConfigurationStatus](h.t, body)...)
		h.mu.Unlock()
	case fairlead.OpAgentStatus:
		h.mu.Lock()
		h.agents = append(h.agents, decoded[fairlead.AgentStatus](h.t, body))
		h.mu.Unlock()
	case fairlead.OpExtensionStatus:
		h.mu.Lock()
		h.reports = append(h.reports, decoded[[]fairlead.ExtensionReport](h.t, body)...)
		h.mu.Unlock()
	case fairlead.OpFluxStatus:
		h.mu.Lock()
		h.fluxes = append(h.fluxes, decoded[[]fairlead.FluxReport](h.t, body)...)
		h.mu.Unlock()
	case fairlead.OpFluxLogs:
		h.mu.Lock()
		h.logs = append(h.logs, decoded[[]fairlead.FluxLog](h.t, body)...)
		h.mu.Unlock()
	case fairlead.OpExtensionEvents:
		h.mu.Lock()
		h.events = append(h.events, decoded[[]fairlead.ExtensionEvent](h.t, body)...)
		h.mu.Unlock()
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func decoded[T any](t *testing.T, body []byte) T {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		t.Errorf("%T: %v", v, err)
	}
	return v
}

func (h *hub) issue(w http.ResponseWriter, body []byte) {
	request, err := x509.ParseCertificateRequest(decoded[fairlead.CertificateRequest](h.t, body).CSR)
	if err != nil || request.CheckSignature() != nil {
		h.refuse(w, errors.New("bad request"))
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.issued++
	uri, err := url.Parse("fairlead:" + h.cluster.Key())
	if err != nil {
		h.t.Error(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(int64(h.issued + 1)), Subject: pkix.Name{CommonName: "cluster"}, URIs: []*url.URL{uri},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(h.lifetime), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, h.authority, request.PublicKey, h.key)
	if err != nil {
		h.t.Error(err)
	}
	h.write(w, fairlead.CertificateResponse{
		Certificate: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), NotAfter: template.NotAfter,
		RenewAfter: time.Now().Add(h.lifetime / 2), PrincipalID: "principal", TenantID: "tenant",
	})
}

// pending answers at once or after a while; nothing here needs the wait to be long.
func (h *hub) pending(w http.ResponseWriter, r *http.Request, query fairlead.PendingQuery) {
	deadline := time.Now().Add(time.Duration(query.WaitSeconds) * time.Second)
	for {
		h.mu.Lock()
		all := append([]fairlead.Configuration{
			{APIVersion: "arc.azure.com/v1beta1", Kind: "ConnectedCluster", Name: "clustermetadata", Spec: json.RawMessage(h.spec)},
		}, h.more...)
		h.mu.Unlock()
		text, err := json.Marshal(all)
		if err != nil {
			h.t.Error(err)
		}
		if string(text) != query.ETag {
			h.write(w, fairlead.PendingConfigs{ETag: string(text), Configurations: all})
			return
		}
		if time.Now().After(deadline) {
			h.write(w, fairlead.PendingConfigs{ETag: string(text), Unchanged: true})
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// set changes the hub under its lock.
func (h *hub) set(change func(*hub)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
}

// eventually waits until what it asks of the hub is true.
func (h *hub) eventually(what string, within time.Duration, holds func(*hub) bool) {
	h.t.Helper()
	eventually(h.t, what, within, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return holds(h)
	})
}

// patience is how many times longer a test waits than whatever it waits for takes on a machine of its own: those that tests run on
// are shared. How long something takes is what make bench tells.
const patience = 3

func eventually(t *testing.T, what string, within time.Duration, holds func() bool) {
	t.Helper()
	started := time.Now()
	for !holds() {
		if time.Since(started) > patience*within {
			t.Fatalf("after %s still not: %s", patience*within, what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Logf("%s after %s", what, time.Since(started).Round(time.Millisecond))
}
