// Package plan says which objects in the cluster a Flux configuration is: its account, its Secrets, its source and its
// kustomizations. It makes no call and generates nothing.
package plan

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// Object is one object that is to be, in a shape for server-side apply.
type Object struct {
	Where kube.Collection
	Name  string
	Body  any
}

// custom is an object of Flux.
type custom struct {
	metav1.TypeMeta
	Metadata metav1.ObjectMeta `json:"metadata"`

	Spec any `json:"spec"`
}

// Configuration is what a plan is made of.
type Configuration struct {
	Name string
	// Owner is the UID of its FluxConfig.
	Owner types.UID
	Spec  fairlead.FluxSpec
	// Settings are the protected ones.
	Settings map[string]string
	// SSH is the key by which a repository is read over ssh, nil when that is not so.
	SSH *SSH
	// NodeIdentity says that registries of Azure are read as the nodes' identity when nothing else authenticates.
	NodeIdentity bool
}

// Account returns the account as which Flux works in the configuration's namespace, and what it may do there.
func (c Configuration) Account() []Object {
	space := c.Spec.Namespace
	labels := map[string]string{fluxconfig.LabelManaged: "true", fluxconfig.LabelApplier: space}
	account := &corev1.ServiceAccount{
		TypeMeta:   kube.ServiceAccounts(space).TypeMeta("ServiceAccount"),
		ObjectMeta: metav1.ObjectMeta{Name: fluxconfig.Applier, Namespace: space, Labels: labels},
	}
	subjects := []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: fluxconfig.Applier, Namespace: space}}
	where, name, role := kube.RoleBindings(space), fluxconfig.Applier, "admin"
	if c.Spec.Scope == fairlead.ScopeCluster {
		where, name, role = kube.ClusterRoleBindings(), fluxconfig.Applier+"-"+space, "cluster-admin"
	}
	meta := metav1.ObjectMeta{Name: name, Namespace: where.Namespace, Labels: labels}
	reference := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	var binding any = &rbacv1.RoleBinding{TypeMeta: where.TypeMeta("RoleBinding"), ObjectMeta: meta, Subjects: subjects, RoleRef: reference}
	if where.Namespace == "" {
		binding = &rbacv1.ClusterRoleBinding{TypeMeta: where.TypeMeta("ClusterRoleBinding"), ObjectMeta: meta, Subjects: subjects, RoleRef: reference}
	}
	return []Object{{kube.ServiceAccounts(space), fluxconfig.Applier, account}, {where, name, binding}}
}

// Objects returns what is the configuration's alone, in an order in which nothing refers to what is not there yet.
func (c Configuration) Objects() ([]Object, error) {
	objects, err := c.secrets()
	if err != nil {
		return nil, err
	}
	source, err := c.source()
	if err != nil {
		return nil, err
	}
	objects = append(objects, source)
	for _, name := range slices.Sorted(maps.Keys(c.Spec.Kustomizations)) {
		objects = append(objects, c.kustomization(name))
	}
	return objects, nil
}

func (c Configuration) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{
		Name: name, Namespace: c.Spec.Namespace,
		Labels: map[string]string{fluxconfig.LabelManaged: "true", fluxconfig.LabelName: c.Name, fluxconfig.LabelOwner: string(c.Owner)},
	}
}

func (c Configuration) custom(where kube.Collection, kind, name string, spec any) Object {
	return Object{where, name, custom{where.TypeMeta(kind), c.meta(name), spec}}
}

func (c Configuration) kustomization(name string) Object {
	k := c.Spec.Kustomizations[name]
	spec := kustomization{
		SourceRef: reference{fluxconfig.SourceKind(c.Spec), c.Name}, ServiceAccountName: fluxconfig.Applier, Path: k.Path, Prune: k.Prune, Force: k.Force,
		Wait: k.Wait == nil || *k.Wait, PostBuild: k.PostBuild, Suspend: c.Spec.Suspend,
	}
	spec.Interval, spec.Timeout = rhythm(k.FluxRhythm)
	if k.RetryIntervalInSeconds > 0 {
		retry := seconds(k.RetryIntervalInSeconds)
		spec.RetryInterval = &retry
	}
	for _, other := range k.DependsOn {
		spec.DependsOn = append(spec.DependsOn, reference{Name: fluxconfig.KustomizationName(c.Name, other)})
	}
	return c.custom(kube.Kustomizations(c.Spec.Namespace), "Kustomization", fluxconfig.KustomizationName(c.Name, name), spec)
}
