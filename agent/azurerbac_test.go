package agent_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
)

const dataPrefix = "Microsoft.Kubernetes/connectedClusters/"

// grant is what one of the four built-in roles grants; the lists are Azure's, as the hub has them.
func grant(role, namespace string) []dataaction.Grant {
	var actions []string
	add := func(verb string, kinds ...string) {
		for _, kind := range kinds {
			actions = append(actions, dataPrefix+kind+"/"+verb)
		}
	}
	objects := []string{
		"apps/daemonsets", "apps/deployments", "apps/replicasets", "apps/statefulsets", "autoscaling/horizontalpodautoscalers", "batch/cronjobs", "batch/jobs",
		"configmaps", "endpoints", "networking.k8s.io/ingresses", "networking.k8s.io/networkpolicies", "persistentvolumeclaims", "pods",
		"policy/poddisruptionbudgets", "replicationcontrollers", "serviceaccounts", "services",
	}
	add("read", "apps/controllerrevisions", "events.k8s.io/events", "events", "limitranges", "namespaces", "resourcequotas")
	switch role {
	case "viewer":
		add("read", objects...)
	case "writer":
		add("*", append(objects, "secrets")...)
	case "admin":
		add("*", append(objects, "secrets", "rbac.authorization.k8s.io/rolebindings", "rbac.authorization.k8s.io/roles")...)
		add("write", "authorization.k8s.io/localsubjectaccessreviews")
	case "clusterAdmin":
		return []dataaction.Grant{{Namespace: namespace, DataActions: []string{dataPrefix + "*"}}}
	}
	return []dataaction.Grant{{Namespace: namespace, DataActions: actions}}
}

// deed is something to do in a namespace, and what it asks for.
type deed struct {
	asks string // verb resource.group/subresource, and everywhere when that is in no namespace
	do   func(context.Context, *kubernetes.Clientset, string) error
}

func dryRun() metav1.CreateOptions { return metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}} }

func deeds() map[string]deed {
	binding := func(name, role string) *rbacv1.RoleBinding {
		return &rbacv1.RoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role},
			Subjects: []rbacv1.Subject{{Kind: "User", APIGroup: rbacv1.GroupName, Name: "friend@example.org"}},
		}
	}
	return map[string]deed{
		"listPods": {"list pods", func(ctx context.Context, c *kubernetes.Clientset, ns string) error {
			_, err := c.CoreV1().Pods(ns).List(ctx, metav1.ListOptions{})
			return err
		}},
		"getSecret": {"get secrets", func(ctx context.Context, c *kubernetes.Clientset, ns string) error {
			_, err := c.CoreV1().Secrets(ns).Get(ctx, "absent", metav1.GetOptions{})
			return err
		}},
		"deploy": {"create deployments.apps", func(ctx context.Context, c *kubernetes.Clientset, ns string) error {
			labels := map[string]string{"app": "web"}
			_, err := c.AppsV1().Deployments(ns).Create(ctx, &appsv1.Deployment{
				ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{
					Selector: &metav1.LabelSelector{MatchLabels: labels}, Template: corev1.PodTemplateSpec{
						ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "web", Image: "web"}}},
					},
				},
			}, dryRun())
			return err
		}},
		"exec": {"create pods/exec", func(ctx context.Context, c *kubernetes.Clientset, ns string) error {
			return c.CoreV1().RESTClient().Post().Namespace(ns).Resource("pods").Name("absent").SubResource("exec").Param("command", "sh").Do(ctx).Error()
		}},
		"bindAdmin": {"create rolebindings.rbac.authorization.k8s.io", func(ctx context.Context, c *kubernetes.Clientset, ns string) error {
			_, err := c.RbacV1().RoleBindings(ns).Create(ctx, binding("friend", "admin"), dryRun())
			return err
		}},
		"bindClusterAdmin": {"", func(ctx context.Context, c *kubernetes.Clientset, ns string) error {
			_, err := c.RbacV1().RoleBindings(ns).Create(ctx, binding("friend", "cluster-admin"), dryRun())
			return err
		}},
		"allPowerfulRole": {"", func(ctx context.Context, c *kubernetes.Clientset, ns string) error {
			_, err := c.RbacV1().Roles(ns).Create(ctx, &rbacv1.Role{
				ObjectMeta: metav1.ObjectMeta{Name: "all"}, Rules: []rbacv1.PolicyRule{{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"*"}}},
			}, dryRun())
			return err
		}},
		"bindEverywhere": {"create clusterrolebindings.rbac.authorization.k8s.io everywhere", func(ctx context.Context, c *kubernetes.Clientset, _ string) error {
			_, err := c.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: "friend-everywhere"}, RoleRef: binding("", "view").RoleRef, Subjects: binding("", "").Subjects,
			}, dryRun())
			return err
		}},
		"askForNodeCertificate": {"create certificatesigningrequests.certificates.k8s.io everywhere", func(ctx context.Context, c *kubernetes.Clientset, _ string) error {
			_, err := c.CertificatesV1().CertificateSigningRequests().Create(ctx, &certificatesv1.CertificateSigningRequest{
				ObjectMeta: metav1.ObjectMeta{Name: "node"}, Spec: certificatesv1.CertificateSigningRequestSpec{
					Request: []byte("x"), SignerName: certificatesv1.KubeAPIServerClientKubeletSignerName, Usages: []certificatesv1.KeyUsage{certificatesv1.UsageClientAuth},
				},
			}, dryRun())
			return err
		}},
		"listNodes": {"list nodes everywhere", func(ctx context.Context, c *kubernetes.Clientset, _ string) error {
			_, err := c.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
			return err
		}},
		"listEverything": {"list pods everywhere", func(ctx context.Context, c *kubernetes.Clientset, _ string) error {
			_, err := c.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
			return err
		}},
	}
}

// may reports whether the API server has let a request through, whatever came of it.
func may(t *testing.T, err error) bool {
	t.Helper()
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsAlreadyExists(err):
		return true
	case apierrors.IsForbidden(err):
		return false
	}
	t.Errorf("neither done nor forbidden: %v", err)
	return false
}

// canI asks the API server what kubectl auth can-i asks.
func canI(t *testing.T, c *kubernetes.Clientset, asks, namespace string) authorizationv1.SubjectAccessReviewStatus {
	t.Helper()
	fields := strings.Fields(asks)
	whole, subresource, _ := strings.Cut(fields[1], "/")
	resource, group, _ := strings.Cut(whole, ".")
	if len(fields) > 2 {
		namespace = ""
	}
	answer, err := c.AuthorizationV1().SelfSubjectAccessReviews().Create(t.Context(), &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Verb: fields[0], Group: group, Resource: resource, Subresource: subresource, Namespace: namespace,
		}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return answer.Status
}

func TestRolesOfTheHubInTheCluster(t *testing.T) {
	c := connectWithAzureRBAC(t, "azurerbac")
	inNamespace := map[string][]string{
		"viewer":       {"listPods"},
		"writer":       {"listPods", "getSecret", "deploy", "exec"},
		"admin":        {"listPods", "getSecret", "deploy", "exec", "bindAdmin"},
		"clusterAdmin": {"listPods", "getSecret", "deploy", "exec", "bindAdmin", "bindClusterAdmin", "allPowerfulRole"},
	}
	inCluster := map[string][]string{
		"viewer": {"listEverything"}, "writer": {"listEverything"}, "admin": {"listEverything"},
		"clusterAdmin": {"listEverything", "listNodes", "bindEverywhere", "askForNodeCertificate"},
	}
	for role := range inNamespace {
		for _, scope := range []string{"", "default"} {
			t.Run(role+scope, func(t *testing.T) {
				somebody := c.callAs(caller.Statement{User: role + scope + "@example.org", Grants: grant(role, scope)})
				for name, deed := range deeds() {
					for _, namespace := range []string{"default", "kube-public"} {
						want := slices.Contains(inNamespace[role], name) && (scope == "" || scope == namespace) ||
							scope == "" && slices.Contains(inCluster[role], name)
						checkDeed(t, somebody, name, deed, namespace, want)
					}
				}
			})
		}
	}
}

// checkDeed does something and asks whether it may be done: both must be as wanted.
func checkDeed(t *testing.T, somebody *kubernetes.Clientset, name string, deed deed, namespace string, want bool) { //nolint:revive // what a table says
	t.Helper()
	got := may(t, deed.do(t.Context(), somebody, namespace))
	if got != want {
		t.Errorf("%s in %s: %t", name, namespace, got)
	}
	if deed.asks == "" {
		return
	}
	if told := canI(t, somebody, deed.asks, namespace); told.Allowed != got {
		t.Errorf("%s in %s: can-i says %+v, and it is %t", name, namespace, told, got)
	}
}

// What the hub's roles do not grant is left to the cluster's own RBAC, and both together are never more than each.
func TestTheClustersOwnRBACIsAskedToo(t *testing.T) {
	c := connectWithAzureRBAC(t, "ownrbac")
	c.bind("own", "edit", rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: "0aaa"})
	for name, grants := range map[string][]dataaction.Grant{"None": nil, "Viewer": grant("viewer", "")} {
		somebody := c.callAs(caller.Statement{User: name + "@example.org", Groups: []string{"0aaa"}, Grants: grants})
		for did, want := range map[string]bool{"deploy": true, "getSecret": true, "bindAdmin": false, "listNodes": false, "listEverything": name == "Viewer"} {
			if got := may(t, deeds()[did].do(t.Context(), somebody, "default")); got != want {
				t.Errorf("%s: %s is %t", name, did, got)
			}
		}
	}
	custom := c.callAs(caller.Statement{User: "custom@example.org", Grants: []dataaction.Grant{{DataActions: []string{dataPrefix + "nodes/read", dataPrefix + "rbac.authorization.k8s.io/rolebindings/write"}}}})
	for did, want := range map[string]bool{"listNodes": true, "listPods": false, "bindAdmin": false, "bindClusterAdmin": false} {
		if got := may(t, deeds()[did].do(t.Context(), custom, "default")); got != want {
			t.Errorf("a role of one's own: %s is %t", did, got)
		}
	}
}

func TestWithoutAzureRBACRolesGrantNothing(t *testing.T) {
	c := connect(t, "noazurerbac")
	somebody := c.callAs(caller.Statement{User: "admin@example.org", Grants: everything()})
	for name, deed := range deeds() {
		if may(t, deed.do(t.Context(), somebody, "default")) {
			t.Errorf("%s was done", name)
		}
	}
	// Nor does the group that azure-rbac would give lead anywhere.
	bindings, err := c.admin.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, binding := range bindings.Items {
		if strings.HasPrefix(binding.Name, "fairlead:") {
			t.Errorf("%s is bound", binding.Name)
		}
	}
}

// kubectl auth can-i --list shows what would happen.
func TestRulesAreListedAsTheyAre(t *testing.T) {
	c := connectWithAzureRBAC(t, "rules")
	list := func(s caller.Statement) map[string]bool {
		answer, err := c.callAs(s).AuthorizationV1().SelfSubjectRulesReviews().Create(t.Context(),
			&authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: "default"}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]bool{}
		for _, rule := range answer.Status.ResourceRules {
			for _, verb := range rule.Verbs {
				found[fmt.Sprintf("%s %s.%s", verb, rule.Resources[0], rule.APIGroups[0])] = true
			}
		}
		return found
	}
	viewer := list(caller.Statement{User: "viewer@example.org", Grants: grant("viewer", "default")})
	writer := list(caller.Statement{User: "writer@example.org", Grants: grant("writer", "default")})
	elsewhere := list(caller.Statement{User: "elsewhere@example.org", Grants: grant("writer", "kube-public")})
	admin := list(caller.Statement{User: "admin@example.org", Grants: everything()})
	for rule, want := range map[string][4]bool{
		"list pods.":              {true, true, false, false},
		"get pods/log.":           {true, true, false, false},
		"create pods/exec.":       {false, true, false, false},
		"get secrets.":            {false, true, false, false},
		"create deployments.apps": {false, true, false, false},
		"* *.*":                   {false, false, false, true},

		"impersonate serviceaccounts.":                         {false, false, false, false},
		"create rolebindings.rbac.authorization.k8s.io":        {false, false, false, false},
		"create selfsubjectaccessreviews.authorization.k8s.io": {true, true, true, true},
	} {
		if got := [4]bool{viewer[rule], writer[rule], elsewhere[rule], admin[rule]}; got != want {
			t.Errorf("%s: %v, want %v", rule, got, want)
		}
	}
}

// The owner's ConfigMap in a real cluster, read with the rights that the chart gives.
func TestTheOwnersPolicyInACluster(t *testing.T) {
	c := connectWithAzureRBAC(t, "policy")
	admin := c.callAs(caller.Statement{User: "admin@example.org", Grants: everything()})
	if !may(t, deeds()["getSecret"].do(t.Context(), admin, "default")) {
		t.Fatal("forbidden without a policy")
	}
	maps := c.admin.CoreV1().ConfigMaps(fairlead.AgentNamespace)
	object := &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: fairlead.ConnectPolicy},
		Data:       map[string]string{"policy.yaml": "otherwise: allow\nrules: [{name: no secrets, effect: deny, resources: [secrets]}]"},
	}
	if _, err := maps.Create(t.Context(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the policy is followed", 2*time.Second, func() bool {
		err := deeds()["getSecret"].do(t.Context(), admin, "default")
		return apierrors.IsForbidden(err) && strings.Contains(err.Error(), `cluster-connect-policy): rule 1 ("no secrets")`)
	})
	if told := canI(t, admin, "get secrets", "default"); told.Allowed || !told.Denied || !strings.Contains(told.Reason, "no secrets") {
		t.Errorf("can-i says %+v", told)
	}
	if told := canI(t, admin, "* *", "default"); told.Allowed {
		t.Errorf("can-i says %+v of everything", told)
	}
	if !may(t, deeds()["listPods"].do(t.Context(), admin, "default")) {
		t.Error("pods are forbidden, too")
	}
	if err := maps.Delete(t.Context(), fairlead.ConnectPolicy, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the policy is gone", 2*time.Second, func() bool { return may(t, deeds()["getSecret"].do(t.Context(), admin, "default")) })
}
