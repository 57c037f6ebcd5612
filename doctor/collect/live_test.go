package collect_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/check"
	"github.com/fairlead/fairlead/doctor/collect"
	"github.com/fairlead/fairlead/doctor/redact"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// live is a real API server; without one the test says so and is left out.
func live(t *testing.T) (*rest.Config, kubernetes.Interface) {
	t.Helper()
	file := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if file == "" {
		t.Skip("FAIRLEAD_TEST_KUBECONFIG names no cluster: run `make test-doctor`")
	}
	target, err := collect.Open(file, "")
	if err != nil {
		t.Fatal(err)
	}
	client, err := kubernetes.NewForConfig(target.Config)
	if err != nil {
		t.Fatal(err)
	}
	return target.Config, client
}

func look(t *testing.T, config *rest.Config, checks []doctor.Check) *snapshot.Snapshot {
	t.Helper()
	needs, logs := doctor.Needs(checks)
	seen, err := collect.Snapshot(t.Context(), collect.Source{Config: config, Redact: redact.New([]byte("test")), Now: time.Now},
		collect.Wanted{Needs: needs, Logs: logs, Namespace: "quay"})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

// as returns the configuration of a caller who has a role, in one namespace when it is named.
func as(t *testing.T, config *rest.Config, client kubernetes.Interface, user, role, namespace string) *rest.Config {
	t.Helper()
	ctx := t.Context()
	meta := metav1.ObjectMeta{Name: user, Namespace: namespace}
	reference := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
	subjects := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
	var err error
	switch {
	case role == "":
	case namespace == "":
		_, err = client.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: reference, Subjects: subjects}, metav1.CreateOptions{})
	default:
		_, err = client.RbacV1().RoleBindings(namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: reference, Subjects: subjects}, metav1.CreateOptions{})
	}
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	limited := rest.CopyConfig(config)
	limited.Impersonate = rest.ImpersonationConfig{UserName: user, Groups: []string{"system:authenticated"}}
	return limited
}

// TestLimitedCallers looks with little and compares with what everybody's administrator sees: what is a pass there may be
// a pass or unknown here, never wrong, and nothing that was hidden is a pass.
func TestLimitedCallers(t *testing.T) {
	config, client := live(t)
	ensureNamespace(t, client, "quay")
	whole := statuses(doctor.Evaluate(check.All(), look(t, config, check.All()), nil))
	cases := map[string]struct {
		reason, role, namespace string
		blind                   bool // sees nothing
	}{
		"Nothing":          {"a caller without rights", "", "", true},
		"ViewInOne":        {"view in one namespace", "view", "quay", false},
		"ViewEverywhere":   {"view everywhere, which leaves out Secrets, nodes and webhooks", "view", "", false},
		"AllButTheSecrets": {"everything is listed but Secrets", "fairlead-test-no-secrets", "", false},
	}
	ensureRole(t, client, "fairlead-test-no-secrets")
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			limited := as(t, config, client, "caller-"+c.role+c.namespace, c.role, c.namespace)
			seen := statuses(doctor.Evaluate(check.All(), look(t, limited, check.All()), nil))
			if !slices.Contains(slices.Collect(maps.Values(seen)), doctor.Unknown) {
				t.Errorf("%s: nothing is unknown", c.reason)
			}
			for id, status := range seen {
				if complaint := madeUp(id, status, whole[id], c.blind); complaint != "" {
					t.Errorf("%s: %s", c.reason, complaint)
				}
			}
		})
	}
}

// madeUp says what is wrong with a status that a limited caller is told.
func madeUp(id string, status, whole doctor.Status, blind bool) string {
	switch {
	case blind && status == doctor.Pass && slices.Contains([]string{"ARC-01", "ARC-03", "ARC-08", "NET-01", "OSM-01", "SELF-01"}, id):
		return id + " passes though nothing could be read"
	case status == doctor.Fail && whole != doctor.Fail && id != "CLI-05": // which is about the caller: may they onboard
		return fmt.Sprintf("%s fails, which is %s for an administrator", id, whole)
	}
	return ""
}

func statuses(findings []doctor.Finding) map[string]doctor.Status {
	found := map[string]doctor.Status{}
	for _, f := range findings {
		if f.Problem() || found[f.ID] == "" {
			found[f.ID] = f.Status
		}
	}
	return found
}

func ensureNamespace(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	_, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// ensureRole makes the role that doctor itself says is enough, less everything about Secrets.
func ensureRole(t *testing.T, client kubernetes.Interface, name string) {
	t.Helper()
	role := doctor.Role(doctor.Needs(check.All()))
	role.Name = name
	role.Rules = slices.DeleteFunc(role.Rules, func(r rbacv1.PolicyRule) bool { return slices.Contains(r.Resources, "secrets") })
	_, err := client.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
}

// TestRoleIsEnough gives a caller just the role that --explain-checks prints: nothing may be forbidden then.
func TestRoleIsEnough(t *testing.T) {
	config, client := live(t)
	role := doctor.Role(doctor.Needs(check.All()))
	role.Name = "fairlead-test-doctor"
	if _, err := client.RbacV1().ClusterRoles().Create(t.Context(), role, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	limited := as(t, config, client, "caller-doctor", role.Name, "")
	for resource, coverage := range look(t, limited, check.All()).Coverage {
		for _, gap := range coverage.Gaps {
			if gap.Reason == snapshot.Forbidden {
				t.Errorf("%s: %s is forbidden to a caller with the role that is said to be enough", resource, gap)
			}
		}
	}
}

// TestSecretsStayInTheCluster plants a secret where doctor reads and looks for it in all that was kept.
func TestSecretsStayInTheCluster(t *testing.T) {
	config, client := live(t)
	const planted = "Tr0ub4dor-and-3-horses"
	ensureNamespace(t, client, "azure-arc")
	_, err := client.CoreV1().Secrets("azure-arc").Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "azure-identity-certificate", Annotations: map[string]string{"kubectl.kubernetes.io/last-applied-configuration": `{"stringData":{"k":"` + planted + `"}}`}},
		StringData: map[string]string{"password": planted},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), "azure-arc", metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	kept := encoded(t, look(t, config, check.All()))
	for _, form := range []string{planted, base64.StdEncoding.EncodeToString([]byte(planted))} {
		if contains(kept, form) {
			t.Errorf("%q was kept", form)
		}
	}
}
