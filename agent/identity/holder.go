package identity

import (
	"context"
	"log/slog"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

// Holder holds the identity that the cluster has now, and follows its Secret.
type Holder struct {
	Kube      *kube.Client
	Namespace string
	Log       *slog.Logger

	mu      sync.Mutex
	current *Identity
	err     error
	changed chan struct{}
}

// Run follows the Secret until the end of ctx.
func (h *Holder) Run(ctx context.Context) error {
	watcher := kube.Watcher[corev1.Secret, *corev1.Secret]{
		Client: h.Kube, What: kube.Secrets(h.Namespace).Named(fairlead.IdentitySecret), Log: h.Log, Changed: h.take,
	}
	return watcher.Run(ctx)
}

func (h *Holder) take(ctx context.Context, all map[string]*corev1.Secret) {
	secret, ok := all[fairlead.IdentitySecret]
	if !ok {
		h.Set(nil, fairlead.Errorf(fairlead.NotFound, "there is no Secret %s yet", fairlead.IdentitySecret))
		return
	}
	found, err := Parse(secret)
	if err != nil {
		h.Log.WarnContext(ctx, "the identity certificate is unusable", slog.String("error", err.Error()))
	}
	h.Set(found, err)
}

// Set replaces the identity; one that is nil comes with the reason.
func (h *Holder) Set(found *Identity, reason error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	same := h.current.Is(found) && sameReason(h.err, reason) && h.changed != nil
	h.current, h.err = found, reason
	if same {
		return
	}
	if h.changed != nil {
		close(h.changed)
	}
	h.changed = make(chan struct{})
}

// sameReason tells reasons apart that lead to different steps: nobody looked is not the same as not there.
func sameReason(old, found error) bool {
	return (old == nil) == (found == nil) && fairlead.KindOf(old) == fairlead.KindOf(found)
}

// Current returns the identity or why there is none, and a channel that closes at the next change. The
// reason is NotFound when there is no Secret, and Unavailable as long as nobody has looked.
func (h *Holder) Current() (*Identity, <-chan struct{}, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.changed == nil {
		h.changed = make(chan struct{})
		h.err = fairlead.Errorf(fairlead.Unavailable, "looking for Secret %s", fairlead.IdentitySecret)
	}
	return h.current, h.changed, h.err
}

// Wait waits until there is an identity, and says so once in the log of who waits.
func (h *Holder) Wait(ctx context.Context, log *slog.Logger) (*Identity, error) {
	for told := false; ; {
		current, changed, reason := h.Current()
		if current != nil {
			return current, nil
		}
		if !told {
			log.InfoContext(ctx, "waiting for the identity certificate", slog.String("because", reason.Error()))
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		}
	}
}
