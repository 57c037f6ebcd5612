package clusteridentity

import (
	"context"
	"log/slog"
	"time"

	"golang.org/x/time/rate"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/logline"
)

// requestName is the name of the one AzureClusterIdentityRequest.
const requestName = "cluster-identity-request"

// request is an AzureClusterIdentityRequest.
type request struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`

	Spec   *spec   `json:"spec,omitempty"`
	Status *status `json:"status,omitempty"`
}

type spec struct {
	ResourceID string `json:"resourceId"`
}

type status struct {
	State          string `json:"state"`
	Message        string `json:"message"`
	PrincipalID    string `json:"principalId,omitempty"`
	TenantID       string `json:"tenantId,omitempty"`
	ExpirationTime string `json:"expirationTime,omitempty"`
	RenewalTime    string `json:"renewalTime,omitempty"`
}

// The states of a request.
const (
	statePending   = "Pending"
	stateSucceeded = "Succeeded"
	stateFailed    = "Failed"
)

// tell makes probes, log and the custom resource say how it stands. Only what is new is told.
func (o *Operator) tell(ctx context.Context, err error) {
	current, _, reason := o.Holder.Current()
	now := o.describe(current, reason, err)
	o.Ready(o.readiness(current, reason, err))
	o.log(ctx, err)
	if now == o.reported {
		return
	}
	if err := o.publish(ctx, now); err != nil {
		o.Log.WarnContext(ctx, "cannot write the status of the identity request", slog.String("error", err.Error()))
		return // and try again next time
	}
	o.reported = now
}

// log says what is waited for once, and that the identity cannot be had now and then.
func (o *Operator) log(ctx context.Context, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	news := text != o.logged
	o.logged = text
	switch {
	case err == nil || ctx.Err() != nil:
	case waiting(err) && news:
		o.Log.InfoContext(ctx, "waiting", slog.String(logline.Phrase, text))
	case !waiting(err):
		if news {
			o.failures = rate.Sometimes{Interval: 2 * time.Minute}
		}
		o.failures.Do(func() {
			o.Log.ErrorContext(ctx, "cannot obtain the identity certificate", slog.String("error", text))
		})
	}
}

// readiness is about having a usable identity, not about the last attempt to renew it.
func (o *Operator) readiness(current *identity.Identity, reason, err error) error {
	switch {
	case current != nil && o.Now().Before(current.Leaf().NotAfter) && current.BelongsTo(o.Cluster) == nil:
		return nil
	case err != nil:
		return err
	case reason != nil:
		return reason
	default:
		return fairlead.Errorf(fairlead.Unavailable, "the identity certificate has expired")
	}
}

func (o *Operator) describe(current *identity.Identity, reason, err error) status {
	told := status{State: stateSucceeded, Message: "the identity certificate is valid"}
	switch {
	case waiting(err):
		told.State, told.Message = statePending, err.Error()
	case err != nil:
		told.State, told.Message = stateFailed, err.Error()
	case current == nil:
		told.State, told.Message = statePending, reason.Error()
	}
	if current != nil {
		told.PrincipalID, told.TenantID = current.PrincipalID, current.TenantID
		told.ExpirationTime = current.Leaf().NotAfter.UTC().Format(time.RFC3339)
		told.RenewalTime = current.RenewAfter.UTC().Format(time.RFC3339)
	}
	return told
}

func (o *Operator) publish(ctx context.Context, told status) error {
	where := kube.IdentityRequests(o.Namespace)
	object := request{
		TypeMeta: where.TypeMeta("AzureClusterIdentityRequest"),
		Metadata: metav1.ObjectMeta{Name: requestName, Namespace: o.Namespace},
	}
	if o.reported == (status{}) {
		wanted := object
		wanted.Spec = &spec{ResourceID: o.Cluster.String()}
		if _, err := o.Kube.Apply(ctx, where, requestName, manager, wanted); err != nil {
			return err
		}
	}
	object.Status = &told
	_, err := o.Kube.Apply(ctx, where, requestName, manager, object, "status")
	return err
}
