package observer

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// A source that a kustomization has applied has its settings in itself: flags of the configuration would change another one.
func TestAdviceOnSourcesThatWereApplied(t *testing.T) {
	const (
		unauthorized = `failed to fetch Helm repository index: failed to fetch https://charts.example.org/index.yaml : 401 Unauthorized`
		unknown      = `Get "https://charts.example.org/index.yaml": tls: failed to verify certificate: x509: certificate signed by unknown authority`
	)
	for _, c := range []struct{ kind, secret, message, want string }{
		{"HelmRepository", "", unauthorized, "a Secret in the namespace of HelmRepository shops/charts, with username and password, and name it as its spec.secretRef"},
		{"HelmRepository", "door", unauthorized, "Secret shops/door, spec.secretRef of HelmRepository shops/charts, as username and password"},
		{"HelmRepository", "door", unknown, "ca.crt as spec.certSecretRef of HelmRepository shops/charts"},
		{"HelmRepository", "door", `failed to get secret 'shops/door': secrets "door" not found`, "kubectl create secret generic door -n shops"},
		{"GitRepository", "", unknown, "ca.crt as spec.secretRef of GitRepository shops/charts"},
		{"GitRepository", "door", `unable to clone 'ssh://x': ssh: handshake failed: knownhosts: key mismatch`, "Secret shops/door, spec.secretRef of GitRepository shops/charts, as known_hosts"},
		{"GitRepository", "", `unable to clone 'https://x': couldn't find remote ref "refs/heads/gone"`, "spec.ref of GitRepository shops/charts"},
		{"OCIRepository", "door", `failed to determine artifact digest: GET https://r/v2/x: UNAUTHORIZED: authentication required`, "kubectl create secret docker-registry"},
		{"Bucket", "", `failed to confirm existence of 'shop' bucket: Access Denied.`, "accesskey and secretkey"},
		{"Bucket", "", `bucket 'shop' not found`, "spec.bucketName of Bucket shops/charts"},
		{"HelmChart", "", unauthorized, "the namespace of its source"},
		{"HelmRelease", "", unknown, "spec.certSecretRef of its source"},
		{"HelmRelease", "", `Helm install failed: timeout waiting for: [Deployment/shops/redis]`, "kubectl describe"},
	} {
		object := flux(c.kind, "charts", "False", "", c.message)
		if c.secret != "" {
			object.Spec.SecretRef = &Reference{Name: c.secret}
		}
		got := fault{object, &fairlead.FluxReference{Name: "web-apps", Namespace: "shops"}}.advice(c.message)
		if !strings.Contains(got, c.want) || strings.Contains(got, " --https") || strings.Contains(got, " --local-auth-ref") {
			t.Errorf("%s: %s: %q, want one with %q", c.kind, c.message, got, c.want)
		}
	}
}

// What a configuration's own source needs is given to the configuration, also when it is the same that is said.
func TestAdviceFollowsWhoHasMadeTheSource(t *testing.T) {
	apps := flux("Kustomization", "web-apps", "True", "ReconciliationSucceeded", "")
	apps.Status.Inventory = &Inventory{Entries: []Entry{{"shops_other_source.toolkit.fluxcd.io_GitRepository"}}}
	const said = "failed to checkout and determine revision: unable to list remote for 'https://x': authentication required"
	applied := flux("GitRepository", "other", "False", "GitOperationFailed", said)
	infra := flux("Kustomization", "web-infra", "True", "ReconciliationSucceeded", "")
	if got := seen(fetched(), infra, apps, applied).judge(configured(nothing)).ErrorMessage; !strings.Contains(got, "spec.secretRef") || strings.Contains(got, "--https-key-file") {
		t.Errorf("of one that was applied: %q", got)
	}
	own := flux("GitRepository", "web", "False", "GitOperationFailed", said)
	if got := seen(own, infra, apps).judge(configured(nothing)).ErrorMessage; !strings.Contains(got, "--https-key-file") || strings.Contains(got, "spec.secretRef") {
		t.Errorf("of its own: %q", got)
	}
}
