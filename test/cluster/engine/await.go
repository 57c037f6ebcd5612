package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

const (
	pollInterval = 100 * time.Millisecond
	patience     = 2 * time.Minute
	// A process that ended this often does not recover: at three starts a second, others had time to come up.
	tooManyRestarts = 40
)

// await polls until done, and gives up early when a process of the cluster keeps failing.
func (b *builder) await(ctx context.Context, what string, done func(context.Context) bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := poll(ctx, pollInterval, func() (bool, error) { return done(ctx), b.cluster.failure() })
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s not ready after %s; logs: %s", what, patience, b.cluster.summary())
	}
	return err
}

// failure is the first process that keeps ending, or the supervisor itself.
func (c *Cluster) failure() error {
	if !c.record.Supervisor.alive() {
		return fmt.Errorf("the supervisor ended: %s", c.tail("supervisor"))
	}
	processes, err := c.Processes()
	if err != nil {
		return nil //nolint:nilerr // no report yet
	}
	for _, p := range processes {
		if p.Restarts >= tooManyRestarts {
			return fmt.Errorf("%s keeps ending (%s): %s", p.Name, p.LastExit, c.tail(p.Name))
		}
	}
	return nil
}

// summary quotes the end of the log of each process that is not running as it should, or of them all.
func (c *Cluster) summary() string {
	processes, _ := c.Processes()
	var text strings.Builder
	for _, p := range processes {
		_, _ = fmt.Fprintf(&text, "\n--- %s (%s)\n%s", p.Name, condition(p), c.tail(p.Name))
	}
	return text.String()
}

func condition(p spec.Report) string {
	if p.Restarts == 0 {
		return "running"
	}
	return fmt.Sprintf("%d restarts, last %s", p.Restarts, p.LastExit)
}

// tail quotes the end of a log, since the log is gone once a failed start is cleaned up.
func (c *Cluster) tail(name string) string {
	const length = 1500
	content, err := fs.ReadFile(os.DirFS(c.LogDir), name+".log")
	if err != nil {
		return err.Error()
	}
	return string(content[max(0, len(content)-length):])
}

func (b *builder) awaitServer(ctx context.Context) error {
	client, err := b.cluster.client()
	if err != nil {
		return err
	}
	return b.await(ctx, "API server", func(ctx context.Context) bool {
		_, err := client.do(ctx, "GET", "/readyz", nil)
		return err == nil
	})
}

// awaitControllers waits for the default service account, without which no pod can be created.
func (b *builder) awaitControllers(ctx context.Context) error {
	client, err := b.cluster.client()
	if err != nil {
		return err
	}
	return b.await(ctx, "service accounts", func(ctx context.Context) bool {
		_, err := client.do(ctx, "GET", "/api/v1/namespaces/default/serviceaccounts/default", nil)
		return err == nil
	})
}

// markReady is the last thing of a start: from now on the starter is of no importance.
func (b *builder) markReady(context.Context) error {
	b.cluster.record.Ready = true
	if err := b.cluster.record.write(b.cluster.state); err != nil {
		return err
	}
	if !b.config.Detached {
		return nil
	}
	if err := json.NewEncoder(b.cluster.leash).Encode(spec.Release{Detached: true}); err != nil {
		return fmt.Errorf("let the supervisor go: %w", err)
	}
	return nil
}

// decode reads JSON that the API server answered.
func decode[T any](content []byte) (T, error) {
	var value T
	err := json.Unmarshal(content, &value)
	return value, err
}
