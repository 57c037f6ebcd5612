package site

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"log/slog"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/prometheus/client_golang/prometheus"
)

// onboardingBits is the least that the hub accepts.
const onboardingBits = 2048

// Cluster is a connected cluster, as far as the hub can tell.
type Cluster struct {
	ID       fairlead.ResourceID
	Identity *identity.Holder
	Settings settings.Settings
}

// Register creates a cluster through the resource API, as connect does, and gets it its certificate, as
// clusteridentityoperator does.
func (h *Hub) Register(ctx context.Context, name string) (*Cluster, error) {
	onboarding, err := rsa.GenerateKey(rand.Reader, onboardingBits)
	if err != nil {
		return nil, err
	}
	return h.RegisterWith(ctx, name, onboarding)
}

// RegisterWith does so with a key that takes long to make.
func (h *Hub) RegisterWith(ctx context.Context, name string, onboarding *rsa.PrivateKey) (*Cluster, error) {
	c := &Cluster{ID: fairlead.ConnectedClusterID(h.subscription, groupName, name), Identity: &identity.Holder{}}
	c.Settings = settings.Settings{Cluster: c.ID, TenantID: h.tenant, HubURL: h.URL(), HubCA: h.CA, AgentVersion: fairlead.Version}
	if _, err := h.API.PutCluster(ctx, c.ID, documentOf(onboarding)); err != nil {
		return nil, err
	}
	return c, c.obtain(ctx, onboarding)
}

func documentOf(onboarding *rsa.PrivateKey) fairlead.ConnectedCluster {
	return fairlead.ConnectedCluster{
		Location: "local", Identity: &fairlead.ManagedIdentity{Type: "SystemAssigned"},
		Properties: fairlead.ConnectedProperties{
			AgentPublicKeyCertificate: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&onboarding.PublicKey)),
			Distribution:              "k3s", Infrastructure: "generic",
		},
	}
}

// Dataplane is a new client of the hub for the cluster.
func (c *Cluster) Dataplane() (*dataplane.Client, error) {
	return dataplane.New(c.Settings, c.Identity, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
}

func (c *Cluster) obtain(ctx context.Context, onboarding *rsa.PrivateKey) error {
	asking, err := c.Dataplane()
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	csr, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		return err
	}
	answer, err := asking.Certificate(ctx, onboarding, csr)
	if err != nil {
		return err
	}
	chain, err := identity.ParseChain([]byte(answer.Certificate))
	if err != nil {
		return err
	}
	c.Identity.Set(&identity.Identity{Chain: chain, Key: key, RenewAfter: answer.RenewAfter}, nil)
	return nil
}

// identity returns the cluster's certificate and key as files have them.
func (c *Cluster) identity() (chain, key []byte, err error) {
	now, _, err := c.Identity.Current()
	if err != nil {
		return nil, nil, err
	}
	for _, one := range now.Chain {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: one.Raw})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(now.Key)
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func readIdentity(chain, key []byte) (*identity.Identity, error) {
	certificates, err := identity.ParseChain(chain)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(key)
	if block == nil {
		return nil, errors.New("the key of the cluster is not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	own, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, errors.New("the key of the cluster is of another kind")
	}
	return &identity.Identity{Chain: certificates, Key: own, RenewAfter: certificates[0].NotAfter}, nil
}

// Path is where people reach the cluster's API server at the hub.
func (c *Cluster) Path() string { return "/kubernetes" + c.ID.String() }
