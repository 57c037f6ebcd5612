package doctor

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Manager says who keeps an object as it is, so that a change by hand would be undone; "" when nobody does.
func Manager(meta *metav1.ObjectMeta) string {
	labels, annotations := meta.Labels, meta.Annotations
	switch {
	case labels["kustomize.toolkit.fluxcd.io/name"] != "":
		return "Flux Kustomization " + labels["kustomize.toolkit.fluxcd.io/namespace"] + "/" + labels["kustomize.toolkit.fluxcd.io/name"]
	case labels["helm.toolkit.fluxcd.io/name"] != "":
		return "Flux HelmRelease " + labels["helm.toolkit.fluxcd.io/namespace"] + "/" + labels["helm.toolkit.fluxcd.io/name"]
	case annotations["argocd.argoproj.io/tracking-id"] != "":
		return "Argo CD application " + before(annotations["argocd.argoproj.io/tracking-id"])
	case labels["argocd.argoproj.io/instance"] != "":
		return "Argo CD application " + labels["argocd.argoproj.io/instance"]
	case annotations["meta.helm.sh/release-name"] != "":
		return "Helm release " + annotations["meta.helm.sh/release-namespace"] + "/" + annotations["meta.helm.sh/release-name"]
	}
	return ""
}

func before(tracking string) string {
	for i, r := range tracking {
		if r == ':' {
			return tracking[:i]
		}
	}
	return tracking
}

// manage notes on every object of problems who manages it.
func manage(s *snapshot.Snapshot, all []Finding) {
	metas := metadata(s)
	for i := range all {
		if !all[i].Problem() {
			continue
		}
		for j := range all[i].Objects {
			object := &all[i].Objects[j]
			if meta := metas[Object{Kind: object.Kind, Namespace: object.Namespace, Name: object.Name}]; meta != nil {
				object.Managed = Manager(meta)
			}
		}
	}
}

func metadata(s *snapshot.Snapshot) map[Object]*metav1.ObjectMeta {
	found := map[Object]*metav1.ObjectMeta{}
	index(found, "Deployment", s.Deployments, func(i int) *metav1.ObjectMeta { return &s.Deployments[i].ObjectMeta })
	index(found, "DaemonSet", s.DaemonSets, func(i int) *metav1.ObjectMeta { return &s.DaemonSets[i].ObjectMeta })
	index(found, "Job", s.Jobs, func(i int) *metav1.ObjectMeta { return &s.Jobs[i].ObjectMeta })
	index(found, "Service", s.Services, func(i int) *metav1.ObjectMeta { return &s.Services[i].ObjectMeta })
	index(found, "ConfigMap", s.ConfigMaps, func(i int) *metav1.ObjectMeta { return &s.ConfigMaps[i].ObjectMeta })
	index(found, "Namespace", s.Namespaces, func(i int) *metav1.ObjectMeta { return &s.Namespaces[i].ObjectMeta })
	index(found, "ResourceQuota", s.ResourceQuotas, func(i int) *metav1.ObjectMeta { return &s.ResourceQuotas[i].ObjectMeta })
	index(found, "LimitRange", s.LimitRanges, func(i int) *metav1.ObjectMeta { return &s.LimitRanges[i].ObjectMeta })
	index(found, "ValidatingWebhookConfiguration", s.ValidatingWebhooks, func(i int) *metav1.ObjectMeta { return &s.ValidatingWebhooks[i].ObjectMeta })
	index(found, "MutatingWebhookConfiguration", s.MutatingWebhooks, func(i int) *metav1.ObjectMeta { return &s.MutatingWebhooks[i].ObjectMeta })
	for _, list := range s.Custom {
		for i := range list {
			meta := &metav1.ObjectMeta{Labels: list[i].GetLabels(), Annotations: list[i].GetAnnotations()}
			found[Object{Kind: list[i].GetKind(), Namespace: list[i].GetNamespace(), Name: list[i].GetName()}] = meta
		}
	}
	return found
}

func index[T any](into map[Object]*metav1.ObjectMeta, kind string, list []T, meta func(int) *metav1.ObjectMeta) {
	for i := range list {
		m := meta(i)
		into[Object{Kind: kind, Namespace: m.Namespace, Name: m.Name}] = m
	}
}
