package cause

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// What is read of a cluster, at most.
const (
	maxList       = 500 // objects of one kind and namespace
	maxNamespaces = 5   // of a chart that spreads its objects
)

// world is what was read of the cluster after the failure.
type world struct {
	snapshot.Snapshot

	claims  []corev1.PersistentVolumeClaim
	classes []storagev1.StorageClass
	late    []late
	made    map[doctor.Object]bool // by the release
	gaps    []string               // what could not be read
}

// read fills the world from the namespaces that the release has objects in.
func (i *inquiry) read(ctx context.Context) *world {
	w := &world{late: lateObjects(i.text), made: map[doctor.Object]bool{}}
	w.Taken = i.Now()
	namespaces := []string{i.Namespace}
	add := func(o doctor.Object) {
		w.made[o] = true
		if o.Namespace != "" && !slices.Contains(namespaces, o.Namespace) && len(namespaces) < maxNamespaces {
			namespaces = append(namespaces, o.Namespace)
		}
	}
	for _, one := range w.late {
		add(one.Object)
	}
	for _, one := range parts(i.Manifest, i.Namespace) {
		add(one.Object)
	}
	for _, namespace := range namespaces {
		w.readNamespace(ctx, i.Explainer, namespace)
	}
	w.readCluster(ctx, i.Explainer)
	return w
}

func (w *world) readCluster(ctx context.Context, e *Explainer) {
	options := metav1.ListOptions{Limit: maxList}
	nodes, err := e.Kube.CoreV1().Nodes().List(ctx, options)
	w.gap("nodes", err)
	if err == nil {
		w.Nodes = nodes.Items
	}
	classes, err := e.Kube.StorageV1().StorageClasses().List(ctx, options)
	w.gap("storage classes", err)
	if err == nil {
		w.classes = classes.Items
	}
}

func (w *world) readNamespace(ctx context.Context, e *Explainer, namespace string) {
	w.readPods(ctx, e, namespace)
	options := metav1.ListOptions{Limit: maxList}
	deployments, err := e.Kube.AppsV1().Deployments(namespace).List(ctx, options)
	w.gap("deployments of "+namespace, err)
	if err == nil {
		w.Deployments = append(w.Deployments, deployments.Items...)
	}
	sets, err := e.Kube.AppsV1().ReplicaSets(namespace).List(ctx, options)
	w.gap("replica sets of "+namespace, err)
	if err == nil {
		w.ReplicaSets = append(w.ReplicaSets, sets.Items...)
	}
	daemons, err := e.Kube.AppsV1().DaemonSets(namespace).List(ctx, options)
	w.gap("daemon sets of "+namespace, err)
	if err == nil {
		w.DaemonSets = append(w.DaemonSets, daemons.Items...)
	}
}

func (w *world) readPods(ctx context.Context, e *Explainer, namespace string) {
	options := metav1.ListOptions{Limit: maxList}
	pods, err := e.Kube.CoreV1().Pods(namespace).List(ctx, options)
	w.gap("pods of "+namespace, err)
	if err == nil {
		w.Pods = append(w.Pods, pods.Items...)
	}
	events, err := e.Kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{Limit: 2 * maxList, FieldSelector: "type=" + corev1.EventTypeWarning})
	w.gap("events of "+namespace, err)
	if err == nil {
		w.Events = append(w.Events, events.Items...)
	}
	jobs, err := e.Kube.BatchV1().Jobs(namespace).List(ctx, options)
	w.gap("jobs of "+namespace, err)
	if err == nil {
		w.Jobs = append(w.Jobs, jobs.Items...)
	}
	claims, err := e.Kube.CoreV1().PersistentVolumeClaims(namespace).List(ctx, options)
	w.gap("volume claims of "+namespace, err)
	if err == nil {
		w.claims = append(w.claims, claims.Items...)
	}
}

// gap writes down what could not be read, so that nobody takes silence for health.
func (w *world) gap(what string, err error) {
	if err != nil {
		w.gaps = append(w.gaps, fmt.Sprintf("the %s could not be read: %s", what, flat(err)))
	}
}
