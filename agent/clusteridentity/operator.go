// Package clusteridentity is clusteridentityoperator: it obtains the cluster's identity certificate with
// the onboarding key, keeps it in Secret azure-identity-certificate, renews it in time or long after
// its time, and says in an AzureClusterIdentityRequest how that goes. Neither key leaves the cluster.
package clusteridentity

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

const (
	manager = fairlead.ClusterIdentityOperator // as which this agent owns fields
	// The interval checkEvery bounds how long a renewal time is trusted while clocks may jump.
	checkEvery = 10 * time.Minute
	// The interval confirmEvery is how often the hub is asked whether it still accepts the certificate.
	confirmEvery = 5 * time.Minute
)

// Hub is what this agent asks of the hub.
type Hub interface {
	Certificate(ctx context.Context, onboarding crypto.Signer, csr []byte) (fairlead.CertificateResponse, error)
	PendingConfigs(ctx context.Context, query fairlead.PendingQuery) (fairlead.PendingConfigs, error)
}

// Operator is the agent.
type Operator struct {
	Kube      *kube.Client
	Hub       Hub
	Holder    *identity.Holder // follows the Secret; somebody else runs it
	Cluster   fairlead.ResourceID
	Namespace string
	HubCA     []byte // the hub's authorities as the chart has them, may be empty
	Now       func() time.Time
	Log       *slog.Logger
	Ready     func(error)
	Proxy     *ProxyKeeper // of the certificates of kube-aad-proxy

	key        onboardingKey
	refused    *identity.Identity // what the hub does not accept any more
	refusals   pace.Backoff       // so that a hub that accepts none is not asked for one every second
	reported   status
	stated     string         // the hash of whom the hub wants to be trusted
	considered string         // the same of what came with a certificate, whether it was followed or not
	logged     string         // the error of which the log told last
	failures   rate.Sometimes // so that the log tells of a long outage, but rarely
}

// Run keeps the identity until the end of ctx.
func (o *Operator) Run(ctx context.Context) error {
	o.key.changed = make(chan struct{}, 1)
	o.refusals = pace.Backoff{Min: time.Second, Max: confirmEvery}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return o.watchKey(ctx) })
	group.Go(func() error { return o.keep(ctx) })
	group.Go(func() error { return o.Proxy.Run(ctx) })
	return group.Wait()
}

func (o *Operator) keep(ctx context.Context) error {
	backoff := pace.Backoff{Min: time.Second, Max: time.Minute}
	for {
		current, changed, reason := o.Holder.Current()
		wait, err := o.step(ctx, current, reason)
		o.tell(ctx, err)
		switch {
		case waiting(err):
			wait = checkEvery
		case err != nil:
			wait = backoff.Next()
		default:
			backoff.Reset()
		}
		if err := o.wait(ctx, wait, changed); err != nil {
			return err
		}
	}
}

func (o *Operator) wait(ctx context.Context, wait time.Duration, changed <-chan struct{}) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	wake := make(chan struct{})
	var group errgroup.Group
	group.Go(func() error {
		select {
		case <-ctx.Done():
		case <-changed:
			close(wake)
		case <-o.key.changed:
			close(wake)
		}
		return nil
	})
	err := pace.Wait(ctx, wait, wake)
	cancel()
	return errors.Join(err, group.Wait())
}

// notYet is the error of a step that can only wait for an object in the cluster.
type notYet struct{ error }

func waiting(err error) bool {
	var wait notYet
	return errors.As(err, &wait)
}

// step does what is due now and returns when to look again.
func (o *Operator) step(ctx context.Context, current *identity.Identity, reason error) (time.Duration, error) {
	onboarding, fingerprint, err := o.key.get()
	switch kind := fairlead.KindOf(err); {
	case kind == fairlead.NotFound, kind == fairlead.Unavailable:
		return 0, notYet{err}
	case err != nil:
		return 0, err
	case current == nil && fairlead.KindOf(reason) == fairlead.Unavailable:
		return 0, notYet{reason}
	}
	why := o.due(current, fingerprint, reason)
	if why == "" {
		return o.confirm(ctx, current)
	}
	o.Log.InfoContext(ctx, "an identity certificate is needed", slog.String("because", why))
	return checkEvery, o.renew(ctx, onboarding, fingerprint)
}

// due returns why a certificate must be obtained, or nothing.
func (o *Operator) due(current *identity.Identity, fingerprint string, reason error) string {
	switch {
	case current == nil:
		return reason.Error()
	case current.BelongsTo(o.Cluster) != nil:
		return "the certificate is another cluster's"
	case current.OnboardingKey != fingerprint:
		return "the certificate was obtained with another onboarding key"
	case current.Is(o.refused):
		return "the hub does not accept the certificate any more"
	case o.Now().After(current.Leaf().NotAfter):
		return "the certificate has expired"
	case o.Now().After(current.RenewAfter):
		return "it is time to renew"
	case o.offered(current):
		return "the hub's authorities have changed"
	default:
		return ""
	}
}

// confirm asks the hub whether it accepts the certificate, which it may not after it was restored from
// an old backup or its authority was replaced.
func (o *Operator) confirm(ctx context.Context, current *identity.Identity) (time.Duration, error) {
	answer, err := o.Hub.PendingConfigs(ctx, fairlead.PendingQuery{})
	if fairlead.KindOf(err) == fairlead.Unauthenticated {
		o.refused = current
		return o.refusals.Next(), nil
	}
	if err != nil {
		o.Log.WarnContext(ctx, "cannot ask the hub whether it accepts the certificate", slog.String("error", err.Error()))
	}
	o.refusals.Reset()
	o.stated = answer.TrustHash
	if o.offered(current) {
		return pace.Jitter(time.Second), nil
	}
	return min(pace.Jitter(confirmEvery), max(current.RenewAfter.Sub(o.Now()), time.Second)), nil
}

// offered reports whether the hub has stated anew whom to trust. It comes with the next certificate.
func (o *Operator) offered(current *identity.Identity) bool {
	return o.stated != "" && len(o.HubCA) > 0 && o.stated != o.considered && o.stated != current.Trust.Hash()
}

// renew obtains a certificate and stores it. On a failure an identity that is still valid stays.
func (o *Operator) renew(ctx context.Context, onboarding crypto.Signer, fingerprint string) error {
	obtained, err := o.obtain(ctx, onboarding, fingerprint)
	if err != nil {
		return err
	}
	secret, err := obtained.Secret(o.Namespace)
	if err != nil {
		return err
	}
	if _, err := o.Kube.Apply(ctx, kube.Secrets(o.Namespace), fairlead.IdentitySecret, manager, secret); err != nil {
		return fmt.Errorf("store the identity certificate: %w", err)
	}
	o.Holder.Set(obtained, nil)
	o.Log.InfoContext(ctx, "the identity certificate is stored", slog.Time("not_after", obtained.Leaf().NotAfter),
		slog.Time("renew_after", obtained.RenewAfter))
	return nil
}
