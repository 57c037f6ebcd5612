package connect

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// goneTimeout is how long a namespace may take to go, as with az.
const goneTimeout = 3 * time.Minute

// makeNamespace makes a namespace, marked as the release's, and reports whether it was not there before.
func (k *Cluster) makeNamespace(ctx context.Context, name string) (bool, error) {
	_, err := k.api.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: adoptLabels(), Annotations: adoptAnnotations()},
	}, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("make namespace %s: %w", name, err)
	}
	return true, nil
}

// removeNamespace deletes a namespace, if it is there, and does not wait.
func (k *Cluster) removeNamespace(ctx context.Context, name string) error {
	err := k.api.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("delete namespace %s: %w", name, err)
	}
	return nil
}

// awaitGone waits until a namespace that is being deleted is gone.
func (k *Cluster) awaitGone(ctx context.Context, name string, report Reporter) error {
	ctx, cancel := context.WithTimeoutCause(ctx, goneTimeout, errSlow)
	defer cancel()
	told := ""
	err := until(ctx, func(ctx context.Context) (bool, error) {
		namespace, err := k.api.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		if err != nil {
			return false, ignoreBlip(ctx, err)
		}
		told = "namespace " + name + " is going" + holding(namespace)
		report.Note(told)
		return false, nil
	})
	if errors.Is(err, errSlow) {
		return fairlead.Errorf(fairlead.Unavailable, "%s, and not gone after %s", told, goneTimeout).WithCode("NamespaceTerminating")
	}
	return err
}

var errSlow = errors.New("it took too long")

// ignoreBlip lets a wait go on when one look fails; only the end of the wait ends it.
func ignoreBlip(ctx context.Context, err error) error {
	if ctx.Err() != nil || apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
		return err
	}
	return nil
}

// holding says what keeps a namespace from going, if the API server tells.
func holding(namespace *corev1.Namespace) string {
	for _, condition := range namespace.Status.Conditions {
		if condition.Status == corev1.ConditionTrue && (condition.Type == corev1.NamespaceFinalizersRemaining || condition.Type == corev1.NamespaceContentRemaining) {
			return ": " + strings.TrimSuffix(condition.Message, ".")
		}
	}
	return ""
}

// going reports whether a namespace is being deleted.
func (k *Cluster) going(ctx context.Context, name string) (bool, error) {
	namespace, err := k.api.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at namespace %s: %w", name, err)
	}
	return namespace.DeletionTimestamp != nil, nil
}
