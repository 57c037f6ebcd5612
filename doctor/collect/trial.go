package collect

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

const fluxNamespace = "flux-system"

// readTrials makes the server-side dry runs whose answer no object tells. Nothing is created.
func (c *collector) readTrials(ctx context.Context) {
	if len(c.needs(snapshot.Trials)) == 0 {
		return
	}
	c.mutex.Lock()
	c.coverage(snapshot.Trials).All = true
	c.mutex.Unlock()
	dry := metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}}
	if c.wanted.Flux || c.has(fluxNamespace) || c.released("flux") {
		c.fluxTrials(ctx, dry)
	}
	for _, namespace := range c.monitored() {
		pod := trialPod(namespace, resource.MustParse("10m"), resource.MustParse("16Mi"))
		_, err := c.api.CoreV1().Pods(namespace).Create(ctx, pod, dry)
		c.keepTrial(snapshot.TrialMeshPod, namespace+"/"+pod.Name, snapshot.In(namespace, snapshot.Trials), err)
	}
}

func (c *collector) fluxTrials(ctx context.Context, dry metav1.CreateOptions) {
	if !c.has(fluxNamespace) {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: fluxNamespace}}
		_, err := c.api.CoreV1().Namespaces().Create(ctx, namespace, dry)
		c.keepTrial(snapshot.TrialFluxNamespace, fluxNamespace, snapshot.Need{Resource: snapshot.Trials}, err)
		return
	}
	pod := trialPod(fluxNamespace, resource.MustParse("1"), resource.MustParse("1Gi"))
	pod.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("64Mi")}
	_, err := c.api.CoreV1().Pods(fluxNamespace).Create(ctx, pod, dry)
	c.keepTrial(snapshot.TrialFluxPod, fluxNamespace+"/"+pod.Name, snapshot.In(fluxNamespace, snapshot.Trials), err)
}

// trialPod is a pod that a restricted namespace admits.
func trialPod(namespace string, cpu, memory resource.Quantity) *corev1.Pod {
	yes, no := true, false
	limits := corev1.ResourceList{corev1.ResourceCPU: cpu, corev1.ResourceMemory: memory}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "fairlead-doctor-trial", Namespace: namespace, Labels: map[string]string{"app.kubernetes.io/name": "fairlead-doctor-trial"}},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no,
			SecurityContext:              &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: "trial", Image: "trial.invalid/none:1", ImagePullPolicy: corev1.PullNever, Resources: corev1.ResourceRequirements{Limits: limits, Requests: limits},
				SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}
}

func (c *collector) has(namespace string) bool {
	for i := range c.snapshot.Namespaces {
		if c.snapshot.Namespaces[i].Name == namespace {
			return true
		}
	}
	return false
}

func (c *collector) released(name string) bool {
	_, ok := c.snapshot.Release("", name)
	return ok
}

// monitored returns the namespaces that the mesh watches, at most three: one answer stands for all.
func (c *collector) monitored() []string {
	var found []string
	for i := range c.snapshot.Namespaces {
		namespace := &c.snapshot.Namespaces[i]
		if namespace.Labels["openservicemesh.io/monitored-by"] != "" && namespace.Name != "arc-osm-system" && len(found) < 3 {
			found = append(found, namespace.Name)
		}
	}
	return found
}

// keepTrial tells a refusal by admission from one for lack of rights.
func (c *collector) keepTrial(name, object string, need snapshot.Need, err error) {
	if rightsMissing(err) || err != nil && !refused(err) {
		c.mutex.Lock()
		defer c.mutex.Unlock()
		coverage := c.coverage(snapshot.Trials)
		coverage.All = false
		coverage.Gaps = append(coverage.Gaps, c.gap(need, err))
		return
	}
	trial := snapshot.Trial{Name: name, Object: object, Allowed: err == nil}
	if err != nil {
		trial.Message = c.source.Redact.Text(err.Error())
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.snapshot.Trials = append(c.snapshot.Trials, trial)
}

// rightsMissing reads RBAC's own sentence; admission answers with the same code.
func rightsMissing(err error) bool {
	return apierrors.IsUnauthorized(err) || apierrors.IsForbidden(err) && strings.Contains(fmt.Sprint(err), " cannot create resource ")
}

func refused(err error) bool {
	return apierrors.IsForbidden(err) || apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsInternalError(err) || apierrors.IsAlreadyExists(err)
}
