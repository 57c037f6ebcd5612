package cause_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/cli"
	helmkube "helm.sh/helm/v4/pkg/kube"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
)

const (
	// A cluster that these tests may use up: test/controlplane.sh makes one.
	kubeconfigVariable = "FAIRLEAD_TEST_KUBECONFIG"
	// One with a node on which pods run: test/fullnode.sh makes one.
	nodeVariable = "FAIRLEAD_TEST_NODE_KUBECONFIG"
	// What the node has: a program that ends with an error when it is told to.
	nodeImage = "fairlead.test/coredns:1"
)

// bench is a namespace of a real cluster, and Helm to install into it.
type bench struct {
	*cause.Explainer

	t          *testing.T
	kubeconfig string
	namespace  string
}

func newBench(t *testing.T, variable string) *bench {
	t.Helper()
	kubeconfig := os.Getenv(variable)
	if kubeconfig == "" {
		t.Skipf("%s names no cluster", variable)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	b := &bench{t: t, kubeconfig: kubeconfig}
	b.must(err)
	config.QPS = -1
	b.Explainer, err = cause.Open(config)
	b.must(err)
	made, err := b.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "cause-"}}, metav1.CreateOptions{})
	b.must(err)
	b.namespace = made.Name
	t.Cleanup(func() {
		if err := b.Kube.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), b.namespace, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			t.Error(err)
		}
	})
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// eventually tries until there is no error any more.
func (b *bench) eventually(try func() error) {
	b.t.Helper()
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			b.t.Fatal(err)
		}
	}
}

func helm(kubeconfig, namespace string) (*action.Configuration, error) {
	settings := cli.New()
	settings.KubeConfig = kubeconfig
	settings.SetNamespace(namespace)
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	return config, config.Init(settings.RESTClientGetter(), namespace, "secret")
}

// install installs a template as release web, and waits for a while. It returns what is known when that fails.
func (b *bench) install(name, template string, patience time.Duration) cause.Failure {
	b.t.Helper()
	config, err := helm(b.kubeconfig, b.namespace)
	b.must(err)
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.WaitStrategy, install.Timeout = name, b.namespace, helmkube.StatusWatcherStrategy, patience
	f := cause.Failure{Release: name, Namespace: b.namespace, Step: cause.StepApply, Since: time.Now()}
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	f.Witness = b.Watch(ctx, b.namespace)
	made, err := install.RunWithContext(ctx, chart(template), nil)
	f.Err, f.Manifest = err, rendered(made)
	return f
}

// rendered is all that a release makes, hooks included.
func rendered(made any) string {
	release, ok := made.(*releasev1.Release)
	if !ok || release == nil {
		return ""
	}
	all := release.Manifest
	for _, hook := range release.Hooks {
		all += "\n---\n" + hook.Manifest
	}
	return all
}

// wants checks an explanation. In all texts NS stands for the namespace.
func (b *bench) wants(f cause.Failure, o one) {
	b.t.Helper()
	if f.Err == nil {
		b.t.Fatal("it succeeded, and must not")
	}
	b.t.Logf("Helm says: %v", f.Err)
	got := b.Explain(b.t.Context(), f)
	b.t.Logf("%+v", got)
	fill := strings.NewReplacer("NS", b.namespace).Replace
	if got.Code != o.code || got.Target != fill(o.target) || got.DoctorID != o.doctor || !strings.Contains(got.Message, fill(o.message)) {
		b.t.Errorf("%s about %q (%s), want %s about %q (%s): %s", got.Code, got.Target, got.DoctorID, o.code, fill(o.target), o.doctor, got.Message)
	}
	for place, words := range map[string][]string{got.Cause: o.words, strings.Join(got.Evidence, "\n"): o.seen, strings.Join(got.Remedies, "\n"): o.typed} {
		for _, word := range words {
			if !strings.Contains(place, fill(word)) {
				b.t.Errorf("%q lacks %q", place, fill(word))
			}
		}
	}
}

const settingsTemplate = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {side: ours}\n"

func (b *bench) configMap(finalizers ...string) {
	b.t.Helper()
	_, err := b.Kube.CoreV1().ConfigMaps(b.namespace).Create(b.t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings", Finalizers: finalizers}, Data: map[string]string{"side": "theirs"},
	}, metav1.CreateOptions{FieldManager: "somebody"})
	b.must(err)
}

// TestOnAPIServer is what needs a real API server and no node.
func TestOnAPIServer(t *testing.T) {
	cases := map[string]struct {
		fail func(*bench) cause.Failure
		want one
	}{
		"Exists": {
			func(b *bench) cause.Failure {
				b.configMap()
				return b.install("web", settingsTemplate, time.Second)
			},
			one{code: fairlead.CauseResourceExists, target: "ConfigMap/NS/settings", doctor: "HLM-09", message: "Resource already exists in your cluster", words: []string{"belongs to no Helm release; somebody wrote it"}, typed: []string{"kubectl delete configmap settings -n NS"}},
		},
		"ExistsElsewhere": {
			func(b *bench) cause.Failure {
				b.must(b.install("two", settingsTemplate, 5*time.Second).Err)
				return b.install("web", settingsTemplate, time.Second)
			},
			one{code: fairlead.CauseResourceExists, target: "ConfigMap/NS/settings", doctor: "HLM-09", words: []string{"belongs to Helm release two in namespace NS"}},
		},
		"NameTaken": {
			func(b *bench) cause.Failure {
				b.must(b.install("web", settingsTemplate, 5*time.Second).Err)
				return b.install("web", settingsTemplate, time.Second)
			},
			one{code: fairlead.CauseReleaseNameInUse, target: "Secret/NS/sh.helm.release.v1.web.v1", doctor: "HLM-10", message: "cannot re-use a name that is still in use", seen: []string{"revision 1 is deployed, written by"}},
		},
		"Killed": {
			func(b *bench) cause.Failure {
				b.killedInstall()
				return b.install("web", settingsTemplate, time.Second)
			},
			one{code: fairlead.CauseOperationRunning, target: "Secret/NS/sh.helm.release.v1.web.v1", doctor: "HLM-08", message: "another operation (install/upgrade/rollback) is in progress", words: []string{"is pending-install (revision 1) since"}, typed: []string{"helm uninstall web -n NS"}},
		},
		"KilledUpgrade": {
			func(b *bench) cause.Failure {
				b.killedInstall()
				return b.upgrade("web", settingsTemplate)
			},
			one{code: fairlead.CauseOperationRunning, target: "Secret/NS/sh.helm.release.v1.web.v1", doctor: "HLM-08", message: "another operation (install/upgrade/rollback) is in progress"},
		},
		"Going": {
			func(b *bench) cause.Failure {
				b.configMap("example.test/stays")
				b.must(b.Kube.CoreV1().Namespaces().Delete(b.t.Context(), b.namespace, metav1.DeleteOptions{}))
				b.t.Cleanup(b.release)
				b.eventually(b.remains)
				return b.install("web", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n", time.Second)
			},
			one{code: fairlead.CauseNamespaceGoing, target: "Namespace/NS", doctor: "FLX-04", message: "being terminated", words: []string{"since", "example.test/stays"}},
		},
		"Quota": {
			func(b *bench) cause.Failure {
				b.quota("count/configmaps", "0")
				return b.install("web", settingsTemplate, time.Second)
			},
			one{code: fairlead.CauseRejected, target: "ConfigMap/NS/settings", doctor: "HLM-03", message: "exceeded quota: small", words: []string{"resource quota of namespace NS"}, typed: []string{"kubectl describe resourcequotas -n NS"}},
		},
		"PodsQuota": {
			func(b *bench) cause.Failure {
				b.quota("pods", "0")
				return b.install("web", deployment(""), 5*time.Second)
			},
			one{code: fairlead.CauseReadinessTimeout, target: "Deployment/NS/web", doctor: "HLM-03", message: timeout, words: []string{"resource quota of namespace NS"}, seen: []string{"exceeded quota: small"}},
		},
		"Policy": {
			func(b *bench) cause.Failure {
				b.policy()
				return b.install("web", settingsTemplate, time.Second)
			},
			one{code: fairlead.CauseRejected, target: "ConfigMap/NS/settings", doctor: "EXT-03", words: []string{"Policy NS.example.test"}, typed: []string{"kubectl describe validatingadmissionpolicy NS.example.test"}},
		},
		"Kind": {
			func(b *bench) cause.Failure {
				return b.install("web", "apiVersion: example.test/v1\nkind: Gadget\nmetadata: {name: g}\n", time.Second)
			},
			one{code: fairlead.CauseRejected, doctor: "HLM-07", words: []string{"no kind Gadget of example.test/v1"}},
		},
		"Invalid": {
			func(b *bench) cause.Failure {
				return b.install("web", strings.Replace(deployment(""), "app: web}}\n  template", "app: other}}\n  template", 1), time.Second)
			},
			one{code: fairlead.CauseRejected, target: "Deployment/NS/web", doctor: "HLM-07", words: []string{"not valid"}},
		},
		"Conflict": {
			func(b *bench) cause.Failure {
				b.must(b.install("web", settingsTemplate, 5*time.Second).Err)
				_, err := b.Kube.CoreV1().ConfigMaps(b.namespace).Patch(b.t.Context(), "settings", types.ApplyPatchType,
					[]byte(`{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"settings"},"data":{"side":"theirs"}}`), metav1.PatchOptions{FieldManager: "somebody", Force: new(true)})
				b.must(err)
				return b.upgrade("web", strings.Replace(settingsTemplate, "ours", "new", 1))
			},
			one{code: fairlead.CauseResourceExists, target: "ConfigMap/NS/settings", doctor: "HLM-09", words: []string{".data.side", "set by somebody"}},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, kubeconfigVariable)
			b.wants(c.fail(b), c.want)
		})
	}
}

func (b *bench) upgrade(name, template string) cause.Failure {
	b.t.Helper()
	config, err := helm(b.kubeconfig, b.namespace)
	b.must(err)
	upgrade := action.NewUpgrade(config)
	upgrade.Namespace, upgrade.WaitStrategy, upgrade.Timeout = b.namespace, helmkube.StatusWatcherStrategy, 5*time.Second
	f := cause.Failure{Release: name, Namespace: b.namespace, Step: cause.StepApply, Since: time.Now()}
	made, err := upgrade.RunWithContext(b.t.Context(), name, chart(template), nil)
	f.Err, f.Manifest = err, rendered(made)
	return f
}

// remains is nil when the namespace says what it waits for.
func (b *bench) remains() error {
	namespace, err := b.Kube.CoreV1().Namespaces().Get(b.t.Context(), b.namespace, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range namespace.Status.Conditions {
		if c.Type == corev1.NamespaceFinalizersRemaining && c.Status == corev1.ConditionTrue {
			return nil
		}
	}
	return errors.New("the namespace does not say yet what it waits for")
}

// release lets the namespace go.
func (b *bench) release() {
	_, err := b.Kube.CoreV1().ConfigMaps(b.namespace).Patch(context.WithoutCancel(b.t.Context()), "settings", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), metav1.PatchOptions{})
	b.must(err)
}

func (b *bench) quota(name corev1.ResourceName, hard string) {
	b.t.Helper()
	quotas := b.Kube.CoreV1().ResourceQuotas(b.namespace)
	_, err := quotas.Create(b.t.Context(), &corev1.ResourceQuota{
		ObjectMeta: metav1.ObjectMeta{Name: "small"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{name: resource.MustParse(hard)}},
	}, metav1.CreateOptions{})
	b.must(err)
	b.eventually(func() error {
		quota, err := quotas.Get(b.t.Context(), "small", metav1.GetOptions{})
		if err == nil && len(quota.Status.Used) == 0 {
			err = errors.New("nobody counts yet")
		}
		return err
	})
}

// policy forbids ConfigMaps in the namespace, and waits until the API server obeys.
func (b *bench) policy() {
	b.t.Helper()
	name := b.namespace + ".example.test"
	_, err := b.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(b.t.Context(), &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: b.namespace}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create}, Rule: admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
				}}},
			},
			Validations: []admissionv1.Validation{{Expression: "false", Message: "no settings here"}},
		},
	}, metav1.CreateOptions{})
	b.must(err)
	_, err = b.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(b.t.Context(), &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       admissionv1.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny}},
	}, metav1.CreateOptions{})
	b.must(err)
	b.t.Cleanup(func() {
		ctx := context.WithoutCancel(b.t.Context())
		b.must(b.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Delete(ctx, name, metav1.DeleteOptions{}))
		b.must(b.Kube.AdmissionregistrationV1().ValidatingAdmissionPolicies().Delete(ctx, name, metav1.DeleteOptions{}))
	})
	b.eventually(func() error {
		_, err := b.Kube.CoreV1().ConfigMaps(b.namespace).Create(b.t.Context(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "trial"}}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
		if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
			return nil
		}
		return fmt.Errorf("the policy is not obeyed yet: %w", err)
	})
}

// helperVariable makes the test's own program a Helm that installs and waits, to be killed meanwhile.
const helperVariable = "FAIRLEAD_TEST_HELM_NAMESPACE"

// killedInstall leaves the release as a Helm does that was killed while it waited.
func (b *bench) killedInstall() {
	b.t.Helper()
	command := exec.CommandContext(b.t.Context(), os.Args[0], "-test.run=^TestHelmThatIsKilled$")
	command.Env = append(os.Environ(), helperVariable+"="+b.namespace)
	b.must(command.Start())
	b.eventually(func() error {
		found, err := b.Kube.CoreV1().Secrets(b.namespace).List(b.t.Context(), metav1.ListOptions{LabelSelector: "owner=helm,status=pending-install"})
		if err == nil && len(found.Items) == 0 {
			err = errors.New("Helm has not begun yet")
		}
		return err
	})
	b.must(command.Process.Kill())
	_ = command.Wait() // it was killed
}

func TestHelmThatIsKilled(t *testing.T) {
	namespace := os.Getenv(helperVariable)
	if namespace == "" {
		t.Skip("it is started by TestOnAPIServer")
	}
	config, err := helm(os.Getenv(kubeconfigVariable), namespace)
	if err != nil {
		t.Fatal(err)
	}
	install := action.NewInstall(config)
	install.ReleaseName, install.Namespace, install.WaitStrategy, install.Timeout = "web", namespace, helmkube.StatusWatcherStrategy, time.Minute
	_, err = install.RunWithContext(t.Context(), chart(deployment("")), nil)
	t.Fatal("nobody killed it: ", err)
}

// deployment is one of a single pod; spec is put into the pod's.
func deployment(spec string) string {
	return "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n" +
		"      terminationGracePeriodSeconds: 0\n" + indent(spec, "      ") + container(spec)
}

func indent(text, by string) string {
	if text == "" {
		return ""
	}
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by) + "\n"
}

// container is added where the spec has none. Without a probe it would be ready for the moment that it lives.
func container(spec string) string {
	if strings.Contains(spec, "containers:") {
		return ""
	}
	return "      containers: [{name: main, image: '" + nodeImage + "', args: ['-conf', '/etc/nothing'], readinessProbe: {httpGet: {port: 9999}}}]\n"
}
