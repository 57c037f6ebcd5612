package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/client"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"
)

const (
	groupName = "fleet"
	changeTag = "fleet-change"
	siteTag   = "site"
	sites     = 50
	// So many registrations or requests for certificates are under way at a time.
	registrars = 16
	// A certificate is asked for again so often. The real agent never stops asking.
	maxRefusals = 20
)

// registration is what it took to bring all clusters into the hub.
type registration struct {
	Clusters       spread  `json:"clusters"`
	ClustersTook   seconds `json:"clustersTookSeconds"`
	Identities     spread  `json:"identities"`
	IdentitiesTook seconds `json:"identitiesTookSeconds"`
}

// tagsOf spreads the clusters over sites, so that there is something to search for.
func tagsOf(number int, change string) map[string]string {
	tags := map[string]string{siteTag: fmt.Sprintf("site-%02d", number%sites)}
	if change != "" {
		tags[changeTag] = change
	}
	return tags
}

// register creates the clusters through the resource API, as connect does, and starts each agent when it has its
// certificate.
func (f *fleet) register(ctx context.Context) error {
	if err := f.hub.api.Put(ctx, f.hub.group(), client.GroupVersion, client.Document{"location": "local"}, nil); err != nil {
		return err
	}
	f.agents = make([]*agent, len(f.keys))
	for i, key := range f.keys {
		f.agents[i] = &agent{number: i, id: f.hub.clusterID(i), key: key, holder: &identity.Holder{}}
	}
	var clusters, identities samples
	began := time.Now()
	err := f.each(ctx, &clusters, func(ctx context.Context, i int) error {
		_, err := f.hub.api.PutCluster(ctx, f.agents[i].id, documentOf(i, f.keys[i]))
		return err
	})
	if err != nil {
		return fmt.Errorf("register clusters: %w", err)
	}
	f.report.Registration.ClustersTook = seconds(time.Since(began))
	began = time.Now()
	err = f.each(ctx, &identities, func(ctx context.Context, i int) error {
		if err := f.agents[i].persist(ctx, f.crowd.server); err != nil {
			return err
		}
		return f.crowd.admit(f.agents[i])
	})
	if err != nil {
		return fmt.Errorf("issue identities: %w", err)
	}
	f.report.Registration.IdentitiesTook = seconds(time.Since(began))
	f.report.Registration.Clusters, f.report.Registration.Identities = clusters.take(), identities.take()
	return nil
}

// each does something for every agent, a bounded number at a time, and measures it.
func (f *fleet) each(ctx context.Context, took *samples, do func(ctx context.Context, number int) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(registrars)
	for i := range f.agents {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			started := time.Now()
			defer func() { took.add(time.Since(started)) }()
			return do(ctx, i)
		})
	}
	return group.Wait()
}

func documentOf(number int, key *rsa.PrivateKey) fairlead.ConnectedCluster {
	return fairlead.ConnectedCluster{
		Location: "local", Tags: tagsOf(number, ""), Identity: &fairlead.ManagedIdentity{Type: "SystemAssigned"},
		Properties: fairlead.ConnectedProperties{
			AgentPublicKeyCertificate: base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey)),
			Distribution:              "k3s", Infrastructure: "generic",
		},
	}
}

// persist asks for the certificate in the rhythm of clusteridentityoperator, until the hub is reached and not busy.
func (a *agent) persist(ctx context.Context, at endpoint) error {
	backoff := pace.Backoff{Min: time.Second, Max: time.Minute}
	for {
		err := a.obtain(ctx, at)
		if err == nil || backoff.Failures >= maxRefusals || pace.Wait(ctx, backoff.Next(), nil) != nil {
			return err
		}
	}
}

// obtain gets the agent its certificate, on a connection that is used for nothing else.
func (a *agent) obtain(ctx context.Context, at endpoint) error {
	asking, err := dataplane.New(settings.Settings{
		Cluster: a.id, HubURL: at.URL, HubCA: at.CA, AgentVersion: fairlead.Version,
	}, a.holder, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
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
	answer, err := asking.Certificate(ctx, a.key, csr)
	if err != nil {
		return err
	}
	chain, err := identity.ParseChain([]byte(answer.Certificate))
	if err != nil {
		return err
	}
	a.holder.Set(&identity.Identity{Chain: chain, Key: key, RenewAfter: answer.RenewAfter}, nil)
	return nil
}
