package collect

import (
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	agents      = fairlead.AgentNamespace
	lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
)

// pruneMeta drops what no check reads and what may repeat a whole object with its secrets.
func pruneMeta(meta *metav1.ObjectMeta) {
	meta.ManagedFields = nil
	delete(meta.Annotations, lastApplied)
}

func pruneNode(node *corev1.Node) {
	pruneMeta(&node.ObjectMeta)
	node.Status.VolumesAttached, node.Status.VolumesInUse = nil, nil
}

func (c *collector) prunePod(pod *corev1.Pod) {
	pruneMeta(&pod.ObjectMeta)
	c.pruneSpec(&pod.Spec)
	pod.Status.Message = c.source.Redact.Text(pod.Status.Message)
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses} {
		for i := range statuses {
			c.pruneState(&statuses[i].State)
			c.pruneState(&statuses[i].LastTerminationState)
		}
	}
	c.share(pod)
}

func (c *collector) pruneState(state *corev1.ContainerState) {
	if state.Waiting != nil {
		state.Waiting.Message = c.source.Redact.Text(state.Waiting.Message)
	}
	if state.Terminated != nil {
		state.Terminated.Message = c.source.Redact.Text(state.Terminated.Message)
	}
}

// pruneSpec replaces secrets in variables and arguments of containers.
func (c *collector) pruneSpec(spec *corev1.PodSpec) {
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range containers {
			for j := range containers[i].Env {
				variable := &containers[i].Env[j]
				variable.Value = c.source.Redact.Value(variable.Name, variable.Value)
			}
			for j := range containers[i].Args {
				containers[i].Args[j] = c.source.Redact.Text(containers[i].Args[j])
			}
			for j := range containers[i].Command {
				containers[i].Command[j] = c.source.Redact.Text(containers[i].Command[j])
			}
		}
	}
}

// pruneConfigMap keeps managedFields: when it was changed is what EXT-08 asks.
func (c *collector) pruneConfigMap(config *corev1.ConfigMap) {
	delete(config.Annotations, lastApplied)
	config.BinaryData = nil
	for key, value := range config.Data {
		config.Data[key] = c.source.Redact.Value(key, value)
	}
}

// readDefinitions keeps names, versions and states of CustomResourceDefinitions; their schemas can be many megabytes.
func (c *collector) readDefinitions(ctx context.Context, _ string) error {
	resource := schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	list, err := c.objects.Resource(resource).List(ctx, cached())
	if err != nil {
		return err
	}
	for i := range list.Items {
		pruneDefinition(&list.Items[i])
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.snapshot.Definitions = append(c.snapshot.Definitions, list.Items...)
	return nil
}

func pruneDefinition(definition *unstructured.Unstructured) {
	pruneUnstructured(definition)
	versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
	if err != nil {
		return
	}
	for _, version := range versions {
		if fields, ok := version.(map[string]any); ok {
			delete(fields, "schema")
			delete(fields, "additionalPrinterColumns")
		}
	}
	_ = unstructured.SetNestedSlice(definition.Object, versions, "spec", "versions") // it was there
	unstructured.RemoveNestedField(definition.Object, "spec", "conversion")
}

func pruneUnstructured(object *unstructured.Unstructured) {
	object.SetManagedFields(nil)
	annotations := object.GetAnnotations()
	if _, ok := annotations[lastApplied]; ok {
		delete(annotations, lastApplied)
		object.SetAnnotations(annotations)
	}
}

// readSecrets asks for names and labels only; the data never leaves the API server.
func (c *collector) readSecrets(ctx context.Context, namespace string) error {
	list, err := c.names.Resource(corev1.SchemeGroupVersion.WithResource("secrets")).Namespace(namespace).List(ctx, cached())
	if err != nil {
		return err
	}
	for i := range list.Items {
		pruneMeta(&list.Items[i].ObjectMeta)
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.snapshot.Secrets = append(c.snapshot.Secrets, list.Items...)
	return nil
}

// discoverCustom lists the custom resources that are needed and served.
func (c *collector) discoverCustom(ctx context.Context) {
	versions, err := c.servedVersions()
	var steps []func(context.Context)
	for _, resource := range snapshot.CustomResources() {
		if len(c.needs(resource)) == 0 {
			continue
		}
		version, served := versions[resource]
		switch {
		case err != nil:
			c.cover(resource, snapshot.Need{Resource: resource}, err)
		case !served:
			c.mutex.Lock()
			c.coverage(resource).Served = false
			c.mutex.Unlock()
		default:
			steps = append(steps, func(ctx context.Context) {
				c.listNeeded(ctx, resource, c.customReader(resource, version), c.needs(resource))
			})
		}
	}
	c.parallel(ctx, steps...)
}

// servedVersions returns the preferred version of each custom resource that is served.
func (c *collector) servedVersions() (map[snapshot.Resource]string, error) {
	groups, lists, err := c.served.ServerGroupsAndResources()
	if groups == nil && err != nil {
		return nil, err
	}
	found := map[snapshot.Resource]string{}
	preferred := map[string]string{}
	for _, group := range groups {
		preferred[group.Name] = group.PreferredVersion.GroupVersion
		c.snapshot.Server.Groups = append(c.snapshot.Server.Groups, group.Name)
	}
	for _, list := range lists {
		version, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			continue
		}
		for _, one := range list.APIResources {
			name := snapshot.Resource(one.Name + "." + version.Group)
			if slices.Contains(snapshot.CustomResources(), name) && (found[name] == "" || preferred[version.Group] == list.GroupVersion) {
				found[name] = version.Version
			}
		}
	}
	return found, nil
}

func (c *collector) customReader(resource snapshot.Resource, version string) reader {
	at := resource.GroupResource().WithVersion(version)
	return func(ctx context.Context, namespace string) error {
		list, err := c.objects.Resource(at).Namespace(namespace).List(ctx, cached())
		if err != nil {
			return err
		}
		for i := range list.Items {
			pruneUnstructured(&list.Items[i])
			if clean, ok := c.source.Redact.JSON(list.Items[i].Object).(map[string]any); ok {
				list.Items[i].Object = clean
			}
		}
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.snapshot.Custom[resource] = append(c.snapshot.Custom[resource], list.Items...)
		return nil
	}
}
