package collect

import (
	"context"
	"errors"
	"iter"
	"maps"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

func mapsKeys[K comparable, V any](m map[K]V) iter.Seq[K] { return maps.Keys(m) }

// reasonOf says why a call failed, in the words of snapshot.Gap; "" when it did not.
func reasonOf(err error) string {
	switch {
	case err == nil:
		return ""
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return snapshot.Forbidden
	case errors.Is(err, context.DeadlineExceeded), apierrors.IsTimeout(err), apierrors.IsServerTimeout(err):
		return snapshot.TimedOut
	}
	return snapshot.Failed
}

func (c *collector) coverage(resource snapshot.Resource) *snapshot.Coverage {
	if c.snapshot.Coverage[resource] == nil {
		c.snapshot.Coverage[resource] = &snapshot.Coverage{Served: true}
	}
	return c.snapshot.Coverage[resource]
}

// cover writes down how a list went.
func (c *collector) cover(resource snapshot.Resource, need snapshot.Need, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	coverage := c.coverage(resource)
	switch {
	case apierrors.IsNotFound(err): // of a list: the API server has no such resource
		coverage.Served = false
	case err != nil:
		coverage.Gaps = append(coverage.Gaps, c.gap(need, err))
	case need.Namespace == "":
		coverage.All = true
	default:
		coverage.Namespaces = append(coverage.Namespaces, need.Namespace)
	}
}

// coverOne writes down how reading one object went.
func (c *collector) coverOne(resource snapshot.Resource, need snapshot.Need, err error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	coverage := c.coverage(resource)
	if err != nil {
		coverage.Gaps = append(coverage.Gaps, c.gap(need, err))
		return
	}
	coverage.Names = append(coverage.Names, need.Namespace+"/"+need.Name)
}

func (c *collector) gap(need snapshot.Need, err error) snapshot.Gap {
	return snapshot.Gap{Need: need, Reason: reasonOf(err), Detail: c.source.Redact.Text(err.Error())}
}

func absentIsFine(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
