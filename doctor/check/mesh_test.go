package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshWorld is a healthy mesh with one namespace in it; tests break it.
type meshWorld struct {
	*snapshot.Snapshot
	authority meshIssuer
}

type meshIssuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pem         []byte
}

var meshNow = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func meshIssue(t *testing.T, name string, from, to time.Time, change func(*x509.Certificate)) meshIssuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: to,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	if change != nil {
		change(template)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return meshIssuer{certificate, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// serve issues a certificate as a program of the mesh presents it.
func (i meshIssuer) serve(t *testing.T, host string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: meshNow.Add(-time.Hour), NotAfter: meshNow.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, i.certificate, &key.PublicKey, i.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func meshHealthy(t *testing.T) meshWorld {
	t.Helper()
	s := &snapshot.Snapshot{Taken: meshNow, Coverage: map[snapshot.Resource]*snapshot.Coverage{}, Custom: map[snapshot.Resource][]unstructured.Unstructured{}}
	for _, resource := range slices.Concat(snapshot.CustomResources(), []snapshot.Resource{
		snapshot.Namespaces, snapshot.Pods, snapshot.Services, snapshot.Events, snapshot.ConfigMaps, snapshot.Secrets, snapshot.Deployments, snapshot.ReplicaSets,
		snapshot.EndpointSlices, snapshot.ValidatingWebhooks, snapshot.MutatingWebhooks, snapshot.Definitions, snapshot.Releases, snapshot.Certificates, snapshot.Trials,
	}) {
		s.Coverage[resource] = &snapshot.Coverage{Served: true, All: true}
	}
	w := meshWorld{s, meshIssue(t, "osm-ca.openservicemesh.io", meshNow.Add(-time.Hour), meshNow.AddDate(10, 0, 0), nil)}
	s.Namespaces = []corev1.Namespace{
		{ObjectMeta: metav1.ObjectMeta{Name: meshSpace}},
		{ObjectMeta: metav1.ObjectMeta{Name: "default"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "bookbuyer", Labels: map[string]string{meshLabel: "osm"}, Annotations: map[string]string{meshAnnotation: "enabled"}}},
	}
	w.addPart(meshController(), 15128, 9092, 9091)
	w.addPart(meshInjector(), 9090)
	w.addService("osm-validator", "osm-controller", 9093)
	w.addHooks()
	w.addPod("bookbuyer", "bookbuyer", "bookbuyer", "app", "envoy")
	s.Certificates = []snapshot.Certificate{{Namespace: meshSpace, Secret: meshSecret, Key: "ca.crt", PEM: string(w.authority.pem)}}
	s.Custom[snapshot.MeshConfigs] = []unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "config.openservicemesh.io/v1alpha1", "kind": "MeshConfig",
		"metadata": map[string]any{"name": meshConfigName, "namespace": meshSpace}, "spec": meshDefaults(),
	}}}
	for _, definition := range append(meshRoutes(), meshOwn(s)...) {
		w.define(definition.name(), definition.versions...)
	}
	s.Trials = []snapshot.Trial{{Name: snapshot.TrialMeshPod, Object: "bookbuyer/trial", Allowed: true}}
	return w
}

// meshDefaults is the spec of a MeshConfig with the guide's defaults.
func meshDefaults() map[string]any {
	config := &unstructured.Unstructured{Object: map[string]any{}}
	for _, key := range meshKeys() {
		_ = unstructured.SetNestedField(config.Object, key.fallback, splitMeshPath(key.path)...)
	}
	_ = unstructured.SetNestedField(config.Object, "envoy:1", "spec", "sidecar", "envoyImage")
	return config.Object["spec"].(map[string]any)
}

func (w meshWorld) addPart(p meshPart, ports ...int32) {
	one := int32(1)
	w.Deployments = append(w.Deployments, appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: meshSpace, Name: p.app, Labels: map[string]string{"app": p.app}},
		Spec: appsv1.DeploymentSpec{Replicas: &one, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": p.app}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: p.app, Image: "mcr.microsoft.com/oss/openservicemesh/" + p.app + ":v1.0.0"}}},
		}},
		Status: appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1, ReadyReplicas: 1, AvailableReplicas: 1},
	})
	w.addPod(meshSpace, p.app, p.app, p.app)
	w.addService(p.app, p.app, ports...)
}

// addPod adds a pod that works, of a Deployment.
func (w meshWorld) addPod(namespace, deployment, app string, containers ...string) *corev1.Pod {
	pod := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: deployment + "-7d4b9-x2x4z", Labels: map[string]string{"app": app, "pod-template-hash": "7d4b9"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: deployment + "-7d4b9", Controller: new(true)}}, CreationTimestamp: metav1.NewTime(meshNow.Add(-time.Hour)),
		},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
	}
	for _, name := range containers {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: name, Image: name + ":1"})
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: name, Ready: true, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(meshNow.Add(-time.Hour))}},
		})
	}
	w.Pods = append(w.Pods, pod)
	return &w.Pods[len(w.Pods)-1]
}

func (w meshWorld) addService(name, app string, ports ...int32) {
	service := corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: meshSpace, Name: name},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Selector: map[string]string{"app": app}},
	}
	slice := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: meshSpace, Name: name + "-abcde", Labels: map[string]string{discoveryv1.LabelServiceName: name}}}
	for _, port := range ports {
		label := fmt.Sprintf("p%d", port)
		service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: label, Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP})
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &label, Port: new(port)})
	}
	slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{"10.1.2.3"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}}
	w.Services, w.EndpointSlices = append(w.Services, service), append(w.EndpointSlices, slice)
}

func (w meshWorld) addHooks() {
	reference := func(p meshPart) admissionv1.WebhookClientConfig {
		return admissionv1.WebhookClientConfig{CABundle: w.authority.pem, Service: &admissionv1.ServiceReference{Namespace: meshSpace, Name: p.answer, Path: &p.path, Port: &p.answerPort}}
	}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{meshLabel: "osm"}}
	controller, injector := meshController(), meshInjector()
	w.ValidatingWebhooks = []admissionv1.ValidatingWebhookConfiguration{{
		ObjectMeta: metav1.ObjectMeta{Name: controller.config, Labels: map[string]string{"app": controller.app}},
		Webhooks:   []admissionv1.ValidatingWebhook{{Name: "osm-validator.k8s.io", ClientConfig: reference(controller), NamespaceSelector: selector}},
	}}
	w.MutatingWebhooks = []admissionv1.MutatingWebhookConfiguration{{
		ObjectMeta: metav1.ObjectMeta{Name: injector.config, Labels: map[string]string{"app": injector.app}},
		Webhooks:   []admissionv1.MutatingWebhook{{Name: meshWebhook, ClientConfig: reference(injector), NamespaceSelector: selector}},
	}}
}

func (w meshWorld) define(name string, served ...string) {
	var versions []any
	for _, version := range served {
		versions = append(versions, map[string]any{"name": version, "served": true})
	}
	w.Definitions = append(w.Definitions, unstructured.Unstructured{Object: map[string]any{
		"kind": "CustomResourceDefinition", "metadata": map[string]any{"name": name}, "spec": map[string]any{"versions": versions},
	}})
}

func (w meshWorld) undefine(name string) {
	w.Definitions = slices.DeleteFunc(w.Definitions, func(d unstructured.Unstructured) bool { return d.GetName() == name })
}

func (w meshWorld) set(t *testing.T, value any, path string) {
	t.Helper()
	if err := unstructured.SetNestedField(w.Custom[snapshot.MeshConfigs][0].Object, value, splitMeshPath(path)...); err != nil {
		t.Fatal(err)
	}
}

func (w meshWorld) pod(name string) *corev1.Pod {
	i := slices.IndexFunc(w.Pods, func(p corev1.Pod) bool { return p.Labels["app"] == name })
	return &w.Pods[i]
}

func (w meshWorld) deployment(name string) *appsv1.Deployment {
	i := slices.IndexFunc(w.Deployments, func(d appsv1.Deployment) bool { return d.Name == name })
	return &w.Deployments[i]
}

func (w meshWorld) service(name string) *corev1.Service {
	return meshService(w.Snapshot, name)
}

func (w meshWorld) slice(service string) *discoveryv1.EndpointSlice {
	i := slices.IndexFunc(w.EndpointSlices, func(e discoveryv1.EndpointSlice) bool { return e.Labels[discoveryv1.LabelServiceName] == service })
	return &w.EndpointSlices[i]
}

// lose takes all that a program offered away, as when its pods are gone.
func (w meshWorld) lose(p meshPart) {
	w.deployment(p.app).Status.AvailableReplicas, w.deployment(p.app).Status.ReadyReplicas = 0, 0
	w.slice(p.app).Endpoints, w.slice(p.answer).Endpoints = nil, nil
	pod := w.pod(p.app)
	pod.Status.Conditions[0].Status, pod.Status.ContainerStatuses[0].Ready = corev1.ConditionFalse, false
}

func (w meshWorld) crash(pod *corev1.Pod) {
	pod.Status.ContainerStatuses[0].Ready = false
	pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
	pod.Status.ContainerStatuses[0].LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}}
}

func (w meshWorld) refuse(message string) {
	w.Trials[0].Allowed, w.Trials[0].Message = false, `Internal error occurred: failed calling webhook "osm-inject.k8s.io": failed to call webhook: `+message
}

const meshPost = `Post "https://osm-injector.arc-osm-system.svc:9090/mutate-pod-creation?timeout=10s": `

func meshEvaluate(s *snapshot.Snapshot) []doctor.Finding { return doctor.Evaluate(mesh(), s, nil) }

func meshRoots(findings []doctor.Finding) []string {
	roots := []string{}
	for _, f := range findings {
		if f.Root() {
			roots = append(roots, f.ID+" "+string(f.Status)+" "+f.Key)
		}
	}
	return roots
}

func TestMeshHealthy(t *testing.T) {
	w := meshHealthy(t)
	for _, f := range meshEvaluate(w.Snapshot) {
		if f.Status != doctor.Pass {
			t.Errorf("%s is %s %s %v", f.ID, f.Status, f.Key, f.Args)
		}
	}
	if len(mesh()) != 29 {
		t.Errorf("%d checks", len(mesh()))
	}
}

func TestMeshAbsentOrUnseen(t *testing.T) {
	for _, f := range meshEvaluate(&snapshot.Snapshot{}) {
		if f.Status != doctor.Unknown {
			t.Errorf("nothing was read, and %s is %s %s", f.ID, f.Status, f.Key)
		}
	}
	w := meshHealthy(t)
	bare := &snapshot.Snapshot{Taken: meshNow, Coverage: w.Coverage, Namespaces: w.Namespaces[1:]}
	for _, f := range meshEvaluate(bare) {
		if f.Status != doctor.Skipped || f.Key != doctor.NotInstalled {
			t.Errorf("there is no mesh, and %s is %s %s", f.ID, f.Status, f.Key)
		}
	}
}

func TestMeshForbidden(t *testing.T) {
	w := meshHealthy(t)
	forbidden := &snapshot.Snapshot{Taken: meshNow, Coverage: map[snapshot.Resource]*snapshot.Coverage{}}
	for resource := range w.Coverage {
		forbidden.Coverage[resource] = &snapshot.Coverage{Served: true, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(resource), Reason: snapshot.Forbidden}}}
	}
	forbidden.Coverage[snapshot.Definitions] = &snapshot.Coverage{Served: true, All: true} // whoever may see these alone must not be told that the mesh's are missing
	for _, f := range meshEvaluate(forbidden) {
		if f.Status != doctor.Unknown || f.Key != "unknownForbidden" || f.Args["needs"] == "" {
			t.Errorf("%s is %s %s %v", f.ID, f.Status, f.Key, f.Args)
		}
	}
}

// TestMeshFaults breaks the mesh in one way each, with all that this does to the rest, and wants one root.
func TestMeshFaults(t *testing.T) {
	controller, injector := meshController(), meshInjector()
	cases := map[string]struct {
		inject func(t *testing.T, w *meshWorld)
		root   string
		folded map[string]string // id to the cause
	}{
		"ControllerMissing": {func(_ *testing.T, w *meshWorld) {
			w.lose(controller)
			w.Deployments, w.Pods = w.Deployments[1:], w.Pods[1:]
		}, "OSM-01 fail missing", map[string]string{"OSM-06": "OSM-01"}},
		"ControllerScaledToZero": {func(_ *testing.T, w *meshWorld) {
			w.lose(controller)
			*w.deployment(controller.app).Spec.Replicas = 0
			w.deployment(controller.app).Status = appsv1.DeploymentStatus{}
			w.Pods = w.Pods[1:]
		}, "OSM-01 fail scaledDown", map[string]string{"OSM-06": "OSM-01", "OSM-02": "OSM-01", "OSM-11": "OSM-01", "OSM-13": "OSM-01"}},
		"ControllerBadImage": {func(_ *testing.T, w *meshWorld) {
			w.lose(controller)
			w.pod(controller.app).Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}}
		}, "OSM-01 fail pull", map[string]string{"OSM-06": "OSM-01", "OSM-02": "OSM-01"}},
		"ControllerCrash": {func(_ *testing.T, w *meshWorld) {
			w.lose(controller)
			w.crash(w.pod(controller.app))
		}, "OSM-02 fail crash", map[string]string{"OSM-01": "OSM-02", "OSM-06": "OSM-02", "OSM-11": "OSM-02"}},
		"ControllerNotReady": {func(_ *testing.T, w *meshWorld) { w.lose(controller) }, "OSM-02 fail notReady", map[string]string{"OSM-01": "OSM-02", "OSM-06": "OSM-02"}},
		"ControllerRolloutStuck": {func(_ *testing.T, w *meshWorld) {
			w.crash(w.addPod(meshSpace, controller.app, controller.app, controller.app))
		}, "OSM-02 warn rollout", nil},
		"ControllerBadImageWhileOldServes": {func(_ *testing.T, w *meshWorld) {
			pod := w.addPod(meshSpace, controller.app, controller.app, controller.app)
			pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "not found"}}
		}, "OSM-01 warn rollout", nil},
		"ControllerUnschedulable": {func(_ *testing.T, w *meshWorld) {
			w.lose(controller)
			w.pod(controller.app).Status = corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
				{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: "Unschedulable", Message: "0/1 nodes are available: 1 Insufficient cpu."},
			}}
		}, "OSM-01 fail insufficient", map[string]string{"OSM-02": "OSM-01"}},
		"ControllerTwoContainers": {func(_ *testing.T, w *meshWorld) {
			template := &w.deployment(controller.app).Spec.Template.Spec
			template.Containers = append(template.Containers, corev1.Container{Name: "envoy"})
		}, "OSM-04 fail template", nil},
		"ControllerInjected": {func(_ *testing.T, w *meshWorld) {
			w.Namespaces[0].Labels = map[string]string{meshLabel: "osm"}
			w.pod(controller.app).Spec.Containers = append(w.pod(controller.app).Spec.Containers, corev1.Container{Name: "envoy"})
		}, "OSM-19 warn member", map[string]string{"OSM-04": "OSM-19"}},
		"ControllerServiceMissing": {func(_ *testing.T, w *meshWorld) {
			w.Services, w.EndpointSlices = w.Services[1:], w.EndpointSlices[1:]
		}, "OSM-05 fail missing", map[string]string{"OSM-06": "OSM-05"}},
		"ControllerServicePorts": {func(_ *testing.T, w *meshWorld) { w.service(controller.app).Spec.Ports[0].Port = 15129 }, "OSM-05 fail ports", nil},
		"ControllerSelectorTypo": {func(_ *testing.T, w *meshWorld) {
			w.service(controller.app).Spec.Selector = map[string]string{"app": "osm-controler"}
			w.slice(controller.app).Endpoints = nil
		}, "OSM-06 fail selector", nil},
		"ControllerTargetPort": {func(_ *testing.T, w *meshWorld) { w.slice(controller.app).Ports[1].Port = new(int32(9999)) }, "OSM-06 fail wrongPort", nil},
		"InjectorScaledToZero": {func(_ *testing.T, w *meshWorld) {
			w.lose(injector)
			*w.deployment(injector.app).Spec.Replicas = 0
			w.deployment(injector.app).Status = appsv1.DeploymentStatus{}
			w.Pods = slices.Delete(w.Pods, 1, 2)
			w.refuse(meshPost + `no endpoints available for service "osm-injector"`)
		}, "OSM-07 fail scaledDown", map[string]string{"OSM-10": "OSM-07", "OSM-17": "OSM-14", "OSM-14": "OSM-10"}},
		"InjectorCrash": {func(_ *testing.T, w *meshWorld) {
			w.lose(injector)
			w.crash(w.pod(injector.app))
			w.refuse(meshPost + `no endpoints available for service "osm-injector"`)
		}, "OSM-08 fail crash", map[string]string{"OSM-07": "OSM-08", "OSM-10": "OSM-08"}},
		"InjectorExposed": {func(_ *testing.T, w *meshWorld) { w.service(injector.app).Spec.Type = corev1.ServiceTypeLoadBalancer }, "OSM-09 warn exposed", nil},
		"InjectorServicePort": {func(_ *testing.T, w *meshWorld) {
			w.service(injector.app).Spec.Ports[0].Port = 9091
			w.slice(injector.app).Ports[0].Port = new(int32(9091))
			w.refuse(`no service port 9090 found for service "osm-injector"`)
		}, "OSM-09 fail ports", map[string]string{"OSM-10": "OSM-09", "OSM-14": "OSM-09", "OSM-17": "OSM-14"}},
		"InjectorServiceMissing": {func(_ *testing.T, w *meshWorld) {
			w.Services, w.EndpointSlices = slices.Delete(w.Services, 1, 2), slices.Delete(w.EndpointSlices, 1, 2)
			w.refuse(meshPost + `service "osm-injector" not found`)
		}, "OSM-09 fail missing", map[string]string{"OSM-10": "OSM-09", "OSM-14": "OSM-09", "OSM-17": "OSM-14"}},
		"InjectorTargetPort": {func(_ *testing.T, w *meshWorld) {
			w.slice(injector.app).Ports[0].Port = new(int32(9999))
			w.refuse(meshPost + "dial tcp 10.0.0.1:9090: connect: connection refused")
		}, "OSM-10 fail wrongPort", map[string]string{"OSM-17": "OSM-10"}},
		"ValidatingWebhookMissing": {func(_ *testing.T, w *meshWorld) { w.ValidatingWebhooks = nil }, "OSM-11 fail missing", map[string]string{"OSM-13": "OSM-11", "OSM-15": "OSM-11"}},
		"MutatingWebhookMissing": {func(_ *testing.T, w *meshWorld) {
			w.MutatingWebhooks = nil
			w.pod("bookbuyer").Spec.Containers = w.pod("bookbuyer").Spec.Containers[:1]
		}, "OSM-12 fail missing", map[string]string{"OSM-14": "OSM-12", "OSM-17": "OSM-12", "OSM-23": "OSM-12"}},
		"MutatingWebhookEmpty": {func(_ *testing.T, w *meshWorld) { w.MutatingWebhooks[0].Webhooks = nil }, "OSM-12 fail empty", nil},
		"ValidatorServiceMissing": {func(_ *testing.T, w *meshWorld) {
			w.ValidatingWebhooks[0].Webhooks[0].ClientConfig.Service.Name = "osm-config-validator"
		}, "OSM-13 fail noService", nil},
		"ValidatorOldName": {func(_ *testing.T, w *meshWorld) { // D4: what counts is what is behind the name
			w.addService("osm-config-validator", controller.app, 9093)
			w.ValidatingWebhooks[0].Webhooks[0].ClientConfig.Service.Name = "osm-config-validator"
		}, "", nil},
		"ValidatorSelectorTypo": {func(_ *testing.T, w *meshWorld) {
			w.service("osm-validator").Spec.Selector = map[string]string{"app": "typo"}
			w.slice("osm-validator").Endpoints = nil
		}, "OSM-13 fail noEndpoint", nil},
		"MutatingPort": {func(_ *testing.T, w *meshWorld) {
			w.MutatingWebhooks[0].Webhooks[0].ClientConfig.Service.Port = new(int32(9099))
			w.refuse(`no service port 9099 found for service "osm-injector"`)
		}, "OSM-14 fail noPort", map[string]string{"OSM-17": "OSM-14"}},
		"MutatingPath": {func(_ *testing.T, w *meshWorld) {
			w.MutatingWebhooks[0].Webhooks[0].ClientConfig.Service.Path = new("/mutate")
			w.refuse("the server could not find the requested resource")
		}, "OSM-14 fail path", map[string]string{"OSM-17": "OSM-14"}},
		"BundleEmpty": {func(_ *testing.T, w *meshWorld) {
			w.ValidatingWebhooks[0].Webhooks[0].ClientConfig.CABundle = nil
		}, "OSM-15 fail empty", map[string]string{"OSM-16": "OSM-15"}},
		"BundleNotPEM": {func(_ *testing.T, w *meshWorld) {
			w.MutatingWebhooks[0].Webhooks[0].ClientConfig.CABundle = []byte("not a cert")
			w.refuse("could not get REST client: unable to load root certificates: unable to parse bytes as PEM block")
		}, "OSM-15 fail notPEM", map[string]string{"OSM-16": "OSM-15", "OSM-17": "OSM-15"}},
		"BundleNotCA": {func(t *testing.T, w *meshWorld) {
			leaf := meshIssue(t, "leaf", meshNow.Add(-time.Hour), meshNow.AddDate(1, 0, 0), func(c *x509.Certificate) { c.IsCA = false })
			w.ValidatingWebhooks[0].Webhooks[0].ClientConfig.CABundle = leaf.pem
		}, "OSM-15 fail notCA", nil},
		"BundleForeign": {func(t *testing.T, w *meshWorld) { // D5: long enough, and of somebody else
			foreign := meshIssue(t, "osm-ca.openservicemesh.io", meshNow.Add(-time.Hour), meshNow.AddDate(10, 0, 0), nil)
			w.MutatingWebhooks[0].Webhooks[0].ClientConfig.CABundle = foreign.pem
			w.refuse(meshPost + "tls: failed to verify certificate: x509: certificate signed by unknown authority")
		}, "OSM-16 fail foreign", map[string]string{"OSM-17": "OSM-16"}},
		"WebhookSilent": {func(_ *testing.T, w *meshWorld) {
			w.refuse(meshPost + "dial tcp 10.0.0.1:9090: connect: connection refused")
		}, "OSM-17 fail noAnswer", nil},
		"MeshConfigMissing": {func(_ *testing.T, w *meshWorld) { w.Custom[snapshot.MeshConfigs] = nil }, "OSM-18 fail missing", map[string]string{"OSM-20": "OSM-18"}},
		"MeshConfigDefinitionMissing": {func(_ *testing.T, w *meshWorld) {
			w.Custom[snapshot.MeshConfigs] = nil
			w.Coverage[snapshot.MeshConfigs] = &snapshot.Coverage{}
			w.undefine(meshConfigDefinition)
			w.lose(controller)
			w.crash(w.pod(controller.app))
		}, "OSM-26 fail missing", map[string]string{"OSM-18": "OSM-26", "OSM-02": "OSM-26", "OSM-01": "OSM-02"}},
		"LabelMissing": {func(_ *testing.T, w *meshWorld) { w.Namespaces[2].Labels = nil; w.Trials = nil }, "OSM-21 warn noLabel", nil},
		"LabelOfAnotherMesh": {func(_ *testing.T, w *meshWorld) {
			w.Namespaces[2].Labels[meshLabel] = "osmm"
		}, "OSM-21 warn otherMesh", nil},
		"AnnotationMissing": {func(_ *testing.T, w *meshWorld) { w.Namespaces[2].Annotations = nil }, "OSM-22 warn noAnnotation", nil},
		"AnnotationInvalid": {func(_ *testing.T, w *meshWorld) {
			w.Namespaces[2].Annotations[meshAnnotation] = "Enabledd"
			w.Trials[0].Allowed = false
			w.Trials[0].Message = `admission webhook "osm-inject.k8s.io" denied the request: Invalid annotation value for key "openservicemesh.io/sidecar-injection": Enabledd`
		}, "OSM-22 fail invalid", map[string]string{"OSM-17": "OSM-22"}},
		"AnnotationOtherCase": {func(_ *testing.T, w *meshWorld) { w.Namespaces[2].Annotations[meshAnnotation] = "Enabled" }, "", nil},
		"AnnotationDisabled":  {func(_ *testing.T, w *meshWorld) { w.Namespaces[2].Annotations[meshAnnotation] = "no" }, "", nil},
		"PodAnnotationInvalid": {func(_ *testing.T, w *meshWorld) {
			w.pod("bookbuyer").Annotations = map[string]string{meshAnnotation: "on"}
		}, "OSM-22 warn podInvalid", nil},
		"PodAsksOutsideTheMesh": {func(_ *testing.T, w *meshWorld) {
			w.addPod("default", "shop", "shop", "app").Annotations = map[string]string{meshAnnotation: "yes"}
		}, "OSM-22 warn podOutside", nil},
		"PodOlderThanTheJoin": {func(_ *testing.T, w *meshWorld) {
			w.pod("bookbuyer").Spec.Containers = w.pod("bookbuyer").Spec.Containers[:1]
		}, "OSM-23 warn bare", nil},
		"PodOnHostNetwork": {func(_ *testing.T, w *meshWorld) {
			w.pod("bookbuyer").Spec.Containers = w.pod("bookbuyer").Spec.Containers[:1]
			w.pod("bookbuyer").Spec.HostNetwork = true
		}, "", nil},
		"RouteDefinitionMissing": {func(t *testing.T, w *meshWorld) {
			w.undefine("traffictargets.access.smi-spec.io")
			w.Coverage[snapshot.TrafficTargets] = &snapshot.Coverage{}
			w.set(t, false, "spec.traffic.enablePermissiveTrafficPolicyMode")
		}, "OSM-24 fail missing", map[string]string{"OSM-20": "OSM-24"}},
		"RouteVersion": {func(_ *testing.T, w *meshWorld) {
			w.undefine("httproutegroups.specs.smi-spec.io")
			w.define("httproutegroups.specs.smi-spec.io", "v1alpha3")
		}, "OSM-25 fail notServed", nil},
		"PolicyDefinitionMissing": {func(_ *testing.T, w *meshWorld) { w.undefine("egresses.policy.openservicemesh.io") }, "OSM-26 warn policies", nil},
		"AuthorityExpired": {func(t *testing.T, w *meshWorld) {
			old := meshIssue(t, "old", meshNow.AddDate(-1, 0, 0), meshNow.Add(-time.Hour), nil)
			w.Certificates[0].PEM = string(old.pem)
		}, "OSM-27 fail expired", map[string]string{"OSM-16": "OSM-27"}},
		"AuthorityExpiredEverywhere": {func(t *testing.T, w *meshWorld) {
			old := meshIssue(t, "old", meshNow.AddDate(-1, 0, 0), meshNow.Add(-time.Hour), nil)
			w.Certificates[0].PEM = string(old.pem)
			w.ValidatingWebhooks[0].Webhooks[0].ClientConfig.CABundle = old.pem
			w.MutatingWebhooks[0].Webhooks[0].ClientConfig.CABundle = old.pem
		}, "OSM-27 fail expired", map[string]string{"OSM-15": "OSM-27"}},
		"AuthorityExpiring": {func(t *testing.T, w *meshWorld) {
			w.authority = meshIssue(t, "short", meshNow.AddDate(-1, 0, 0), meshNow.AddDate(0, 0, 20), nil)
			w.Certificates[0].PEM = string(w.authority.pem)
			w.addHooks()
		}, "OSM-27 warn expiring", nil},
		"AuthorityOutlived": {func(t *testing.T, w *meshWorld) { w.set(t, "999999h", "spec.certificate.serviceCertValidityDuration") }, "OSM-27 warn outlived", nil},
		"AuthorityMissing":  {func(_ *testing.T, w *meshWorld) { w.Certificates = nil }, "OSM-27 warn missing", nil},
		"OldSidecar":        {func(_ *testing.T, w *meshWorld) { w.pod("bookbuyer").Spec.Containers[1].Image = "envoy:0" }, "OSM-28 warn differs", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := meshHealthy(t)
			tc.inject(t, &w)
			findings := meshEvaluate(w.Snapshot)
			want := []string{}
			if tc.root != "" {
				want = append(want, tc.root)
			}
			if diff := cmp.Diff(want, meshRoots(findings)); diff != "" {
				t.Errorf("roots (-want +got):\n%s", diff)
			}
			for _, f := range findings {
				if f.Status == doctor.Unknown {
					t.Errorf("%s is unknown: %v", f.ID, f.Args)
				}
				if cause, ok := tc.folded[f.ID]; ok && f.CausedBy != cause {
					t.Errorf("%s (%s) is caused by %q, want %s", f.ID, f.Status, f.CausedBy, cause)
				}
			}
			assertMeshSpoken(t, findings)
		})
	}
}
