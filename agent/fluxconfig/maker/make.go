package maker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/fluxconfig/plan"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/protected"
)

// make makes all that a configuration is, removes what it is not any more, and says so in its status.
func (c *Controller) make(ctx context.Context, object *fluxconfig.Object, memory *memory) (time.Duration, error) {
	applied := fluxconfig.Applied{Generation: object.Spec.Generation}
	key, err := c.realise(ctx, object)
	if passes(err) && memory.backoff.Failures < passing {
		return resync, err // the hub takes what is noted for the end of its operation
	}
	applied.PublicKey = key
	if err != nil {
		applied.Error = err.Error()
	}
	if noted := c.note(ctx, object, applied); noted != nil && err == nil {
		err = noted
	}
	return resync, err
}

// passing is how often in a row an error that may pass is borne before people are told of it: half a minute.
const passing = 5

// passes reports whether an error may be gone at the next attempt, as those of a cluster that is busy are.
func passes(err error) bool {
	_, lost := errors.AsType[net.Error](err)
	return lost || fairlead.KindOf(err) == fairlead.Unavailable || apierrors.IsConflict(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsTooManyRequests(err) || apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err)
}

// realise makes the objects, and returns the public key of a repository that is read over ssh.
func (c *Controller) realise(ctx context.Context, object *fluxconfig.Object) (publicKey string, err error) {
	if err := c.agrees(object); err != nil {
		return "", err
	}
	if err := c.space(ctx, object.Spec.Namespace); err != nil { // before a key is made, which could not be kept
		return "", err
	}
	wanted := plan.Configuration{Name: object.Name, Owner: object.UID, Spec: object.Spec, NodeIdentity: c.NodeIdentity}
	if wanted.Settings, err = c.settings(ctx, object); err != nil {
		return "", err
	}
	if wanted.SSH, err = c.ssh(ctx, wanted); err != nil {
		return "", err
	}
	if wanted.SSH != nil {
		publicKey = string(wanted.SSH.Public)
	}
	objects, err := wanted.Objects()
	if err != nil {
		return publicKey, err
	}
	for _, one := range append(wanted.Account(), objects...) {
		if _, err := c.Kube.Apply(ctx, one.Where, one.Name, manager, one.Body); err != nil {
			return publicKey, err
		}
	}
	if err := c.removeOthers(ctx, object, objects); err != nil {
		return publicKey, err
	}
	return publicKey, c.narrow(ctx, object)
}

// agrees refuses a namespace in which another configuration acts with other rights: they would share one account.
func (c *Controller) agrees(object *fluxconfig.Object) error {
	for _, other := range c.beside(object) {
		older := other.CreationTimestamp.Before(&object.CreationTimestamp) || other.CreationTimestamp.Equal(&object.CreationTimestamp) && other.Name < object.Name
		if older && other.Spec.Scope != object.Spec.Scope {
			return fairlead.Errorf(fairlead.Conflict, "configuration %s of scope %s is in namespace %s already, and configurations of one namespace share account %s; choose another namespace or scope %s",
				other.Name, other.Spec.Scope, object.Spec.Namespace, fluxconfig.Applier, other.Spec.Scope)
		}
	}
	return nil
}

// settings reads the protected settings that the spec names.
func (c *Controller) settings(ctx context.Context, object *fluxconfig.Object) (map[string]string, error) {
	named := object.Spec.ProtectedSettings
	if named == nil {
		return nil, nil
	}
	name := fluxconfig.SecretName(object.Name)
	if named.SecretName != name {
		return nil, fairlead.Errorf(fairlead.Invalid, "the protected settings of a Flux configuration are in Secret %s, not in %.100q", name, named.SecretName)
	}
	var secret corev1.Secret
	if err := c.Kube.Get(ctx, kube.Secrets(c.Namespace), name, &secret); err != nil {
		return nil, fmt.Errorf("read the protected settings: %w", err)
	}
	if secret.Annotations[protected.Hash] != named.Hash {
		return nil, fairlead.Errorf(fairlead.Unavailable, "Secret %s holds the protected settings of another generation", name)
	}
	return protected.Settings(&secret)
}

// space makes the namespace when it is missing, with a mark by which it is known when it may go.
func (c *Controller) space(ctx context.Context, name string) error {
	var found metav1.PartialObjectMetadata
	err := c.Kube.Get(ctx, kube.Namespaces(), name, &found)
	if apierrors.IsNotFound(err) {
		_, err = c.Kube.Apply(ctx, kube.Namespaces(), name, manager, &corev1.Namespace{
			TypeMeta: kube.Namespaces().TypeMeta("Namespace"),
			ObjectMeta: metav1.ObjectMeta{
				Name: name, Labels: map[string]string{fluxconfig.LabelManaged: "true"}, Annotations: map[string]string{fluxconfig.AnnotationMade: manager},
			},
		})
		return err
	}
	if err == nil && found.DeletionTimestamp != nil {
		return fairlead.Errorf(fairlead.Unavailable, "namespace %s is still being deleted; the configuration waits for its end", name)
	}
	return err
}

// narrow takes away rights that an account had by another scope.
func (c *Controller) narrow(ctx context.Context, object *fluxconfig.Object) error {
	space := object.Spec.Namespace
	if object.Spec.Scope == fairlead.ScopeCluster {
		return ignoreMissing(c.Kube.Delete(ctx, kube.RoleBindings(space), fluxconfig.Applier))
	}
	return ignoreMissing(c.Kube.Delete(ctx, kube.ClusterRoleBindings(), fluxconfig.Applier+"-"+space))
}

func ignoreMissing(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// note writes what was done into the status, when that is news.
func (c *Controller) note(ctx context.Context, object *fluxconfig.Object, applied fluxconfig.Applied) error {
	if old := object.Status.Applied; old != nil {
		applied.Time = old.Time
		if *old == applied {
			return nil
		}
	}
	applied.Time = c.Now().UTC().Truncate(time.Second)
	where := kube.FluxConfigs(c.Namespace)
	body := map[string]any{
		"apiVersion": where.GroupVersion().String(), "kind": fairlead.FluxConfigKind, "metadata": map[string]any{"name": object.Name, "namespace": c.Namespace},
		"status": map[string]any{"applied": applied},
	}
	if _, err := c.Kube.Apply(ctx, where, object.Name, manager, body, "status"); err != nil {
		return fmt.Errorf("note what was made: %w", err)
	}
	return nil
}
