package helm

import (
	"fmt"
	"strings"

	helmkube "helm.sh/helm/v4/pkg/kube"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/cli-runtime/pkg/resource"
)

// Left returns the objects of a revision that are going and not gone, each with what keeps it.
func (r *Release) Left(revision *releasev1.Release) ([]string, error) {
	all, err := r.objects.Build(strings.NewReader(revision.Manifest), false)
	if err != nil && !meta.IsNoMatchError(err) {
		return nil, fmt.Errorf("look for what is left of release %s: %w", r.Name, err)
	}
	var left []string
	for _, one := range all {
		text, err := keeps(one)
		if err != nil {
			return nil, fmt.Errorf("look for what is left of release %s: %w", r.Name, err)
		}
		if text != "" {
			left = append(left, text)
		}
	}
	return left, nil
}

// keeps describes an object that has been deleted and is still there, and is empty for any other one: what Helm keeps, by a
// policy or because it is somebody else's, is left on purpose.
func keeps(one *resource.Info) (string, error) {
	found, err := resource.NewHelper(one.Client, one.Mapping).Get(one.Namespace, one.Name)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	object, err := meta.Accessor(found)
	if err != nil || object.GetDeletionTimestamp() == nil {
		return "", err
	}
	return Describe(one) + ", kept by " + strings.Join(object.GetFinalizers(), ", "), nil
}

// Describe names an object as KIND/NAMESPACE/NAME, or KIND/NAME when it is in none.
func Describe(one *resource.Info) string {
	kind := one.Mapping.GroupVersionKind.Kind
	if one.Namespace == "" {
		return kind + "/" + one.Name
	}
	return kind + "/" + one.Namespace + "/" + one.Name
}

var _ helmkube.InterfaceWaitOptions = (*objects)(nil)
