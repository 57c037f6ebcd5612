package connect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	podsEvery = time.Second
	// DefaultTimeout is how long the agents may take to report, as with az.
	DefaultTimeout = 1200 * time.Second
)

func (c *Connection) identityStep() Step {
	return Step{Name: "Wait for the identity", Run: func(ctx context.Context) (string, error) {
		err := c.await(ctx, "no agent has fetched the cluster's identity certificate", fairlead.ClusterIdentityOperator, func(now fairlead.ConnectedCluster) bool {
			return now.Properties.IdentityExpiration != nil
		})
		if err != nil {
			return "", err
		}
		return "certificate until " + c.stored.Properties.IdentityExpiration.UTC().Format("2006-01-02"), nil
	}}
}

func (c *Connection) metadataStep() Step {
	return Step{Name: "Wait for the cluster's metadata", Run: func(ctx context.Context) (string, error) {
		err := c.await(ctx, "no agent has reported on the cluster", fairlead.ClusterMetadataOperator, func(now fairlead.ConnectedCluster) bool {
			return now.Properties.ConnectivityStatus == fairlead.Connected && now.Properties.KubernetesVersion != ""
		})
		if err != nil {
			return "", err
		}
		p := c.stored.Properties
		return fmt.Sprintf("%s, Kubernetes %s, %s, %s", p.ConnectivityStatus, p.KubernetesVersion, count(p.TotalNodeCount, "node"), count(p.TotalCoreCount, "core")), nil
	}}
}

// await polls the hub until the cluster is as wanted. Meanwhile it looks at the agents' pods; when these
// cannot come up, or the time is over, the error says what was missing and carries what was seen.
func (c *Connection) await(ctx context.Context, missing, agent string, wanted func(fairlead.ConnectedCluster) bool) error {
	timeout := c.Options.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	waiting, cancel := context.WithTimeoutCause(ctx, timeout, errSlow)
	defer cancel()
	watch := newWatch(c.Cluster, agent)
	err := until(waiting, func(ctx context.Context) (bool, error) {
		now, err := c.Hub.Cluster(ctx, c.ID)
		switch {
		case fairlead.KindOf(err) == fairlead.NotFound:
			return false, fmt.Errorf("someone deleted %s at the hub meanwhile: %w", c.ID.Name(), err)
		case fairlead.KindOf(err) == fairlead.Forbidden, fairlead.KindOf(err) == fairlead.Unauthenticated:
			return false, err
		case err == nil:
			c.stored = now
			if wanted(now) {
				return true, nil
			}
		}
		return false, c.lookAtPods(ctx, watch)
	})
	if err == nil || ctx.Err() != nil {
		return err
	}
	return c.explain(ctx, err, missing, timeout, watch)
}

func (c *Connection) lookAtPods(ctx context.Context, watch *watch) error {
	now := time.Now()
	hopeless := watch.look(ctx, now)
	c.Report.Note(watch.summary() + watch.heldUp(now))
	return hopeless
}

func (c *Connection) explain(ctx context.Context, err error, missing string, timeout time.Duration, watch *watch) error {
	var hopeless *hopelessError
	switch {
	case errors.As(err, &hopeless):
		return fairlead.Errorf(fairlead.Unavailable, "%s, and none will: %s", missing, hopeless.Error()).WithCode(hopeless.code())
	case errors.Is(err, errSlow):
		return fairlead.Errorf(fairlead.Unavailable, "%s within %s (--onboarding-timeout).\n%s", missing, timeout, watch.evidence(ctx)).WithCode("OnboardingTimeout")
	}
	return err
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
