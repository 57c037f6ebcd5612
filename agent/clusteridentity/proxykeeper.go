package clusteridentity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
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
	// The release that the Secret belongs to and goes with.
	ReleaseName, ReleaseNamespace string
	Now                           func() time.Time
	Log                           *slog.Logger

	mu      sync.Mutex
	stored  map[string][]byte
	there   bool          // the Secret, when it was last looked at
	gone    time.Time     // since when the Secret is no more; zero when it is there, or never was
	changed chan struct{} // holds one signal
	told    certificateStatus
}

// removalTime is longer than an agent lives on when its release is removed: whose Secret goes first must not leave a new one behind.
const removalTime = 15 * time.Second

var errRemoved = errors.New("the Secret was deleted; it is made anew if the agents stay")

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
	if secret == nil && k.there {
		k.gone = k.Now()
	}
	k.there = secret != nil
	k.stored = map[string][]byte{}
	if secret != nil {
		k.gone = time.Time{}
		maps.Copy(k.stored, secret.Data)
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
	stored, gone := k.stored, k.gone
	k.mu.Unlock()
	if stored == nil {
		return nil // the first list is under way and will wake us
	}
	if !gone.IsZero() && k.Now().Sub(gone) < removalTime {
		return errRemoved
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
	}{where.TypeMeta("Secret"), k.metadata(), data}
	if _, err := k.Kube.Apply(ctx, where, fairlead.KubeAADProxySecret, manager, secret); err != nil {
		return fmt.Errorf("store the certificates of kube-aad-proxy: %w", err)
	}
	return nil
}

// metadata is as Helm writes it, so that the release takes the Secret along when it goes, and takes one over that it finds.
func (k *ProxyKeeper) metadata() metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: fairlead.KubeAADProxySecret, Namespace: k.Namespace,
		Labels:      map[string]string{"app.kubernetes.io/managed-by": "Helm"},
		Annotations: map[string]string{"meta.helm.sh/release-name": k.ReleaseName, "meta.helm.sh/release-namespace": k.ReleaseNamespace},
	}
}
