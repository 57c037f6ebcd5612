package relay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	// The tellTimeout is how long a cluster has to take a statement: it may have to fetch the hub's keys for that.
	tellTimeout = 10 * time.Second
	// The bound maxTold is how many callers a link remembers what it was told of.
	maxTold = 5000
	// The bound maxExplanation is of what is read of why a statement was refused.
	maxExplanation = 4 << 10
)

// link is one tunnel of a cluster, and what has been stated on it.
type link struct {
	cluster identity.Cluster
	client  *tunnel.Client

	mu   sync.Mutex
	told map[speaker]*telling
}

// telling is a statement that was sent or is being sent; done is closed when that is over.
type telling struct {
	id    string
	order uint64
	done  chan struct{}
	err   error
}

// errOutdated says that a newer statement of the same caller has been sent.
var errOutdated = errors.New("a newer statement was sent")

// tell makes sure that the cluster has a statement. Others may wait for that as well, so it does not end with the request
// that happened to be the first.
func (l *link) tell(ctx context.Context, from speaker, said *statement) error {
	if l.knows(from, said) {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tellTimeout)
	defer cancel()
	return l.tellWithin(ctx, from, said)
}

func (l *link) knows(from speaker, said *statement) bool {
	l.mu.Lock()
	known := l.told[from]
	l.mu.Unlock()
	return known != nil && known.id == said.id && known.over() && known.err == nil
}

// tellWithin is tell until ctx ends. Statements of one caller arrive one after the other.
func (l *link) tellWithin(ctx context.Context, from speaker, said *statement) error {
	l.mu.Lock()
	before := l.told[from]
	if before != nil && before.over() && before.err != nil {
		before = nil
	}
	if before != nil && before.order >= said.order {
		l.mu.Unlock()
		return before.await(ctx, said)
	}
	own := &telling{id: said.id, order: said.order, done: make(chan struct{})}
	l.remember(from, own)
	l.mu.Unlock()
	defer close(own.done)
	if own.err = l.after(ctx, before, said); own.err != nil {
		l.replace(from, own, before)
	}
	return own.err
}

// after sends a statement once the one before it has been sent.
func (l *link) after(ctx context.Context, before *telling, said *statement) error {
	if before != nil {
		select {
		case <-before.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return l.put(ctx, said)
}

func (t *telling) over() bool {
	select {
	case <-t.done:
		return true
	default:
		return false
	}
}

// await waits for a statement that somebody else sends.
func (t *telling) await(ctx context.Context, said *statement) error {
	if t.order > said.order {
		return errOutdated
	}
	select {
	case <-t.done:
		return t.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// remember needs the lock.
func (l *link) remember(from speaker, own *telling) {
	if l.told == nil {
		l.told = map[speaker]*telling{}
	}
	if len(l.told) >= maxTold {
		for other, known := range l.told {
			if known.over() { // it is told again when it is needed
				delete(l.told, other)
			}
		}
	}
	l.told[from] = own
}

// forget makes a statement be told again.
func (l *link) forget(from speaker, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.told[from]; known != nil && known.id == id {
		delete(l.told, from)
	}
}

// replace takes what was not told out, for what is still being told.
func (l *link) replace(from speaker, own, by *telling) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.told[from] != own {
		return
	}
	delete(l.told, from)
	if by != nil {
		l.told[from] = by
	}
}

// put sends a statement to kube-aad-proxy.
func (l *link) put(ctx context.Context, said *statement) error {
	address := url.URL{Scheme: "http", Host: caller.ControlHost, Path: "/callers/" + said.id}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, address.String(), strings.NewReader(said.text))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/jwt")
	answer, err := l.client.RoundTrip(request)
	if err != nil {
		return fmt.Errorf("tell the cluster who calls: %w", err)
	}
	defer answer.Body.Close()
	explanation, _ := io.ReadAll(io.LimitReader(answer.Body, maxExplanation)) // what there is of it
	if answer.StatusCode/100 == 2 {
		return nil
	}
	return fairlead.Errorf(fairlead.Unavailable, "kube-aad-proxy in the cluster does not accept what the hub says of you (status %d): %s",
		answer.StatusCode, explained(explanation))
}

func (l *link) ended() bool {
	select {
	case <-l.client.Done():
		return true
	default:
		return false
	}
}

// explained returns the message of a Status, or what else there is to read in an answer.
func explained(text []byte) string {
	return cmp.Or(messageIn(text), strings.TrimSpace(printable(text)), "it does not say why")
}
