package connect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/fairlead/fairlead"
)

// rolloutTimeout is how long the agents may take to become what a change has made of them.
const rolloutTimeout = 10 * time.Minute

// yamlBuffer is what a document's kind is found within.
const yamlBuffer = 4096

// componentLabel is what a Deployment of the chart selects its pods by.
const componentLabel = "app.kubernetes.io/component"

// settle waits until the Deployments of the release are as it has them, and those that it no longer has are gone.
func (f *FeatureChange) settle(ctx context.Context) (string, error) {
	wanted, former := deployments(f.after), deployments(f.before)
	var gone []string
	for name := range former {
		if wanted[name] == nil {
			gone = append(gone, name)
		}
	}
	if err := f.Cluster.awaitRollout(ctx, slices.Sorted(maps.Keys(wanted)), gone, f.Report); err != nil {
		return "", err
	}
	text := count(len(wanted), "Deployment") + " ready"
	if len(gone) > 0 {
		text += ", gone: " + strings.Join(slices.Sorted(slices.Values(gone)), ", ")
	}
	return text, nil
}

func (k *Cluster) awaitRollout(ctx context.Context, wanted, gone []string, report Reporter) error {
	waiting, cancel := context.WithTimeoutCause(ctx, rolloutTimeout, errSlow)
	defer cancel()
	watch := newWatch(k, "") // any agent counts
	missing := ""
	err := until(waiting, func(ctx context.Context) (bool, error) {
		var err error
		if missing, err = k.unsettled(ctx, wanted, gone); err != nil {
			return false, ignoreBlip(ctx, err)
		}
		if missing == "" {
			return true, nil
		}
		now := time.Now()
		hopeless := watch.look(ctx, now)
		report.Note(missing + watch.heldUp(now))
		return false, hopeless
	})
	var hopeless *hopelessError
	switch {
	case errors.As(err, &hopeless):
		return fairlead.Errorf(fairlead.Unavailable, "%s, and will not be: %s", missing, hopeless.Error()).WithCode(hopeless.code())
	case errors.Is(err, errSlow):
		return fairlead.Errorf(fairlead.Unavailable, "%s after %s.\n%s", missing, rolloutTimeout, watch.evidence(ctx)).WithCode("RolloutTimeout")
	}
	return err
}

// unsettled says what is not yet as it should be; nothing when all is.
func (k *Cluster) unsettled(ctx context.Context, wanted, gone []string) (string, error) {
	for _, name := range wanted {
		found, err := k.api.AppsV1().Deployments(fairlead.AgentNamespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return "Deployment " + name + " is not there", nil
		}
		if err != nil {
			return "", fmt.Errorf("look at Deployment %s: %w", name, err)
		}
		if !rolledOut(found) {
			return "Deployment " + name + " is not ready", nil
		}
	}
	for _, name := range gone {
		left, err := k.api.CoreV1().Pods(fairlead.AgentNamespace).List(ctx, metav1.ListOptions{LabelSelector: agentPods + "," + componentLabel + "=" + name, Limit: 1})
		if err != nil {
			return "", fmt.Errorf("look for pods of %s: %w", name, err)
		}
		if len(left.Items) > 0 {
			return "Pod " + left.Items[0].Name + " is not gone", nil
		}
	}
	return "", nil
}

// rolledOut reports whether all pods of a Deployment, and no others, are those that it wants now, and ready.
func rolledOut(deployment *appsv1.Deployment) bool {
	wanted := int32(1)
	if deployment.Spec.Replicas != nil {
		wanted = *deployment.Spec.Replicas
	}
	now := deployment.Status
	return now.ObservedGeneration >= deployment.Generation && now.UpdatedReplicas == wanted && now.Replicas == wanted && now.AvailableReplicas == wanted
}

// deployments are those of a release, by name, as its chart was rendered.
func deployments(release *releasev1.Release) map[string]*appsv1.Deployment {
	found := map[string]*appsv1.Deployment{}
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(release.Manifest), yamlBuffer)
	for {
		one := &appsv1.Deployment{}
		err := documents.Decode(one)
		if errors.Is(err, io.EOF) {
			return found
		}
		if err == nil && one.Kind == "Deployment" {
			found[one.Name] = one
		}
		if _, malformed := errors.AsType[yaml.YAMLSyntaxError](err); malformed {
			return found // Helm has applied it, so this cannot be; a loop would be worse than a name too few
		}
	}
}

// runs reports whether a release runs an agent, in a pod of its own or with others.
func runs(release *releasev1.Release, agent string) bool {
	for name, one := range deployments(release) {
		for _, container := range one.Spec.Template.Spec.Containers {
			if name == agent || slices.Contains(container.Args, agent) {
				return true
			}
		}
	}
	return false
}
