package fix_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/fix"
)

// kubeconfigVariable names a cluster that the tests may use up; test/controlplane.sh makes one.
const kubeconfigVariable = "FAIRLEAD_TEST_KUBECONFIG"

// cluster is a real API server with a namespace that ends with the test.
type cluster struct {
	*testing.T

	fixer     *fix.Fixer
	api       kubernetes.Interface
	namespace string
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	kubeconfig := os.Getenv(kubeconfigVariable)
	if kubeconfig == "" {
		t.Skipf("%s names no cluster", kubeconfigVariable)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	c := &cluster{T: t, api: kubernetes.NewForConfigOrDie(config)}
	if c.fixer, err = fix.New(config); err != nil {
		t.Fatal(err)
	}
	made, err := c.api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "fix-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.namespace = made.Name
	t.Cleanup(func() {
		if err := c.api.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), made.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return c
}

func (c *cluster) makeConfig(name string, data map[string]string) {
	c.Helper()
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: data}
	if _, err := c.api.CoreV1().ConfigMaps(c.namespace).Create(c.Context(), config, metav1.CreateOptions{FieldManager: "somebody"}); err != nil {
		c.Fatal(err)
	}
}

func (c *cluster) config(name string) *corev1.ConfigMap {
	c.Helper()
	found, err := c.api.CoreV1().ConfigMaps(c.namespace).Get(c.Context(), name, metav1.GetOptions{})
	if err != nil {
		c.Fatal(err)
	}
	return found
}

func (c *cluster) configAction(verb doctor.Verb, name, body string) doctor.Action {
	return doctor.Action{Verb: verb, APIVersion: "v1", Resource: "configmaps", Namespace: c.namespace, Name: name, Body: json.RawMessage(body)}
}

func (c *cluster) preview(action doctor.Action) fix.Change {
	c.Helper()
	change, err := c.fixer.Preview(c.Context(), action)
	if err != nil {
		c.Fatal(err)
	}
	return change
}

func (c *cluster) do(change fix.Change) {
	c.Helper()
	if err := c.fixer.Do(c.Context(), change); err != nil {
		c.Fatal(err)
	}
}

func TestPatchesChangeNothingUntilDone(t *testing.T) {
	cases := map[string]struct {
		verb doctor.Verb
		body string
	}{
		"Merge": {doctor.MergePatch, `{"data":{"log":"error"}}`},
		"JSON":  {doctor.JSONPatch, `[{"op":"test","path":"/data/log","value":"debug"},{"op":"replace","path":"/data/log","value":"error"}]`},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.makeConfig("mesh", map[string]string{"log": "debug", "other": "kept"})
			change := c.preview(c.configAction(test.verb, "mesh", test.body))
			if want := "ConfigMap/" + c.namespace + "/mesh"; change.Object.String() != want {
				t.Errorf("the object is %s, not %s", change.Object, want)
			}
			if got := changedLines(change.Diff); got != "-  log: debug\n+  log: error\n" {
				t.Errorf("the diff is\n%s", change.Diff)
			}
			if got := c.config("mesh").Data["log"]; got != "debug" {
				t.Errorf("the preview changed the object: %q", got)
			}
			c.do(change)
			if data := c.config("mesh").Data; data["log"] != "error" || data["other"] != "kept" {
				t.Errorf("afterwards it is %v", data)
			}
			if owners := c.config("mesh").ManagedFields; !slices.ContainsFunc(owners, func(o metav1.ManagedFieldsEntry) bool { return o.Manager == fix.Owner }) {
				t.Errorf("the change is not marked as doctor's: %v", owners)
			}
		})
	}
}

// changedLines are the lines of a diff that differ.
func changedLines(diff string) string {
	var changed strings.Builder
	for line := range strings.Lines(diff) {
		if (line[0] == '-' || line[0] == '+') && !strings.HasPrefix(line, "---") && !strings.HasPrefix(line, "+++") {
			changed.WriteString(line)
		}
	}
	return changed.String()
}

func TestNoDifferenceIsNoDiff(t *testing.T) {
	c := newCluster(t)
	c.makeConfig("same", map[string]string{"a": "1"})
	if change := c.preview(c.configAction(doctor.MergePatch, "same", `{"data":{"a":"1"}}`)); change.Diff != "" {
		t.Errorf("there is a diff: %s", change.Diff)
	}
}

func TestDelete(t *testing.T) {
	c := newCluster(t)
	c.makeConfig("leftover", map[string]string{"a": "1"})
	change := c.preview(c.configAction(doctor.Delete, "leftover", ""))
	if !strings.Contains(change.Diff, "-kind: ConfigMap\n") || strings.Contains(change.Diff, "\n+") && !strings.Contains(change.Diff, "+++ as it would be") {
		t.Errorf("the diff is\n%s", change.Diff)
	}
	c.config("leftover")
	c.do(change)
	if _, err := c.api.CoreV1().ConfigMaps(c.namespace).Get(t.Context(), "leftover", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("it is still there: %v", err)
	}
}

func (c *cluster) applied(name, data string) string {
	return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"` + name + `","namespace":"` + c.namespace + `"},"data":` + data + `}`
}

func TestApplyCreatesAndChanges(t *testing.T) {
	c := newCluster(t)
	change := c.preview(c.configAction(doctor.Apply, "new", c.applied("new", `{"a":"1"}`)))
	if change.Before != nil || !strings.Contains(change.Diff, "+  a: \"1\"\n") {
		t.Errorf("before: %v, diff:\n%s", change.Before, change.Diff)
	}
	if _, err := c.api.CoreV1().ConfigMaps(c.namespace).Get(t.Context(), "new", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("the preview made it: %v", err)
	}
	c.do(change)
	if err := c.fixer.Do(t.Context(), change); !errors.Is(err, fix.ErrChanged) {
		t.Errorf("what is there by now was made again: %v", err)
	}
	again := c.preview(c.configAction(doctor.Apply, "new", c.applied("new", `{"a":"2"}`)))
	if got := changedLines(again.Diff); got != "-  a: \"1\"\n+  a: \"2\"\n" {
		t.Errorf("the diff is\n%s", again.Diff)
	}
	c.do(again)
	if got := c.config("new").Data["a"]; got != "2" {
		t.Errorf("it is %q", got)
	}
}

func TestApplyNamesTheOwners(t *testing.T) {
	c := newCluster(t)
	c.makeConfig("owned", map[string]string{"a": "1"})
	_, err := c.fixer.Preview(t.Context(), c.configAction(doctor.Apply, "owned", c.applied("owned", `{"a":"2"}`)))
	var owned *fix.OwnedError
	if !errors.As(err, &owned) || !strings.Contains(err.Error(), `"somebody"`) || !strings.Contains(err.Error(), ".data.a") {
		t.Errorf("the error names no owner: %v", err)
	}
	if got := c.config("owned").Data["a"]; got != "1" {
		t.Errorf("it was overwritten: %q", got)
	}
}

func (c *cluster) makeDeployment(name string, change func(*appsv1.DeploymentSpec)) {
	c.Helper()
	labels := map[string]string{"app": name}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "registry.example.org/none:1"}}},
			},
		},
	}
	change(&deployment.Spec)
	if _, err := c.api.AppsV1().Deployments(c.namespace).Create(c.Context(), deployment, metav1.CreateOptions{}); err != nil {
		c.Fatal(err)
	}
}

// settled waits until the controllers have seen a Deployment, so that nobody writes to it between preview and change.
func (c *cluster) settled(name string) {
	c.eventually("the Deployment is seen by its controller", func() bool {
		found, err := c.api.AppsV1().Deployments(c.namespace).Get(c.Context(), name, metav1.GetOptions{})
		return err == nil && found.Status.ObservedGeneration == found.Generation && (found.Spec.Paused || found.Status.Replicas > 0 && len(found.Status.Conditions) > 1)
	})
}

func (c *cluster) eventually(what string, condition func() bool) {
	c.Helper()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-limit:
			c.Fatalf("it never came about that %s", what)
		case <-tick.C:
		}
	}
}

func TestRestart(t *testing.T) {
	c := newCluster(t)
	c.makeDeployment("osm-controller", func(*appsv1.DeploymentSpec) {})
	c.settled("osm-controller")
	action := doctor.Action{Verb: doctor.Restart, APIVersion: "apps/v1", Resource: "deployments", Namespace: c.namespace, Name: "osm-controller"}
	change := c.preview(action)
	if !strings.Contains(change.Diff, "kubectl.kubernetes.io/restartedAt") || strings.Contains(change.Diff, "status:") {
		t.Errorf("the diff is\n%s", change.Diff)
	}
	c.do(change)
	found, err := c.api.AppsV1().Deployments(c.namespace).Get(t.Context(), "osm-controller", metav1.GetOptions{})
	if err != nil || found.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] == "" {
		t.Errorf("no restart: %v, %v", found.Spec.Template.Annotations, err)
	}
}

func TestRestartRefusesWhatCannotRestart(t *testing.T) {
	c := newCluster(t)
	c.makeDeployment("paused", func(spec *appsv1.DeploymentSpec) { spec.Paused = true })
	c.makeConfig("config", nil)
	for name, action := range map[string]doctor.Action{
		"Paused":    {Verb: doctor.Restart, APIVersion: "apps/v1", Resource: "deployments", Namespace: c.namespace, Name: "paused"},
		"ConfigMap": c.configAction(doctor.Restart, "config", ""),
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.fixer.Preview(t.Context(), action); err == nil {
				t.Error("it was accepted")
			}
		})
	}
}

func TestChangedInBetween(t *testing.T) {
	cases := map[string]struct {
		verb doctor.Verb
		body string
	}{
		"Merge":  {doctor.MergePatch, `{"data":{"a":"mine"}}`},
		"JSON":   {doctor.JSONPatch, `[{"op":"add","path":"/data/a","value":"mine"}]`},
		"Delete": {doctor.Delete, ""},
		"Apply":  {doctor.Apply, ""},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			c.makeConfig("moving", map[string]string{"a": "1"})
			body := test.body
			if test.verb == doctor.Apply {
				body = c.applied("moving", `{"b":"mine"}`)
			}
			change := c.preview(c.configAction(test.verb, "moving", body))
			if _, err := c.api.CoreV1().ConfigMaps(c.namespace).Patch(t.Context(), "moving", types.MergePatchType, []byte(`{"data":{"c":"theirs"}}`), metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := c.fixer.Do(t.Context(), change); !errors.Is(err, fix.ErrChanged) {
				t.Errorf("the change was made: %v", err)
			}
			if data := c.config("moving").Data; data["a"] != "1" || data["b"] != "" || data["c"] != "theirs" {
				t.Errorf("it is %v", data)
			}
		})
	}
}

func TestGone(t *testing.T) {
	for name, action := range map[string]struct {
		verb doctor.Verb
		body string
	}{"Merge": {doctor.MergePatch, `{"data":{"a":"2"}}`}, "Delete": {doctor.Delete, ""}} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t)
			if _, err := c.fixer.Preview(t.Context(), c.configAction(action.verb, "absent", action.body)); !errors.Is(err, fix.ErrGone) {
				t.Errorf("the preview of what is not there says %v", err)
			}
			c.makeConfig("short-lived", map[string]string{"a": "1"})
			change := c.preview(c.configAction(action.verb, "short-lived", action.body))
			if err := c.api.CoreV1().ConfigMaps(c.namespace).Delete(t.Context(), "short-lived", metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
			if err := c.fixer.Do(t.Context(), change); !errors.Is(err, fix.ErrGone) {
				t.Errorf("doing it says %v", err)
			}
		})
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c := newCluster(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key", Annotations: map[string]string{corev1.LastAppliedConfigAnnotation: `{"stringData":{"password":"old-planted"}}`}}, StringData: map[string]string{"password": "old-planted", "same": "kept-planted"}}
	if _, err := c.api.CoreV1().Secrets(c.namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	next := base64.StdEncoding.EncodeToString([]byte("new-planted"))
	change := c.preview(doctor.Action{
		Verb: doctor.MergePatch, APIVersion: "v1", Resource: "secrets", Namespace: c.namespace, Name: "key",
		Body: json.RawMessage(`{"data":{"password":"` + next + `"}}`), Backup: true,
	})
	for _, value := range []string{"old-planted", "kept-planted", "new-planted"} {
		if strings.Contains(change.Diff, value) || strings.Contains(change.Diff, base64.StdEncoding.EncodeToString([]byte(value))) {
			t.Errorf("the diff has %s:\n%s", value, change.Diff)
		}
	}
	if got := changedLines(change.Diff); got != "-  password: (not shown)\n+  password: (not shown, changed)\n" {
		t.Errorf("the diff does not tell the key:\n%s", change.Diff)
	}
	if _, err := change.Backup(); err == nil {
		t.Error("a Secret would be written into a file")
	}
}

func TestBackupBringsTheObjectBack(t *testing.T) {
	c := newCluster(t)
	c.makeConfig("mesh", map[string]string{"a": "1"})
	change := c.preview(c.configAction(doctor.Delete, "mesh", ""))
	content, err := change.Backup()
	if err != nil {
		t.Fatal(err)
	}
	c.do(change)
	object, err := yaml.YAMLToJSON(content)
	if err != nil {
		t.Fatal(err)
	}
	c.do(c.preview(c.configAction(doctor.Apply, "mesh", string(object))))
	if got := c.config("mesh").Data["a"]; got != "1" {
		t.Errorf("it came back with %q", got)
	}
}

func TestBackupNameIsAFileName(t *testing.T) {
	change := fix.Change{Object: doctor.Object{Kind: "ClusterRole", Name: "system:mesh/../reader"}}
	if name := change.BackupName(time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)); name != "system-mesh-..-reader.backup-20260504-030201.yaml" {
		t.Errorf("the file is called %s", name)
	}
}

func TestManagerIsNamed(t *testing.T) {
	c := newCluster(t)
	config := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "kept", Labels: map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}}}
	if _, err := c.api.CoreV1().ConfigMaps(c.namespace).Create(t.Context(), config, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if change := c.preview(c.configAction(doctor.MergePatch, "kept", `{"data":{"a":"1"}}`)); change.Object.Managed != "Flux Kustomization flux-system/apps" {
		t.Errorf("managed by %q", change.Object.Managed)
	}
}

func TestInterruptedCallsEnd(t *testing.T) {
	c := newCluster(t)
	c.makeConfig("mesh", map[string]string{"a": "1"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.fixer.Preview(ctx, c.configAction(doctor.MergePatch, "mesh", `{"data":{"a":"2"}}`)); !errors.Is(err, context.Canceled) {
		t.Errorf("it went on: %v", err)
	}
}
