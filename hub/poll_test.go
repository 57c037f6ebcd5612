package hub_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/proof"
)

// cluster is a connected cluster with an identity, as its agents are.
type cluster struct {
	*running

	id         fairlead.ResourceID
	onboarding *rsa.PrivateKey
	signer     proof.Signer
	trust      *fairlead.HubTrust // what came with the last certificate
}

// connect makes a connected cluster and obtains its certificate.
func connect(t *testing.T, on *running, bearer string) *cluster {
	t.Helper()
	return connectAs(t, on, bearer, "edge-1")
}

func connectAs(t *testing.T, on *running, bearer, name string) *cluster {
	t.Helper()
	onboarding, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{running: on, onboarding: onboarding, id: fairlead.ConnectedClusterID(subscription(t, on, bearer), "default", name)}
	body := fmt.Sprintf(`{"location":"local","identity":{"type":"SystemAssigned"},"properties":{"agentPublicKeyCertificate":%q}}`,
		base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&onboarding.PublicKey)))
	if status, document := on.do(t, http.MethodPut, c.id.String()+"?api-version=2024-01-01", bearer, body); status != http.StatusCreated && status != http.StatusOK {
		t.Fatalf("register: %d %v", status, document)
	}
	c.signer = proof.Signer{Key: onboarding, Now: time.Now}
	c.enrol(t)
	return c
}

func subscription(t *testing.T, on *running, bearer string) string {
	t.Helper()
	_, list := on.do(t, http.MethodGet, "/subscriptions?api-version=2022-12-01", bearer, "")
	found, _ := list["value"].([]any)
	if len(found) != 1 {
		t.Fatalf("subscriptions %v", list)
	}
	only, _ := found[0].(map[string]any)
	id, _ := only["subscriptionId"].(string)
	return id
}

func (c *cluster) enrol(t *testing.T) {
	t.Helper()
	if err := c.obtain(t); err != nil {
		t.Fatal(err)
	}
}

// obtain asks for a certificate and uses it from then on.
func (c *cluster) obtain(t *testing.T) error {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, crypto.Signer(key))
	if err != nil {
		t.Fatal(err)
	}
	var issued fairlead.CertificateResponse
	if err := c.call(t.Context(), fairlead.OpCertificate, fairlead.CertificateRequest{CSR: csr}, &issued); err != nil {
		return err
	}
	c.signer = proof.Signer{Key: key, Now: time.Now, Chain: chain(t, issued.Certificate)}
	c.trust = issued.Trust
	return nil
}

func chain(t *testing.T, text string) []*x509.Certificate {
	t.Helper()
	var found []*x509.Certificate
	for block, rest := pem.Decode([]byte(text)); block != nil; block, rest = pem.Decode(rest) {
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, certificate)
	}
	return found
}

// call does an operation of the data plane with a proof.
func (c *cluster) call(ctx context.Context, operation string, question, answer any) error {
	request, err := c.signed(ctx, operation, question)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // only read
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %d %s %w", operation, response.StatusCode, text, err)
	}
	return json.Unmarshal(text, answer)
}

func (c *cluster) signed(ctx context.Context, operation string, question any) (*http.Request, error) {
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.URL+fairlead.DataPlanePath(c.id, operation), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return request, c.signer.Sign(request, body)
}

// request returns the same signed request again and again, as somebody on the way could send it.
func (c *cluster) request(t *testing.T, operation string, question any) func() *http.Request {
	t.Helper()
	made, err := c.signed(t.Context(), operation, question)
	if err != nil {
		t.Fatal(err)
	}
	return func() *http.Request {
		again := made.Clone(t.Context())
		again.Body, err = made.GetBody()
		if err != nil {
			t.Fatal(err)
		}
		return again
	}
}

func TestConnectedClusterIsSeenThroughEveryPart(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	c := connect(t, on, bearer)
	beat := fairlead.Heartbeat{MetadataHash: "x", Metadata: &fairlead.ClusterMetadata{KubernetesVersion: "1.34.1", Distribution: "k3s", TotalNodeCount: 3}}
	if err := c.call(t.Context(), fairlead.OpHeartbeat, beat, &fairlead.HeartbeatResponse{}); err != nil {
		t.Fatal(err)
	}
	status, shown := on.do(t, http.MethodGet, c.id.String()+"?api-version=2024-01-01", bearer, "")
	properties, _ := shown["properties"].(map[string]any)
	if status != http.StatusOK || properties["connectivityStatus"] != "Connected" || properties["kubernetesVersion"] != "1.34.1" {
		t.Errorf("%d %v", status, shown)
	}
}

func TestStopEndsLongPollsAtOnce(t *testing.T) {
	on := start(t, t.TempDir())
	bearer := on.signIn(t, on.Administrator.AppID, string(on.Administrator.Secret))
	c := connect(t, on, bearer)
	var current, last fairlead.PendingConfigs
	if err := c.call(t.Context(), fairlead.OpPendingConfigs, fairlead.PendingQuery{}, &current); err != nil || current.ETag == "" {
		t.Fatalf("%+v %v", current, err)
	}
	polled := make(chan error, 1)
	go func() {
		polled <- c.call(context.Background(), fairlead.OpPendingConfigs, fairlead.PendingQuery{ETag: current.ETag, WaitSeconds: 50}, &last)
	}()
	c.waitForPolls(t, bearer, 1)
	began := time.Now()
	if err := on.stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if err := <-polled; err != nil || !last.Unchanged {
		t.Errorf("the poll was cut off: %+v %v", last, err)
	}
}

// waitForPolls waits until the hub's own metrics say that it is answering so many requests of agents.
func (c *cluster) waitForPolls(t *testing.T, bearer string, many int) {
	t.Helper()
	for limit := time.Now().Add(patience); time.Now().Before(limit); {
		_, document := c.do(t, http.MethodGet, "/metrics", bearer, "")
		if text, _ := document["text"].(string); strings.Contains(text, fmt.Sprintf(`fairlead_hub_requests_under_way{part="dataplane"} %d`, many)) {
			return
		}
	}
	t.Fatal("the poll never came")
}
