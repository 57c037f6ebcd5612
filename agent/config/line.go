package config

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// All is posted again that often, for a hub that has lost some.
const repeatEvery = time.Hour

// subject is an object that has a status to report.
type subject[T, S any] interface {
	*T
	metav1.Object
	Going() bool
	State() S
}

// line carries the statuses of one kind from the cluster to the hub.
type line[T any, P subject[T, S], S any] struct {
	*Agent
	*reporter[S]

	kind   string
	plural string // in the log
	where  kube.Collection
	keep   func(object P) // removes what is not reported
	send   func(ctx context.Context, reports []report[S]) error
}

func (l *line[T, P, S]) mention(all []fairlead.Configuration) { l.speakOf(l.kind, all) }

func (l *line[T, P, S]) run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return l.follow(ctx) })
	group.Go(func() error { return l.post(ctx) })
	return group.Wait()
}

// follow watches the statuses.
func (l *line[T, P, S]) follow(ctx context.Context) error {
	watcher := kube.Watcher[T, P]{Client: l.Kube, What: l.where.All(), Log: l.Log, Keep: l.keep, Changed: l.take}
	return watcher.Run(ctx)
}

func (l *line[T, P, S]) take(_ context.Context, all map[string]P) {
	seen := make(map[string]sight[S], len(all))
	for name, object := range all {
		seen[name] = sight[S]{state: object.State(), going: object.Going()}
	}
	l.see(seen)
}

// post posts what the hub does not have until the end of ctx.
func (l *line[T, P, S]) post(ctx context.Context) error {
	backoff := pace.Backoff{Min: 500 * time.Millisecond, Max: 30 * time.Second}
	repeated, news := time.Now(), rate.Sometimes{First: 1, Interval: time.Minute}
	for {
		if time.Since(repeated) > repeatEvery {
			l.forget()
			repeated = time.Now()
		}
		wait := pace.Jitter(repeatEvery)
		posted, err := l.postOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			news.Do(func() {
				l.Log.WarnContext(ctx, "cannot report to the hub", slog.String("of", l.plural), slog.String("error", err.Error()))
			})
			if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
				return err
			}
			continue
		case posted > 0:
			wait = 0
		}
		backoff.Reset()
		if err := pace.Wait(ctx, wait, l.changed); err != nil {
			return err
		}
	}
}

// confirm returns the due reports without those of objects that are said to have gone and have not: the watch may lag behind
// what this agent has just written, and will tell.
func (l *line[T, P, S]) confirm(ctx context.Context) (reports []report[S], texts []string) {
	due, theirs := l.due()
	for i, one := range due {
		if l.word(one.State) == fairlead.ExtensionGone {
			if err := l.Kube.Get(ctx, l.where, one.Name, new(T)); !apierrors.IsNotFound(err) {
				continue
			}
		}
		reports, texts = append(reports, one), append(texts, theirs[i])
	}
	return reports, texts
}

func (l *line[T, P, S]) postOnce(ctx context.Context) (int, error) {
	reports, texts := l.confirm(ctx)
	if len(reports) == 0 {
		return 0, nil
	}
	if _, err := l.Holder.Wait(ctx, l.Log); err != nil {
		return 0, err
	}
	if err := l.send(ctx, reports); err != nil {
		return 0, err
	}
	l.acknowledge(reports, texts)
	return len(reports), nil
}
