package metadata

import (
	"context"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

type connectedCluster struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`

	Status *status `json:"status,omitempty"`
}

// objectName is the name of the one ConnectedCluster.
const objectName = "clustermetadata"

// offer leaves a status to be written, in place of one that still waits for that. It never blocks: an
// API server that does not answer must not keep heartbeats from the hub.
func (o *Operator) offer(now status) {
	select {
	case <-o.unpublished:
	default:
	}
	o.unpublished <- now
}

// publishAll writes what is offered until the end of ctx.
func (o *Operator) publishAll(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-o.unpublished:
			if err := o.persist(ctx, now); err != nil {
				return err
			}
		}
	}
}

// persist tries until a status is written, or outdated.
func (o *Operator) persist(ctx context.Context, now status) error {
	backoff := pace.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}
	for {
		err := o.publish(ctx, now)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		o.Log.WarnContext(ctx, "cannot write the status of the connected cluster", slog.String("error", err.Error()))
		if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
			return err
		}
		if len(o.unpublished) > 0 {
			return nil
		}
	}
}

func (o *Operator) publish(ctx context.Context, now status) error {
	where := kube.ConnectedClusters(o.Namespace)
	object := connectedCluster{
		TypeMeta: where.TypeMeta("ConnectedCluster"), Metadata: metav1.ObjectMeta{Name: objectName, Namespace: o.Namespace},
	}
	if !o.created {
		if _, err := o.Kube.Apply(ctx, where, objectName, manager, object); err != nil {
			return err
		}
		o.created = true
	}
	object.Status = &now
	_, err := o.Kube.Apply(ctx, where, objectName, manager, object, "status")
	return err
}
