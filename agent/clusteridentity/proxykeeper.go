package clusteridentity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// Connect says whether people reach the cluster through the hub, and where the two agents for that run.
type Connect int

// The ways.
const (
	NotConnected Connect = iota
	InOneProcess         // as in profile edge
	InTwoPods
)

// ProxyKeeper keeps Secret kube-aad-proxy-certificate, with which clusterconnect-agent and kube-aad-proxy know one another, and
// says in an ArcCertificate how that goes. The certificates are of an authority that the Secret holds as well: the
// cluster makes them for itself, and the hub has no part in them.
type ProxyKeeper struct {
	Connect   Connect
	Kube      *kube.Client
	Holder    *identity.Holder // of whom the hub has stated to be trusted; somebody else runs it
	HubCA     []byte           // the hub's authorities as the chart has them
	Namespace string
	Now       func() time.Time
	Log       *slog.Logger

	mu      sync.Mutex
	stored  map[string][]byte
	changed chan struct{} // holds one signal
	told    certificateStatus
}

// Run keeps the certificates until the end of ctx. That it cannot is no reason for the agent to stop or to be unready.
func (k *ProxyKeeper) Run(ctx context.Context) error {
	k.changed = make(chan struct{}, 1)
	group, ctx := errgroup.WithContext(ctx)
	if k.Connect == InTwoPods {
		group.Go(func() error { return k.watch(ctx) })
	} else {
		k.take(nil)
	}
	group.Go(func() error { return k.keep(ctx) })
	return group.Wait()
}

func (k *ProxyKeeper) watch(ctx context.Context) error {
	watcher := kube.Watcher[corev1.Secret, *corev1.Secret]{
		Client: k.Kube, What: kube.Secrets(k.Namespace).Named(fairlead.KubeAADProxySecret), Log: k.Log,
		Changed: func(_ context.Context, all map[string]*corev1.Secret) { k.take(all[fairlead.KubeAADProxySecret]) },
	}
	return watcher.Run(ctx)
}

func (k *ProxyKeeper) take(secret *corev1.Secret) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stored = map[string][]byte{}
	if secret != nil && secret.Data != nil {
		k.stored = secret.Data
	}
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

func (k *ProxyKeeper) keep(ctx context.Context) error {
	backoff := pace.Backoff{Min: time.Second, Max: time.Minute}
	for wait := checkEvery; ; {
		if err := k.wait(ctx, wait); err != nil {
			return err
		}
		if err := k.once(ctx); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			k.Log.WarnContext(ctx, "cannot keep the certificates of kube-aad-proxy", slog.String("error", err.Error()))
			wait = backoff.Next()
			continue
		}
		backoff.Reset()
		wait = pace.Jitter(checkEvery)
	}
}

// wait waits for a change of the Secret or of whom to trust as the hub.
func (k *ProxyKeeper) wait(ctx context.Context, most time.Duration) error {
	_, trust, _ := k.Holder.Current()
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-k.changed:
	case <-trust:
	case <-timer.C:
	}
	return nil
}

// once stores what is missing or due, and tells how it stands.
func (k *ProxyKeeper) once(ctx context.Context) error {
	k.mu.Lock()
	stored := k.stored
	k.mu.Unlock()
	if stored == nil {
		return nil // the first list is under way and will wake us
	}
	var certificates pair
	var err error
	if k.Connect == InTwoPods {
		certificates, err = k.renew(ctx, stored)
	}
	return errors.Join(err, k.publish(ctx, k.describe(certificates, err)))
}

// renew makes the Secret hold good certificates and returns them.
func (k *ProxyKeeper) renew(ctx context.Context, stored map[string][]byte) (pair, error) {
	now := k.Now()
	certificates, err := parsePair(stored)
	good := err == nil && !certificates.due(now)
	hub := k.HubCA
	if current, _, _ := k.Holder.Current(); current != nil {
		hub = current.Trust.Over(hub)
	}
	if good && bytes.Equal(stored[fieldHub], hub) {
		return certificates, nil
	}
	data := map[string][]byte{fieldHub: append([]byte{}, hub...)} // an empty file is mounted, a missing one keeps the pods from starting
	for _, name := range pairFields() {
		data[name] = stored[name]
	}
	if !good {
		if err := issuePair(data, now); err != nil {
			return pair{}, err
		}
	}
	if err := k.store(ctx, data); err != nil {
		return pair{}, err
	}
	k.Log.InfoContext(ctx, "the certificates of kube-aad-proxy are stored", slog.Bool("renewed", !good))
	return parsePair(data)
}

func (k *ProxyKeeper) store(ctx context.Context, data map[string][]byte) error {
	where := kube.Secrets(k.Namespace)
	secret := struct {
		metav1.TypeMeta
		Metadata metav1.ObjectMeta `json:"metadata"`
		Data     map[string][]byte `json:"data"`
	}{where.TypeMeta("Secret"), metav1.ObjectMeta{Name: fairlead.KubeAADProxySecret, Namespace: k.Namespace}, data}
	if _, err := k.Kube.Apply(ctx, where, fairlead.KubeAADProxySecret, manager, secret); err != nil {
		return fmt.Errorf("store the certificates of kube-aad-proxy: %w", err)
	}
	return nil
}
