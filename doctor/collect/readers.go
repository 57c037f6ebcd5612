package collect

import (
	"context"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// readers returns how each resource of the API is listed. Custom resources have their own way, because they may not be served.
func (c *collector) readers() map[snapshot.Resource]reader {
	s, core, apps := c.snapshot, c.api.CoreV1(), c.api.AppsV1()
	admission := c.api.AdmissionregistrationV1()
	return map[snapshot.Resource]reader{
		snapshot.Nodes: c.plain(keep(c, &s.Nodes, core.Nodes().List, func(l *corev1.NodeList) []corev1.Node { return l.Items }, pruneNode)),
		snapshot.Namespaces: c.plain(keep(c, &s.Namespaces, core.Namespaces().List, func(l *corev1.NamespaceList) []corev1.Namespace { return l.Items },
			func(n *corev1.Namespace) { pruneMeta(&n.ObjectMeta) })),
		snapshot.Pods: func(ctx context.Context, ns string) error {
			return keepPages(c, &s.Pods, core.Pods(ns).List, func(l *corev1.PodList) []corev1.Pod { return l.Items }, c.prunePod)(ctx)
		},
		snapshot.Services: func(ctx context.Context, ns string) error {
			return keep(c, &s.Services, core.Services(ns).List, func(l *corev1.ServiceList) []corev1.Service { return l.Items },
				func(o *corev1.Service) { pruneMeta(&o.ObjectMeta) })(ctx, cached())
		},
		snapshot.Events: c.readEvents,
		snapshot.ResourceQuotas: func(ctx context.Context, ns string) error {
			return keep(c, &s.ResourceQuotas, core.ResourceQuotas(ns).List, func(l *corev1.ResourceQuotaList) []corev1.ResourceQuota { return l.Items },
				func(o *corev1.ResourceQuota) { pruneMeta(&o.ObjectMeta) })(ctx, cached())
		},
		snapshot.LimitRanges: func(ctx context.Context, ns string) error {
			return keep(c, &s.LimitRanges, core.LimitRanges(ns).List, func(l *corev1.LimitRangeList) []corev1.LimitRange { return l.Items },
				func(o *corev1.LimitRange) { pruneMeta(&o.ObjectMeta) })(ctx, cached())
		},
		snapshot.Deployments: func(ctx context.Context, ns string) error {
			return keep(c, &s.Deployments, apps.Deployments(ns).List, func(l *appsv1.DeploymentList) []appsv1.Deployment { return l.Items },
				func(o *appsv1.Deployment) { pruneMeta(&o.ObjectMeta); c.pruneSpec(&o.Spec.Template.Spec) })(ctx, cached())
		},
		snapshot.ReplicaSets: func(ctx context.Context, ns string) error {
			return keepPages(c, &s.ReplicaSets, apps.ReplicaSets(ns).List, func(l *appsv1.ReplicaSetList) []appsv1.ReplicaSet { return l.Items },
				func(o *appsv1.ReplicaSet) { pruneMeta(&o.ObjectMeta); o.Spec.Template = corev1.PodTemplateSpec{} })(ctx)
		},
		snapshot.DaemonSets: func(ctx context.Context, ns string) error {
			return keep(c, &s.DaemonSets, apps.DaemonSets(ns).List, func(l *appsv1.DaemonSetList) []appsv1.DaemonSet { return l.Items },
				func(o *appsv1.DaemonSet) { pruneMeta(&o.ObjectMeta); c.pruneSpec(&o.Spec.Template.Spec) })(ctx, cached())
		},
		snapshot.Jobs: func(ctx context.Context, ns string) error {
			return keepPages(c, &s.Jobs, c.api.BatchV1().Jobs(ns).List, func(l *batchv1.JobList) []batchv1.Job { return l.Items },
				func(o *batchv1.Job) { pruneMeta(&o.ObjectMeta); c.pruneSpec(&o.Spec.Template.Spec) })(ctx)
		},
		snapshot.EndpointSlices: func(ctx context.Context, ns string) error {
			return keep(c, &s.EndpointSlices, c.api.DiscoveryV1().EndpointSlices(ns).List, func(l *discoveryv1.EndpointSliceList) []discoveryv1.EndpointSlice { return l.Items },
				func(o *discoveryv1.EndpointSlice) { pruneMeta(&o.ObjectMeta) })(ctx, cached())
		},
		snapshot.NetworkPolicies: func(ctx context.Context, ns string) error {
			return keep(c, &s.NetworkPolicies, c.api.NetworkingV1().NetworkPolicies(ns).List, func(l *networkingv1.NetworkPolicyList) []networkingv1.NetworkPolicy { return l.Items },
				func(o *networkingv1.NetworkPolicy) { pruneMeta(&o.ObjectMeta) })(ctx, cached())
		},
		snapshot.ValidatingWebhooks: c.plain(keep(c, &s.ValidatingWebhooks, admission.ValidatingWebhookConfigurations().List,
			func(l *admissionv1.ValidatingWebhookConfigurationList) []admissionv1.ValidatingWebhookConfiguration {
				return l.Items
			},
			func(o *admissionv1.ValidatingWebhookConfiguration) { pruneMeta(&o.ObjectMeta) })),
		snapshot.MutatingWebhooks: c.plain(keep(c, &s.MutatingWebhooks, admission.MutatingWebhookConfigurations().List,
			func(l *admissionv1.MutatingWebhookConfigurationList) []admissionv1.MutatingWebhookConfiguration {
				return l.Items
			},
			func(o *admissionv1.MutatingWebhookConfiguration) { pruneMeta(&o.ObjectMeta) })),
		snapshot.Definitions: c.readDefinitions,
		snapshot.Secrets:     c.readSecrets,
	}
}

// plain makes a reader of a list that has no namespaces.
func (c *collector) plain(list func(context.Context, metav1.ListOptions) error) reader {
	return func(ctx context.Context, _ string) error { return list(ctx, cached()) }
}

// readEvents reads the warnings, and in the agents' namespace how long images took.
func (c *collector) readEvents(ctx context.Context, namespace string) error {
	items := func(l *corev1.EventList) []corev1.Event { return l.Items }
	prune := func(o *corev1.Event) { pruneMeta(&o.ObjectMeta); o.Message = c.source.Redact.Text(o.Message) }
	list := keep(c, &c.snapshot.Events, c.api.CoreV1().Events(namespace).List, items, prune)
	if err := list(ctx, metav1.ListOptions{FieldSelector: "type=Warning", Limit: maxEvents}); err != nil {
		return err
	}
	if namespace != "" && namespace != agents {
		return nil
	}
	pulled := keep(c, &c.snapshot.Events, c.api.CoreV1().Events(agents).List, items, prune)
	return pulled(ctx, metav1.ListOptions{FieldSelector: "reason=Pulled", Limit: maxEvents})
}
