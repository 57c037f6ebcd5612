package config

import (
	"context"
	"encoding/json"
	"regexp"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

const manager = fairlead.ConfigAgent

// objectName is what Kubernetes takes for most names: a DNS subdomain.
var objectName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$`)

type customResource struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`

	Spec json.RawMessage `json:"spec"`
}

// apply makes one custom resource's spec what the hub wants; its status is other agents'. The kinds here and in wishes are the
// limit of what a hub can do to a cluster through this agent; the agent's Role is the second one.
func (a *Agent) apply(ctx context.Context, wanted fairlead.Configuration) error {
	where := kube.ConnectedClusters(a.Namespace)
	kind, kept := a.kinds[wanted.APIVersion+" "+wanted.Kind]
	if !kept && (wanted.Kind != "ConnectedCluster" || wanted.APIVersion != where.GroupVersion().String()) {
		return fairlead.Errorf(fairlead.Invalid, "this version of the agents knows no %.100q of %.100q", wanted.Kind, wanted.APIVersion)
	}
	if !objectName.MatchString(wanted.Name) {
		return fairlead.Errorf(fairlead.Invalid, "%.100q is not the name of an object", wanted.Name)
	}
	if kept {
		return a.keep(ctx, kind, wanted)
	}
	if wanted.Deleted {
		return fairlead.Errorf(fairlead.Invalid, "a %s cannot be deleted", wanted.Kind)
	}
	object := customResource{
		TypeMeta: where.TypeMeta(wanted.Kind), Metadata: metav1.ObjectMeta{Name: wanted.Name, Namespace: a.Namespace}, Spec: wanted.Spec,
	}
	_, err := a.Kube.Apply(ctx, where, wanted.Name, manager, object)
	return err
}
