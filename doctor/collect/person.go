package collect

import (
	"context"
	"os"

	authenticationv1 "k8s.io/api/authentication/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// identify asks who the caller is, and looks at the machine.
func (c *collector) identify(ctx context.Context) {
	var user string
	err := c.call(ctx, func(ctx context.Context) error {
		review, err := c.api.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
		if err == nil {
			user = review.Status.UserInfo.Username
		}
		return err
	})
	if err == nil {
		c.snapshot.Client.User = user
	}
	Machine(ctx, &c.snapshot.Client, c.source.Redact, os.Getenv)
}

// onboarding is what connecting a cluster does in it.
func onboarding() []snapshot.Right {
	rights := []snapshot.Right{
		{Verb: "list", Resource: "secrets"},
		{Verb: "list", Resource: "nodes"},
		{Verb: "create", Resource: "namespaces"},
		{Verb: "create", Group: "rbac.authorization.k8s.io", Resource: "clusterroles"},
		{Verb: "create", Group: "rbac.authorization.k8s.io", Resource: "clusterrolebindings"},
		{Verb: "create", Group: "apiextensions.k8s.io", Resource: "customresourcedefinitions"},
	}
	for _, one := range []snapshot.Right{
		{Group: "apps", Resource: "deployments", Namespace: agents},
		{Resource: "serviceaccounts", Namespace: agents},
		{Resource: "configmaps", Namespace: agents},
		{Resource: "secrets", Namespace: agents},
		{Resource: "secrets", Namespace: fairlead.ReleaseNamespace},
	} {
		one.Verb = "create"
		rights = append(rights, one)
	}
	return rights
}

// readRights asks what onboarding would need when Arc is not there, or when somebody wants to know.
func (c *collector) readRights(ctx context.Context) {
	if release, ok := c.snapshot.Release("", fairlead.ReleaseName); ok && release.Status == deployed && !c.wanted.Rights {
		return
	}
	everything, err := c.allowed(ctx, snapshot.Right{Verb: "*", Group: "*", Resource: "*"})
	if err != nil {
		return // then nobody knows, and CLI-05 says so
	}
	var rights []snapshot.Right
	for _, right := range onboarding() {
		right.Allowed = everything
		if !everything {
			if right.Allowed, err = c.allowed(ctx, right); err != nil {
				return
			}
		}
		rights = append(rights, right)
	}
	c.snapshot.Client.Rights = rights
}

func (c *collector) allowed(ctx context.Context, right snapshot.Right) (bool, error) {
	allowed := false
	err := c.call(ctx, func(ctx context.Context) error {
		review, err := c.api.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
			Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
				Verb: right.Verb, Group: right.Group, Resource: right.Resource, Namespace: right.Namespace,
			}},
		}, metav1.CreateOptions{})
		if err == nil {
			allowed = review.Status.Allowed
		}
		return err
	})
	return allowed, err
}
