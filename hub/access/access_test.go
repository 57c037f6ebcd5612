package access_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/store"
)

const (
	subscription = "/subscriptions/S1"
	group        = subscription + "/resourceGroups/Shops"
	cluster      = group + "/providers/Microsoft.Kubernetes/connectedClusters/edge"
	read         = "Microsoft.Kubernetes/connectedClusters/read"
	write        = "Microsoft.Kubernetes/connectedClusters/write"
	assign       = "Microsoft.Authorization/roleAssignments/write"
)

func checker(t *testing.T) *access.Checker {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return &access.Checker{Store: db}
}

func asP1(ctx context.Context) context.Context {
	return access.WithPrincipal(ctx, access.Principal{ObjectID: "p1", AppID: "app-p1"})
}

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		reason, role, assigned, action, scope string
		want                                  bool
	}{
		"OwnerAnywhere":             {"the root covers all", access.Owner, "/", assign, cluster, true},
		"ContributorWrites":         {"a role holds below its scope", access.Contributor, subscription, write, cluster, true},
		"ContributorMayNotAssign":   {"not-actions are taken off", access.Contributor, "/", assign, cluster, false},
		"ReaderReads":               {"*/read matches every depth", access.Reader, group, read, cluster, true},
		"ReaderDoesNotWrite":        {"reading is all", access.Reader, group, write, cluster, false},
		"ReaderOfOneGroup":          {"another group is none of theirs", access.Reader, group, read, subscription + "/resourceGroups/Other", false},
		"SimilarName":               {"a longer name is not below", access.Reader, group, read, group + "-2", false},
		"NotAbove":                  {"a role does not reach up", access.Reader, group, read, subscription, false},
		"CaseDoesNotMatter":         {"ids are compared without case", access.Reader, group, strings.ToUpper(read), strings.ToUpper(cluster), true},
		"OnboardingConnects":        {"the onboarding role writes clusters", access.ArcOnboarding, group, write, cluster, true},
		"OnboardingDoesNotDelete":   {"but deletes none", access.ArcOnboarding, group, "Microsoft.Kubernetes/connectedClusters/delete", cluster, false},
		"OnboardingReadsItsGroup":   {"connect asks for the group", access.ArcOnboarding, group, "Microsoft.Resources/subscriptions/resourceGroups/read", group, true},
		"OnboardingMakesNoGroup":    {"and may not make one", access.ArcOnboarding, group, "Microsoft.Resources/subscriptions/resourceGroups/write", group, false},
		"RoleOnTheResourceItself":   {"the narrowest scope", access.Reader, cluster, read, cluster, true},
		"DotIsNoWildcard":           {"patterns are not regular expressions", access.ArcOnboarding, "/", "MicrosoftXKubernetes/connectedClusters/read", "/", false},
		"RootIsNotCoveredByTheRest": {"the root needs a role on the root", access.Owner, subscription, read, "/", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			checker := checker(t)
			if err := checker.Assign(t.Context(), "p1", c.role, c.assigned); err != nil {
				t.Fatal(err)
			}
			err := checker.Check(asP1(t.Context()), c.action, c.scope)
			if (err == nil) != c.want {
				t.Errorf("%v, want allowed=%v: %s", err, c.want, c.reason)
			}
			if !c.want && fairlead.CodeOf(err) != "AuthorizationFailed" {
				t.Errorf("code %q", fairlead.CodeOf(err))
			}
		})
	}
}

func TestRefusalNamesWhoWhatAndWhere(t *testing.T) {
	err := checker(t).Check(asP1(t.Context()), write, cluster)
	for _, part := range []string{"'app-p1'", "'p1'", "'" + write + "'", "'" + cluster + "'"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v lacks %s", err, part)
		}
	}
}

func TestNobodyIsUnauthenticated(t *testing.T) {
	if err := checker(t).Check(t.Context(), read, "/"); fairlead.KindOf(err) != fairlead.Unauthenticated {
		t.Errorf("%v, want Unauthenticated", err)
	}
}

func TestRevokedRoleIsGoneAtOnce(t *testing.T) {
	checker := checker(t)
	ctx := asP1(t.Context())
	for range 2 { // assigning twice is one assignment
		if err := checker.Assign(ctx, "p1", access.Reader, group); err != nil {
			t.Fatal(err)
		}
	}
	if err := checker.Check(ctx, read, cluster); err != nil {
		t.Fatal(err)
	}
	if err := checker.Forget(ctx, ""); err != nil { // nobody's roles, not everybody's
		t.Fatal(err)
	}
	if err := checker.Check(ctx, read, cluster); err != nil {
		t.Fatal(err)
	}
	if err := checker.Forget(ctx, "P1"); err != nil {
		t.Fatal(err)
	}
	if err := checker.Check(ctx, read, cluster); fairlead.KindOf(err) != fairlead.Forbidden {
		t.Errorf("%v, want Forbidden", err)
	}
}

// A role ends when its deletion is accepted, not when it is done.
func TestRoleThatIsBeingDeletedDoesNotCount(t *testing.T) {
	checker := checker(t)
	ctx := asP1(t.Context())
	if err := checker.Assign(ctx, "p1", access.Reader, group); err != nil {
		t.Fatal(err)
	}
	held, err := checker.Store.ListResources(ctx, store.Query{Type: access.AssignmentType, Subject: "p1"})
	if err != nil || len(held) != 1 {
		t.Fatalf("%v, %v", held, err)
	}
	held[0].Body = bytes.Replace(held[0].Body, []byte(`"scope"`), []byte(`"provisioningState":"Deleting","scope"`), 1)
	if _, err := checker.Store.PutResource(ctx, held[0], store.AnyState); err != nil {
		t.Fatal(err)
	}
	if err := checker.Check(ctx, read, cluster); fairlead.KindOf(err) != fairlead.Forbidden {
		t.Errorf("%v, want Forbidden", err)
	}
}

func TestRolesOfOthersDoNotCount(t *testing.T) {
	checker := checker(t)
	if err := checker.Assign(t.Context(), "p2", access.Owner, "/"); err != nil {
		t.Fatal(err)
	}
	if err := checker.Check(asP1(t.Context()), read, cluster); fairlead.KindOf(err) != fairlead.Forbidden {
		t.Errorf("%v, want Forbidden", err)
	}
}

func TestAssignRefusesWhatIsNotARoleOrScope(t *testing.T) {
	for _, c := range [][2]string{{"no-role", "/"}, {access.Reader, "/nonsense"}, {access.Reader, "/subscriptions/../x"}} {
		if err := checker(t).Assign(t.Context(), "p1", c[0], c[1]); fairlead.KindOf(err) != fairlead.Invalid {
			t.Errorf("%v: %v, want Invalid", c, err)
		}
	}
}

func TestFilter(t *testing.T) {
	checker := checker(t)
	ctx := asP1(t.Context())
	if err := checker.Assign(ctx, "p1", access.Reader, cluster); err != nil {
		t.Fatal(err)
	}
	filter, err := checker.Filter(ctx, read, subscription)
	if err != nil {
		t.Fatal(err)
	}
	if !filter.Allows(strings.ToLower(cluster)) || filter.Allows(strings.ToLower(cluster)+"2") {
		t.Error("the filter must allow the one cluster and no other")
	}
	if _, err := checker.Filter(ctx, read, subscription+"/resourceGroups/Other"); fairlead.KindOf(err) != fairlead.Forbidden {
		t.Errorf("%v, want Forbidden where nothing can be read", err)
	}
}
