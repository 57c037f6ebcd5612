package probe

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

func pemOf(certificate *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestClassify(t *testing.T) {
	podResource := schema.GroupResource{Resource: "pods"}
	forbidden := func(text string) error { return apierrors.NewForbidden(podResource, "p", errors.New(text)) }
	cases := map[string]struct {
		err  error
		want Reason
	}{
		"PodSecurity":  {forbidden(`violates PodSecurity "restricted:latest": host namespaces (hostNetwork=true)`), PodSecurity},
		"Quota":        {forbidden("exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0"), Quota},
		"QuotaNeeds":   {forbidden("failed quota: q: must specify limits.ephemeral-storage for: probe"), Quota},
		"LimitRange":   {forbidden("minimum memory usage per Container is 64Mi, but request is 32Mi"), Quota},
		"Webhook":      {errors.New(`admission webhook "validation.gatekeeper.sh" denied the request: [no-latest] container <probe> …`), Policy},
		"WebhookDown":  {apierrors.NewInternalError(errors.New(`failed calling webhook "osm-inject.k8s.io": failed to call webhook: Post …: connection refused`)), Policy},
		"AdmissionCEL": {forbidden("ValidatingAdmissionPolicy 'no-never' with binding 'all' denied request: failed expression: false"), Policy},
		"SCC":          {forbidden("unable to validate against any security context constraint: [provider restricted-v2: …]"), Policy},
		"Rights":       {forbidden(`User "somebody" cannot create resource "pods" in API group "" in the namespace "x"`), Forbidden},
		"Credentials":  {apierrors.NewUnauthorized("Unauthorized"), Forbidden},
		"Terminating":  {forbidden("unable to create new content in namespace x because it is being terminated"), NoNamespace},
		"Absent":       {apierrors.NewNotFound(schema.GroupResource{Resource: "namespaces"}, "x"), NoNamespace},
		"OtherRule":    {forbidden("pod node label selector conflicts with its namespace node label selector"), Policy},
		"ServerError":  {apierrors.NewInternalError(errors.New("etcdserver: request timed out")), Unreachable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := classify(c.err); got != c.want {
				t.Errorf("%v is %s, want %s", c.err, got, c.want)
			}
		})
	}
}

func TestJudge(t *testing.T) {
	status := func(state corev1.ContainerState) corev1.PodStatus {
		return corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
			{Name: "injected", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, {Name: containerName, State: state},
		}}
	}
	waitingFor := func(reason string) corev1.PodStatus {
		return status(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}})
	}
	unscheduled := corev1.PodStatus{Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available"}}}
	cases := map[string]struct {
		reason string
		status corev1.PodStatus
		waited time.Duration
		done   bool
		want   Reason
	}{
		"Ended":         {"an injected container that runs on does not matter", status(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{}}), 0, true, ""},
		"Creating":      {"being made is no failure", waitingFor("ContainerCreating"), time.Minute, false, ""},
		"NeverPull":     {"the image is not there", waitingFor("ErrImageNeverPull"), 0, false, NoImage},
		"StartSoon":     {"runtimes try again", waitingFor("CreateContainerError"), time.Second, false, ""},
		"StartNever":    {"but not for ever", waitingFor("CreateContainerError"), time.Minute, false, NotStarted},
		"UnboundSoon":   {"schedulers may be busy", unscheduled, time.Second, false, ""},
		"UnboundStill":  {"but not for long", unscheduled, time.Minute, false, Unschedulable},
		"RefusedByNode": {"the kubelet admits pods, too", corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfcpu"}, 0, false, Unschedulable},
		"TooLate":       {"the node has ended it", corev1.PodStatus{Phase: corev1.PodFailed, Reason: "DeadlineExceeded"}, 0, false, NotStarted},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			done, err := judge(&corev1.Pod{Status: c.status}, c.waited)
			var cannot *CannotRun
			if errors.As(err, &cannot) != (c.want != "") || cannot != nil && cannot.Reason != c.want || done != c.done {
				t.Errorf("%s: got %v, %v", c.reason, done, err)
			}
		})
	}
}

func ready(name, system string, images ...string) *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	node.Status.NodeInfo = corev1.NodeSystemInfo{OperatingSystem: system, Architecture: "amd64"}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	for i, image := range images {
		node.Status.Images = append(node.Status.Images, corev1.ContainerImage{Names: []string{image}, SizeBytes: int64(len(images) - i)})
	}
	return node
}

func pod(namespace, name, node, image string) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name},
		Spec:       corev1.PodSpec{NodeName: node, Containers: []corev1.Container{{Name: "c", Image: image}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
			{Name: "c", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}},
		}},
	}
}

func TestStock(t *testing.T) {
	dead := ready("dead", "linux", "a")
	dead.Status.Conditions[0].Status = corev1.ConditionUnknown
	client := fake.NewClientset(ready("bare", "linux"), ready("windows", "windows", "w"), dead,
		ready("one", "linux", "big:1", "registry.test/pause:3.10", "small:1"), ready("two", "linux", "big:1"),
		pod("azure-arc", "agent", "two", "agent:1"), pod("other", "app", "one", "app:1"))
	found, err := takeStock(t.Context(), client, "azure-arc")
	must(t, err)
	cases := map[string]struct {
		reason, name, want string
		images             []string
		err                Reason
	}{
		"Any":      {"a node with agents is preferred", "", "two", []string{"agent:1", "big:1"}, ""},
		"Named":    {"pause first, then what runs, then the smallest", "one", "one", []string{"registry.test/pause:3.10", "app:1", "small:1", "big:1"}, ""},
		"Absent":   {"a name that no node has", "three", "", nil, NoNode},
		"Windows":  {"the program is for Linux", "windows", "", nil, NoNode},
		"Dead":     {"nothing would start", "dead", "", nil, NoNode},
		"NoImages": {"nothing to run in", "bare", "bare", nil, NoImage},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := found.choose(c.name)
			var cannot *CannotRun
			if got.name != c.want || !slices.Equal(got.images, c.images) || errors.As(err, &cannot) != (c.err != "") || cannot != nil && cannot.Reason != c.err {
				t.Errorf("%s: got %+v, %v", c.reason, got, err)
			}
		})
	}
}

func TestSweepTakesOnlyWhatIsOldAndOurs(t *testing.T) {
	now := time.Now()
	old, young := metav1.NewTime(now.Add(-11*time.Minute)), metav1.NewTime(now.Add(-9*time.Minute))
	ours := map[string]string{Label: LabelValue}
	meta := func(name string, made metav1.Time, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "ns", Name: name, CreationTimestamp: made, Labels: labels}
	}
	client := fake.NewClientset(
		&corev1.Pod{ObjectMeta: meta("old", old, ours)}, &corev1.Pod{ObjectMeta: meta("young", young, ours)},
		&corev1.ConfigMap{ObjectMeta: meta("old", old, ours)}, &corev1.ConfigMap{ObjectMeta: meta("foreign", old, nil)},
		&corev1.Secret{ObjectMeta: meta("old", old, ours)}, &corev1.Secret{ObjectMeta: meta("foreign", old, nil)},
	)
	v := &visit{Prober: &Prober{Client: client}, namespace: "ns"}
	v.sweep(t.Context(), now)
	var left []string
	found, err := client.CoreV1().Pods("ns").List(t.Context(), metav1.ListOptions{})
	must(t, err)
	for _, item := range found.Items {
		left = append(left, "pod "+item.Name)
	}
	maps, err := client.CoreV1().ConfigMaps("ns").List(t.Context(), metav1.ListOptions{})
	must(t, err)
	for _, item := range maps.Items {
		left = append(left, "configmap "+item.Name)
	}
	hidden, err := client.CoreV1().Secrets("ns").List(t.Context(), metav1.ListOptions{})
	must(t, err)
	for _, item := range hidden.Items {
		left = append(left, "secret "+item.Name)
	}
	if want := []string{"pod young", "configmap foreign", "secret foreign"}; !slices.Equal(left, want) {
		t.Errorf("left: %v, want %v", left, want)
	}
}

// A plan with a proxy's password is in a Secret, and nowhere else.
func TestPasswordIsInASecret(t *testing.T) {
	v := &visit{Prober: &Prober{Client: fake.NewClientset()}, namespace: "ns", id: "run"}
	plan := wire.Plan{Targets: []wire.Target{{Proxy: "http://user:password@proxy:3128"}}}
	job := job{name: "p", parts: 1, request: Request{Place: Pod, Plan: plan}}
	must(t, v.createPlan(t.Context(), job, plan))
	maps, err := v.Client.CoreV1().ConfigMaps("ns").List(t.Context(), metav1.ListOptions{})
	must(t, err)
	secret, err := v.Client.CoreV1().Secrets("ns").Get(t.Context(), "p", metav1.GetOptions{})
	must(t, err)
	sources := v.pod(job).Spec.Volumes[0].Projected.Sources
	if len(maps.Items) > 0 || !strings.Contains(string(secret.Data[planKey]), "password") || sources[len(sources)-1].Secret == nil {
		t.Errorf("ConfigMaps %v, Secret %v, sources %v", maps.Items, secret, sources)
	}
}

func TestNamespaceThatIsNotGiven(t *testing.T) {
	for want, client := range map[string]*fake.Clientset{
		"azure-arc":   fake.NewClientset(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "azure-arc"}}),
		"kube-system": fake.NewClientset(),
	} {
		if got, err := (&Prober{Client: client}).namespace(t.Context()); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}
