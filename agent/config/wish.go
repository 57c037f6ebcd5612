package config

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/protected"
)

// wish is a kind of object that another agent works on until it lets it go, and that may come with protected settings.
type wish struct {
	word      string // what people call one
	where     kube.Collection
	finalizer string
	prefix    string // of the name of the Secret with protected settings
	registry  string // of the name of the Secret with credentials for a registry; empty for a kind that needs none
	readable  func(spec json.RawMessage) error
	reports   reporting
}

// request is what this agent has to know of the spec of a wish, whatever its kind.
type request struct {
	Generation        int64                       `json:"generation"`
	ProtectedSettings *fairlead.ProtectedSettings `json:"protectedSettings"`
}

// keep makes an object what the hub wants. Protected settings come first, so that who works on it finds them as soon as it
// reads of them.
func (a *Agent) keep(ctx context.Context, kind wish, wanted fairlead.Configuration) error {
	if !a.Extensions {
		return fairlead.Errorf(fairlead.Invalid, "extensions are off in this cluster: the agents' release has systemDefaultValues.extensions.enabled=false. "+
			"Set it to true with helm upgrade, and %s %s is made", kind.word, wanted.Name)
	}
	var asked request
	if err := json.Unmarshal(wanted.Spec, &asked); err != nil && !wanted.Deleted {
		return fairlead.Errorf(fairlead.Invalid, "the spec of %s %s cannot be read: %w", kind.word, wanted.Name, err)
	}
	if wanted.Deleted {
		return a.deleteKept(ctx, kind, wanted, asked.Generation)
	}
	if err := kind.readable(wanted.Spec); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the spec of %s %s cannot be read: %w", kind.word, wanted.Name, err)
	}
	if err := a.applyProtected(ctx, kind, wanted, asked.ProtectedSettings); err != nil {
		return err
	}
	if err := a.keepRegistry(ctx, kind, wanted); err != nil {
		return err
	}
	if err := a.applySpec(ctx, kind, wanted); err != nil {
		return err
	}
	if asked.ProtectedSettings == nil {
		return a.deleteProtected(ctx, kind, wanted.Name)
	}
	return nil
}

func (a *Agent) applySpec(ctx context.Context, kind wish, wanted fairlead.Configuration) error {
	object := customResource{
		TypeMeta: kind.where.TypeMeta(wanted.Kind), Spec: wanted.Spec,
		Metadata: metav1.ObjectMeta{Name: wanted.Name, Namespace: a.Namespace, Finalizers: []string{kind.finalizer}},
	}
	applied, err := a.Kube.Apply(ctx, kind.where, wanted.Name, manager, object)
	if err != nil {
		return err
	}
	if applied.GetDeletionTimestamp() != nil {
		// It would go with what it says now. It is made anew when the hub offers it again.
		return fairlead.Errorf(fairlead.Unavailable, "%s %s is still being deleted", kind.word, wanted.Name)
	}
	return nil
}

// deleteKept asks who works on an object to take back what it did, by way of the finalizer, or takes that off when all is to
// stay. Whether the object has gone is seen by the watch.
func (a *Agent) deleteKept(ctx context.Context, kind wish, wanted fairlead.Configuration, generation int64) error {
	var err error
	if wanted.Orphan {
		err = a.Kube.Merge(ctx, kind.where, wanted.Name, manager, map[string]any{"metadata": map[string]any{"finalizers": nil}})
	}
	if err == nil {
		err = a.Kube.Delete(ctx, kind.where, wanted.Name)
	}
	if err == nil && !wanted.Orphan {
		err = a.noteGeneration(ctx, kind, wanted, generation)
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	if err := a.deleteProtected(ctx, kind, wanted.Name); err != nil {
		return err
	}
	if err := a.deleteRegistry(ctx, kind, wanted.Name); err != nil {
		return err
	}
	kind.reports.going(wanted.Name, generation)
	return nil
}

// noteGeneration says of which request reports of the deletion are.
func (a *Agent) noteGeneration(ctx context.Context, kind wish, wanted fairlead.Configuration, generation int64) error {
	if generation == 0 {
		return nil
	}
	return a.Kube.Merge(ctx, kind.where, wanted.Name, manager, map[string]any{"spec": map[string]any{"generation": generation}})
}

// deleteProtected deletes protected settings. Those of what goes are of no more use: Helm's hooks run with the values that it has
// stored, and Flux reads a Secret of its own.
func (a *Agent) deleteProtected(ctx context.Context, kind wish, name string) error {
	return a.deleteSecret(ctx, kind.prefix+name)
}

func (a *Agent) deleteSecret(ctx context.Context, name string) error {
	err := a.Kube.Delete(ctx, kube.Secrets(a.Namespace), name)
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	return nil
}

func (a *Agent) applyProtected(ctx context.Context, kind wish, wanted fairlead.Configuration, named *fairlead.ProtectedSettings) error {
	if named == nil || wanted.Protected == "" {
		return nil
	}
	if named.SecretName != kind.prefix+wanted.Name {
		return fairlead.Errorf(fairlead.Invalid, "protected settings of %s %s belong into Secret %s", kind.word, wanted.Name, kind.prefix+wanted.Name)
	}
	settings, err := a.open(wanted.Protected)
	if err != nil {
		return fmt.Errorf("read the protected settings of %s %s: %w", kind.word, wanted.Name, err)
	}
	return a.applySecret(ctx, named.SecretName, named.Hash, settings)
}

// open opens what the hub has sealed for this cluster.
func (a *Agent) open(sealed string) (map[string]string, error) {
	current, _, err := a.Holder.Current()
	if current == nil {
		return nil, err
	}
	return unseal(sealed, current.Key)
}

func (a *Agent) applySecret(ctx context.Context, name, hash string, content map[string]string) error {
	secret, err := protected.Secret(a.Namespace, name, hash, content)
	if err != nil {
		return err
	}
	_, err = a.Kube.Apply(ctx, kube.Secrets(a.Namespace), secret.Name, manager, secret)
	return err
}
