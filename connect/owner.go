package connect

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
)

// ownership says whose a namespace is: what was made for the agents goes with them, what was there before stays.
type ownership int

const (
	absent ownership = iota
	own
	foreign
)

// agentPods selects the pods of the agents' Deployments.
const agentPods = "app.kubernetes.io/instance=" + fairlead.ReleaseName + ",app.kubernetes.io/managed-by=Helm"

// owner finds out whose a namespace is. Everyone who makes one for the agents marks it: connect and the az client
// as the release's, Helm itself (--create-namespace) with the label name.
func (k *Cluster) owner(ctx context.Context, name string) (ownership, error) {
	namespace, err := k.api.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return absent, nil
	case err != nil:
		return absent, fmt.Errorf("look at namespace %s: %w", name, err)
	case namespace.DeletionTimestamp != nil, isOurs(namespace), madeByHelm(namespace):
		return own, nil
	}
	return foreign, nil
}

// madeByHelm reports whether Helm made the release's namespace; it would not make the agents'.
func madeByHelm(namespace *corev1.Namespace) bool {
	return namespace.Name == fairlead.ReleaseNamespace && namespace.Labels["name"] == namespace.Name
}

// vacate removes a namespace that was made for the agents, and everything of theirs from one that was not.
func (k *Cluster) vacate(ctx context.Context, name string, report Reporter) error {
	owner, err := k.owner(ctx, name)
	switch {
	case err != nil || owner == absent:
		return err
	case owner == foreign:
		return k.empty(ctx, name, report)
	}
	if err := k.removeNamespace(ctx, name); err != nil {
		return err
	}
	return k.awaitGone(ctx, name, report)
}

// empty removes everything of the agents' from a namespace. Their pods go first: they would write anew what is
// removed under them.
func (k *Cluster) empty(ctx context.Context, name string, report Reporter) error {
	if err := k.removeOwned(ctx, name, workloads(), report); err != nil {
		return err
	}
	if err := k.awaitNoPods(ctx, name, report); err != nil {
		return err
	}
	if err := k.removeOwned(ctx, name, belongings(), report); err != nil {
		return err
	}
	if name != fairlead.AgentNamespace {
		return nil
	}
	return k.removeSecrets(ctx)
}

func workloads() []kind {
	return []kind{{schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}, "Deployment"}}
}

func belongings() []kind {
	const access = "rbac.authorization.k8s.io"
	return []kind{
		{schema.GroupVersionResource{Group: access, Version: "v1", Resource: "rolebindings"}, "RoleBinding"},
		{schema.GroupVersionResource{Group: access, Version: "v1", Resource: "roles"}, "Role"},
		{schema.GroupVersionResource{Version: "v1", Resource: "serviceaccounts"}, "ServiceAccount"},
		{schema.GroupVersionResource{Version: "v1", Resource: "configmaps"}, "ConfigMap"},
		{schema.GroupVersionResource{Version: "v1", Resource: "secrets"}, "Secret"},
	}
}

// removeSecrets removes the Secrets that only the agents have use for by their names: they make one themselves, and
// the other may lack marks. Proxy settings always have them.
func (k *Cluster) removeSecrets(ctx context.Context) error {
	var failed []error
	for _, name := range agentSecrets() {
		err := k.api.CoreV1().Secrets(fairlead.AgentNamespace).Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			failed = append(failed, fmt.Errorf("delete Secret %s/%s: %w", fairlead.AgentNamespace, name, err))
		}
	}
	return errors.Join(failed...)
}

func agentSecrets() []string { return []string{fairlead.OnboardingKeySecret, fairlead.IdentitySecret} }

// holdsSecrets reports whether Secrets of the agents' are left, which a removal takes away last.
func (k *Cluster) holdsSecrets(ctx context.Context) (bool, error) {
	for _, name := range agentSecrets() {
		_, err := k.api.CoreV1().Secrets(fairlead.AgentNamespace).Get(ctx, name, metav1.GetOptions{})
		if !apierrors.IsNotFound(err) {
			return err == nil, err
		}
	}
	return false, nil
}

// awaitNoPods waits until the agents' pods in a namespace are gone.
func (k *Cluster) awaitNoPods(ctx context.Context, name string, report Reporter) error {
	ctx, cancel := context.WithTimeoutCause(ctx, goneTimeout, errSlow)
	defer cancel()
	told := ""
	err := until(ctx, func(ctx context.Context) (bool, error) {
		pods, err := k.api.CoreV1().Pods(name).List(ctx, metav1.ListOptions{Limit: 1, LabelSelector: agentPods})
		if err != nil {
			return false, ignoreBlip(ctx, err)
		}
		if len(pods.Items) == 0 {
			return true, nil
		}
		told = fmt.Sprintf("pod %s in namespace %s is going", pods.Items[0].Name, name)
		report.Note(told)
		return false, nil
	})
	if errors.Is(err, errSlow) {
		return fairlead.Errorf(fairlead.Unavailable, "%s, and not gone after %s", told, goneTimeout).WithCode("PodTerminating")
	}
	return err
}
