package connect

import (
	"context"
	"errors"
	"fmt"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// Disconnection takes a connected cluster away from its hub. Cluster may be nil when it cannot be used, which
// only a forced disconnection survives.
type Disconnection struct {
	Hub     *client.Hub
	Cluster *Cluster
	ID      fairlead.ResourceID
	Report  Reporter

	hasHub, hasCluster bool
	hubLost            error // why the hub could not be asked, in a forced disconnection
}

// Inspect finds out what there is to remove, and refuses when the cluster is not the one that is named.
func (d *Disconnection) Inspect(ctx context.Context) error {
	if err := d.Cluster.direct(d.ID); err != nil {
		return err
	}
	var lost *client.Unreachable
	if err := d.lookAtHub(ctx); errors.As(err, &lost) {
		return fmt.Errorf("%w\nWith --force only the cluster's side is removed", err)
	} else if err != nil {
		return err
	}
	if _, err := d.Cluster.reach(ctx); err != nil {
		return fmt.Errorf("%w\nWith --force only the hub's side is removed", err)
	}
	claimed, err := d.claim(ctx)
	switch {
	case err != nil:
		return err
	case claimed == nil && !d.hasHub:
		return d.notFound()
	case claimed == nil:
		return fairlead.Errorf(fairlead.Conflict, "the cluster %s holds no agents of %q: use the kubeconfig of the right cluster, or --force to remove it from the hub alone",
			d.Cluster.short(), d.ID.Name()).WithCode("OtherCluster")
	}
	return nil
}

// claim returns what the cluster says it is, after making sure that it is the one that is named; the remains of
// an aborted install count as that, since no other cluster can have left them here.
func (d *Disconnection) claim(ctx context.Context) (*claim, error) {
	claimed, err := d.Cluster.claimed(ctx)
	if err != nil {
		return nil, err
	}
	if claimed == nil {
		helm, err := d.Cluster.helm()
		if err != nil {
			return nil, err
		}
		release, err := helm.current()
		if err != nil {
			return nil, err
		}
		if release == nil {
			return d.remnants(ctx)
		}
		d.hasCluster = true
		return &claim{id: d.ID}, nil
	}
	ours, err := d.ours(ctx, claimed)
	if err != nil {
		return nil, err
	}
	if !ours {
		return nil, fairlead.Errorf(fairlead.Conflict, "the cluster %s is %s, not %s: nothing was removed", d.Cluster.short(), claimed, expected(d.ID, d.Hub.URL)).WithCode("OtherCluster")
	}
	d.hasCluster = true
	return claimed, nil
}

// remnants lets a removal go on that was interrupted after the release had gone. Secrets do not say whose they are:
// they count only once the hub does not have the name any more, which is what a removal begins with.
func (d *Disconnection) remnants(ctx context.Context) (*claim, error) {
	if d.hasHub || d.hubLost != nil {
		return nil, nil //nolint:nilerr,nilnil // not to be told is a state, not a failure
	}
	left, err := d.Cluster.holdsSecrets(ctx)
	if err != nil || !left {
		return nil, err
	}
	d.hasCluster = true
	return &claim{id: d.ID}, nil
}

// ours reports whether a claim is about what is named. The id alone tells it when the hub cannot be asked how the
// agents call it: no two hubs have a subscription in common, but Azure's clusters are never ours.
func (d *Disconnection) ours(ctx context.Context, claimed *claim) (bool, error) {
	if d.hubLost != nil {
		return claimed.same(d.ID) && claimed.dataPlane != "", nil
	}
	endpoints, err := d.Hub.Endpoints(ctx)
	return err == nil && claimed.same(d.ID) && claimed.sameHub(endpoints.DataPlane(d.Hub.URL)), err
}

func (d *Disconnection) lookAtHub(ctx context.Context) error {
	_, err := d.Hub.Cluster(ctx, d.ID)
	switch {
	case fairlead.KindOf(err) == fairlead.NotFound:
		return nil
	case err != nil:
		return err
	}
	d.hasHub = true
	return nil
}

func (d *Disconnection) notFound() error {
	return fairlead.Errorf(fairlead.NotFound, "(ResourceNotFound) the hub has no connected cluster %q in resource group %q, and the cluster %s holds no agents of it",
		d.ID.Name(), d.ID.ResourceGroup, d.Cluster.short()).WithCode("ResourceNotFound")
}

// InspectForced finds out what can be removed whatever the state of hub and cluster, and returns what
// cannot, in words for the person.
func (d *Disconnection) InspectForced(ctx context.Context) (warnings []string, err error) {
	var lost *client.Unreachable
	if err := d.lookAtHub(ctx); errors.As(err, &lost) {
		d.hubLost = err
		return d.withoutHub(ctx)
	} else if err != nil {
		return nil, err
	}
	if d.Cluster == nil {
		return d.without("there is no usable kubeconfig")
	}
	if err := d.Cluster.direct(d.ID); err != nil {
		return d.without(err.Error())
	}
	if _, err := d.Cluster.reach(ctx); err != nil {
		return d.without(err.Error())
	}
	_, err = d.claim(ctx)
	if err != nil {
		return d.without(err.Error())
	}
	if !d.hasHub && !d.hasCluster {
		return nil, d.notFound()
	}
	return nil, nil
}

// withoutHub is InspectForced when only the cluster can be had.
func (d *Disconnection) withoutHub(ctx context.Context) ([]string, error) {
	if d.Cluster == nil {
		return nil, d.hubLost
	}
	if _, err := d.Cluster.reach(ctx); err != nil {
		return nil, errors.Join(d.hubLost, err)
	}
	if _, err := d.claim(ctx); err != nil {
		return nil, errors.Join(d.hubLost, err)
	}
	if !d.hasCluster {
		return nil, fmt.Errorf("%w\nThe cluster %s holds no agents, so there is nothing to remove without the hub", d.hubLost, d.Cluster.short())
	}
	return []string{d.hubLost.Error(), fmt.Sprintf("only the cluster's side is removed. The hub may still have %s; once it can be reached, remove it there with\n  fairlead connectedk8s delete -n %s -g %s --force",
		d.ID.Name(), d.ID.Name(), d.ID.ResourceGroup)}, nil
}

func (d *Disconnection) without(reason string) ([]string, error) {
	if !d.hasHub {
		return nil, fairlead.Errorf(fairlead.NotFound, "(ResourceNotFound) the hub has no connected cluster %q in resource group %q, and nothing can be removed from a cluster: %s",
			d.ID.Name(), d.ID.ResourceGroup, reason).WithCode("ResourceNotFound")
	}
	return []string{reason, fmt.Sprintf("only the hub's side is removed. Agents may remain in the cluster; with its kubeconfig, remove them with\n  fairlead connectedk8s delete -n %s -g %s --force",
		d.ID.Name(), d.ID.ResourceGroup)}, nil
}

// OnHub reports whether an inspected disconnection has found the cluster at its hub.
func (d *Disconnection) OnHub() bool { return d.hasHub }

// Outcome says in a few words what the steps come to.
func (d *Disconnection) Outcome() string {
	switch {
	case d.hubLost != nil:
		return "removed from its cluster"
	case !d.hasCluster:
		return "removed from the hub"
	}
	return "disconnected"
}

// Steps returns what an inspected disconnection takes.
func (d *Disconnection) Steps() []Step { return d.steps(d.Hub.DeleteCluster, withHooks) }

// ForcedSteps is Steps for a cluster in which nothing can be relied on: without hooks, and without the
// custom resources' finalizers.
func (d *Disconnection) ForcedSteps() []Step { return d.steps(d.Hub.ForceDeleteCluster, withoutHooks) }

func (d *Disconnection) steps(remove func(context.Context, fairlead.ResourceID) error, mode hooks) []Step {
	var steps []Step
	if d.hasHub {
		steps = append(steps, Step{Name: "Remove from the hub", Run: func(ctx context.Context) (string, error) {
			err := remove(ctx, d.ID)
			if fairlead.KindOf(err) == fairlead.NotFound {
				return "gone already", nil
			}
			return "", err
		}})
	}
	if d.hasCluster {
		steps = append(steps, Step{Name: "Remove the agents", Run: func(ctx context.Context) (string, error) {
			err := d.Cluster.strip(ctx, mode, d.Report)
			if err != nil && !errors.Is(err, context.Canceled) {
				err = fmt.Errorf("%w\nThe same command goes on where this one stopped", err)
			}
			return "nothing of theirs is left", err
		}})
	}
	return steps
}
