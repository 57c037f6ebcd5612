package clusteridentity

import (
	"context"
	"log/slog"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
)

// proxyCertificate is the ArcCertificate of the agents' API proxy, at which az looks when it troubleshoots a cluster.
const proxyCertificate = "kube-aad-proxy"

// arcCertificate says what became of a certificate that an agent serves with.
type arcCertificate struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`

	Status *certificateStatus `json:"status,omitempty"`
}

type certificateStatus struct {
	State   string `json:"state"`
	Message string `json:"message"`
}

// notNeeded is the state of a certificate with which nobody serves.
const notNeeded = "NotNeeded"

// tellOfProxy writes once that the API proxy needs no certificate, as this version has none. It is no reason for the agent to
// stop or to be unready when that cannot be written.
func (o *Operator) tellOfProxy(ctx context.Context) error {
	backoff := pace.Backoff{Min: time.Second, Max: time.Minute}
	for {
		err := o.publishProxy(ctx)
		if err == nil || ctx.Err() != nil {
			return ctx.Err()
		}
		o.Log.WarnContext(ctx, "cannot write the status of a certificate", slog.String("error", err.Error()))
		if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
			return err
		}
	}
}

func (o *Operator) publishProxy(ctx context.Context) error {
	where := kube.ArcCertificates(o.Namespace)
	object := arcCertificate{
		TypeMeta: where.TypeMeta("ArcCertificate"), Metadata: metav1.ObjectMeta{Name: proxyCertificate, Namespace: o.Namespace},
	}
	if _, err := o.Kube.Apply(ctx, where, proxyCertificate, manager, object); err != nil {
		return err
	}
	object.Status = &certificateStatus{notNeeded, "cluster connect is not part of this version, so that kube-aad-proxy needs no certificate"}
	_, err := o.Kube.Apply(ctx, where, proxyCertificate, manager, object, "status")
	return err
}
