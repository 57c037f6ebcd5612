package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
)

const (
	cleanTime = 30 * time.Second
	// No run lasts this long: what is older was left by one that was killed.
	abandoned = 10 * time.Minute
	// A pod that a live node does not let go in this time is on a node that does not live.
	letGo = 10 * time.Second
)

// kind is one of the three that a probe makes, as kubectl names it.
type kind string

const (
	pods       kind = "pod"
	configMaps kind = "configmap"
	secrets    kind = "secret"
)

// object is something in the visit's namespace.
type object struct {
	kind kind
	name string
}

// clean takes away everything that was made, pods first.
func (v *visit) clean(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTime)
	defer cancel()
	slices.SortStableFunc(v.made, func(a, b object) int { return rank(a) - rank(b) })
	left := &Leftover{Namespace: v.namespace}
	for _, what := range v.made {
		if err := v.delete(ctx, what, 1); err != nil {
			left.Objects = append(left.Objects, fmt.Sprintf("%s %s", what.kind, what.name))
			left.Err = errors.Join(left.Err, err)
		}
	}
	for _, what := range v.made {
		if what.kind == pods {
			v.awaitGone(ctx, what)
		}
	}
	if left.Err != nil {
		return left
	}
	return nil
}

func rank(what object) int {
	if what.kind == pods {
		return 0
	}
	return 1
}

// remove takes away one object early; clean tries again and tells.
func (v *visit) remove(ctx context.Context, what object) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), requestTime)
	defer cancel()
	_ = v.delete(ctx, what, 1)
}

func (v *visit) delete(ctx context.Context, what object, seconds int64) error {
	api, options := v.Client.CoreV1(), metav1.DeleteOptions{}
	var err error
	switch what.kind {
	case pods:
		options.GracePeriodSeconds = &seconds
		err = api.Pods(v.namespace).Delete(ctx, what.name, options)
	case configMaps:
		err = api.ConfigMaps(v.namespace).Delete(ctx, what.name, options)
	case secrets:
		err = api.Secrets(v.namespace).Delete(ctx, what.name, options)
	}
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// awaitGone waits for the node to confirm, and does without where it does not.
func (v *visit) awaitGone(ctx context.Context, what object) {
	err := wait.PollUntilContextTimeout(ctx, lookEvery, letGo, true, func(ctx context.Context) (bool, error) {
		_, err := v.Client.CoreV1().Pods(v.namespace).Get(ctx, what.name, metav1.GetOptions{})
		return apierrors.IsNotFound(err), nil
	})
	if err != nil {
		_ = v.delete(ctx, what, 0)
	}
}

// sweep takes away what a killed run has left. It is a courtesy: what cannot be listed stays.
func (v *visit) sweep(ctx context.Context, now time.Time) {
	api, options := v.Client.CoreV1(), metav1.ListOptions{LabelSelector: Label + "=" + LabelValue}
	var found []object
	add := func(kind kind, meta metav1.ObjectMeta) {
		if now.Sub(meta.CreationTimestamp.Time) > abandoned {
			found = append(found, object{kind, meta.Name})
		}
	}
	if list, err := api.Pods(v.namespace).List(ctx, options); err == nil {
		for i := range list.Items {
			add(pods, list.Items[i].ObjectMeta)
		}
	}
	if list, err := api.ConfigMaps(v.namespace).List(ctx, options); err == nil {
		for i := range list.Items {
			add(configMaps, list.Items[i].ObjectMeta)
		}
	}
	// Secrets are looked at only when there is a trace of a run that may have left one.
	if len(found) > 0 {
		if list, err := api.Secrets(v.namespace).List(ctx, options); err == nil {
			for i := range list.Items {
				add(secrets, list.Items[i].ObjectMeta)
			}
		}
	}
	for _, what := range found {
		v.remove(ctx, what)
	}
}
