// Package fix does what the remedies of findings say to a live cluster: it tries a change first with a server-side dry run and
// shows what would differ, and then makes exactly that change, unless the object became another one in between. It decides
// nothing: which remedy is worth doing, and who has to be asked, is the caller's business.
package fix

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/doctor"
)

const (
	// Owner is the field manager of every change.
	Owner = "fairlead-doctor"

	callTimeout = 15 * time.Second
)

var (
	// ErrChanged says that the object is no longer what the preview was made of.
	ErrChanged = errors.New("it has changed since it was looked at")
	// ErrGone says that there is no such object.
	ErrGone = errors.New("it is not there any more")
)

// Fixer makes changes on one cluster.
type Fixer struct {
	objects dynamic.Interface
	now     func() time.Time
}

// New returns a Fixer for a cluster. It makes no call.
func New(config *rest.Config) (*Fixer, error) {
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("prepare changes of the cluster: %w", err)
	}
	return &Fixer{objects: objects, now: time.Now}, nil
}

// Change is an action that the API server would accept, and what it would do.
type Change struct {
	Object doctor.Object // Managed says who keeps it as it is
	// Diff is what would differ, as a unified diff of YAML; empty when nothing would. What Secrets hold is left out.
	Diff string
	// Before is the object as it is; nil when it would be created.
	Before *unstructured.Unstructured

	action doctor.Action
	call   call
}

// Preview asks the API server what an action would do, without doing it. The error says what the API server has against it.
func (f *Fixer) Preview(ctx context.Context, action doctor.Action) (Change, error) {
	change := Change{action: action, Object: doctor.Object{Kind: action.Resource, Namespace: action.Namespace, Name: action.Name}}
	before, err := f.get(ctx, action)
	if err != nil {
		return change, err
	}
	change.Before = before
	if change.call, err = f.prepare(action, before); err != nil {
		return change, fmt.Errorf("%s %s: %w", action.Verb, change.Object, err)
	}
	after, err := f.perform(ctx, action, change.call, []string{metav1.DryRunAll})
	if err != nil {
		return change, change.explain(err)
	}
	change.name(after)
	change.Diff, err = diff(before, after)
	return change, err
}

// Do makes the change that was previewed. ErrChanged and ErrGone tell that the preview is out of date.
func (f *Fixer) Do(ctx context.Context, change Change) error {
	if change.Before == nil {
		there, err := f.get(ctx, change.action)
		if err != nil {
			return err
		}
		if there != nil {
			return fmt.Errorf("%s: %w", change.Object, ErrChanged)
		}
	}
	_, err := f.perform(ctx, change.action, change.call, nil)
	return change.explain(err)
}

func (f *Fixer) resource(action doctor.Action) (dynamic.ResourceInterface, error) {
	group, err := schema.ParseGroupVersion(action.APIVersion)
	if err != nil {
		return nil, fmt.Errorf("%q is no API version: %w", action.APIVersion, err)
	}
	resource := f.objects.Resource(group.WithResource(action.Resource))
	if action.Namespace == "" {
		return resource, nil
	}
	return resource.Namespace(action.Namespace), nil
}

// get returns the object as it is, nil when it is not there and the action would create it.
func (f *Fixer) get(ctx context.Context, action doctor.Action) (*unstructured.Unstructured, error) {
	resource, err := f.resource(action)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	name := doctor.Object{Kind: action.Resource, Namespace: action.Namespace, Name: action.Name}
	found, err := resource.Get(ctx, action.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err) && action.Verb == doctor.Apply:
		return nil, nil //nolint:nilnil // nothing there is an answer
	case apierrors.IsNotFound(err):
		return nil, fmt.Errorf("%s: %w", name, ErrGone)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", name, err)
	}
	return found, nil
}

// name takes the kind and the manager from the object itself.
func (c *Change) name(after *unstructured.Unstructured) {
	seen := c.Before
	if seen == nil {
		seen = after
	}
	if seen == nil {
		return
	}
	c.Object.Kind = seen.GetKind()
	if c.Before != nil {
		c.Object.Managed = doctor.Manager(&metav1.ObjectMeta{Labels: seen.GetLabels(), Annotations: seen.GetAnnotations()})
	}
}
