package connect

import (
	"context"
	"fmt"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// right is one thing that the person must be allowed to do in the cluster.
type right struct{ verb, group, resource, namespace string }

// object is what the right is about.
func (r right) object() string {
	text := r.resource
	if r.group != "" {
		text += "." + r.group
	}
	return text
}

// inWords writes rights with a line for those that share verbs and namespace.
func inWords(rights []right) []string {
	verbs := map[string][]string{}
	var objects []string
	for _, one := range rights {
		object := one.namespace + "/" + one.object()
		if verbs[object] == nil {
			objects = append(objects, object)
		}
		verbs[object] = append(verbs[object], one.verb)
	}
	grouped := map[string][]string{}
	var order []string
	for _, object := range objects {
		namespace, name, _ := strings.Cut(object, "/")
		key := strings.Join(verbs[object], " or ") + "/" + namespace
		if grouped[key] == nil {
			order = append(order, key)
		}
		grouped[key] = append(grouped[key], name)
	}
	lines := make([]string, len(order))
	for i, key := range order {
		verb, namespace, _ := strings.Cut(key, "/")
		lines[i] = verb + " " + strings.Join(grouped[key], ", ")
		if namespace != "" {
			lines[i] += " in namespace " + namespace
		}
	}
	return lines
}

// installRights are what connecting needs, and taking it back.
func installRights() []right {
	needed := []right{{"list", "", "nodes", ""}}
	for _, verb := range []string{"create", "delete"} {
		needed = append(needed,
			right{verb, "", "namespaces", ""},
			right{verb, "apiextensions.k8s.io", "customresourcedefinitions", ""},
			right{verb, "rbac.authorization.k8s.io", "clusterroles", ""},
			right{verb, "rbac.authorization.k8s.io", "clusterrolebindings", ""},
			right{verb, "", "secrets", fairlead.ReleaseNamespace},
			right{verb, "apps", "deployments", fairlead.AgentNamespace},
			right{verb, "rbac.authorization.k8s.io", "roles", fairlead.AgentNamespace},
		)
		for _, resource := range []string{"serviceaccounts", "configmaps", "secrets"} {
			needed = append(needed, right{verb, "", resource, fairlead.AgentNamespace})
		}
	}
	return append(needed, right{"list", "", "pods", fairlead.AgentNamespace}, right{"list", "", "events", fairlead.AgentNamespace})
}

// missingRights asks the API server about each right and returns those that are refused.
func (k *Cluster) missingRights(ctx context.Context, needed []right) ([]right, error) {
	var missing []right
	for _, one := range needed {
		review, err := k.api.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: one.verb, Group: one.group, Resource: one.resource, Namespace: one.namespace,
			}},
		}, metav1.CreateOptions{})
		if err != nil {
			return nil, fmt.Errorf("ask the API server for your rights: %w", err)
		}
		if !review.Status.Allowed {
			missing = append(missing, one)
		}
	}
	return missing, nil
}

// checkRights fails with everything that is missing, and the command that would grant it.
func (k *Cluster) checkRights(ctx context.Context) error {
	missing, err := k.missingRights(ctx, installRights())
	if err != nil || len(missing) == 0 {
		return err
	}
	return fairlead.Errorf(fairlead.Forbidden, "in the cluster %s you may not\n  %s\nWhoever administers it can grant these, or, which is simple but more than is needed, all rights with\n  %s",
		k.short(), strings.Join(inWords(missing), "\n  "), k.grant(ctx)).WithCode("ClusterForbidden")
}

func (k *Cluster) grant(ctx context.Context) string {
	user, err := k.self(ctx)
	if err != nil || user == "" {
		user = "YOUR_USER"
	}
	subject := fmt.Sprintf("--user=%q", user)
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		subject = "--serviceaccount=" + account
	}
	return "kubectl create clusterrolebinding fairlead-onboarding --clusterrole=cluster-admin " + subject
}
