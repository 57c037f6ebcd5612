package observer

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// advice is what to do about what Flux says. In it stand for themselves: {kind}, {namespace}, {name}, {controller}, {host} of an image,
// {secret}, the Secret that the object names, {keys}, what is in such a Secret, {object}, where that is named, and {certs}, the field for
// an authority.
type advice struct {
	when *regexp.Regexp
	then string
	// given replaces then for an object that names a Secret to authenticate with.
	given string
}

// advice says what to do about an object of which this is said.
func (f fault) advice(message string) string {
	var ofSource []advice
	if f.by != nil && sources[f.Kind] != "" { // its settings are in the object, and not in flags of the configuration
		ofSource = sourceAdvice
	}
	for _, one := range slices.Concat(missingAdvice, imageAdvice[f.Kind], ofSource, allAdvice) {
		if !one.when.MatchString(message) {
			continue
		}
		if one.given != "" && f.names(one, message) {
			return f.fill(one.given)
		}
		return f.fill(one.then)
	}
	return ""
}

// names reports whether the object names the Secret that an advice is about: one that is missing may be another, with an authority.
func (f fault) names(one advice, message string) bool {
	return f.Spec.SecretRef != nil && (one.when != pattern.noSuchSecret || strings.Contains(message, f.Spec.SecretRef.Name))
}

func (f fault) fill(text string) string {
	named, certs, object := f.Name, "spec.certSecretRef", f.Kind+" "+f.Namespace+"/"+f.Name
	if f.Spec.SecretRef != nil {
		named = f.Spec.SecretRef.Name
	}
	switch f.Kind {
	case "GitRepository":
		certs = "spec.secretRef"
	case "HelmChart", "HelmRelease":
		object = "its source"
	}
	host, _, _ := strings.Cut(f.Spec.Image, "/")
	return strings.NewReplacer(
		"{kind}", f.Kind, "{namespace}", f.Namespace, "{name}", f.Name, "{secret}", named, "{object}", object, "{certs}", certs,
		"{host}", cmp.Or(host, "HOST"), "{keys}", sources[f.Kind], "{controller}", f.Missing,
	).Replace(text)
}

func matching(text string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + text) }

// pattern has what more than one table looks for.
var pattern = struct{ refused, otherHostKey, noSuchRevision, noSuchBucket, noSuchSecret, noSuchRepository, unknownAuthority *regexp.Regexp }{ //nolint:gochecknoglobals // a constant
	refused:          matching(`authentication required|invalid auth method|authorization failed|401 unauthorized|unauthorized: |status code: 401|status code: 403|permission denied \(publickey|unable to authenticate|access key id you provided does not exist|access ?denied|access to the resource is denied|signature we calculated does not match|authenticationfailed|authorization(permissionmismatch|failure)|publicaccessnotpermitted|decode account key`),
	otherHostKey:     matching(`host key|knownhosts|known_hosts`),
	noSuchRevision:   matching(`couldn't find remote ref|unable to resolve commit object|no tags found|no match found for semver|reference not found|failed to resolve.*ref|manifest[ _]unknown`),
	noSuchBucket:     matching(`bucket '[^']*' not found|specified bucket does not exist`),
	noSuchSecret:     matching(`secrets? "?[^ ]*"? not found|failed to get secret`),
	noSuchRepository: matching(`repository not found|name[ _]unknown|status code 404`),
	unknownAuthority: matching(`x509:|certificate signed by unknown authority`),
}

// missingAdvice is about a controller that is switched off.
var missingAdvice = []advice{{ //nolint:gochecknoglobals // a constant
	when: matching(`^[a-z-]+-controller does not run`),
	then: "Switch it on with --config {controller}.enabled=true of the extension (fairlead k8s-extension update), or remove the object from the source.",
}}

// allAdvice has the narrow ones first.
var allAdvice = []advice{ //nolint:gochecknoglobals // a constant
	{when: matching(`does not support dry run`), then: "Set sideEffects of that webhook to None or NoneOnDryRun; fairlead doctor names it (FLX-01)."},
	{
		when: pattern.refused,
		then: "The source refuses the credentials: give them again, --https-user with --https-key-file, --ssh-private-key-file, --oci-user with --oci-password-file, --bucket-access-key with --bucket-secret-key-file, --account-key-file or --sas-token-file, or a Secret as --local-auth-ref.",
	},
	{when: pattern.otherHostKey, then: "The host shows another ssh key than the known one: give it with --known-hosts-file, as ssh-keyscan prints it."},
	{when: pattern.noSuchRevision, then: "The branch, tag or commit is not there: name one that is with --branch, --tag, --semver or --commit."},
	{when: pattern.noSuchBucket, then: "There is no such bucket: name one that is with --bucket-name, or --container-name."},
	{when: matching(`failed to get secret`), then: "The Secret is not in the configuration's namespace: make it there, or name another with --local-auth-ref."},
	{when: pattern.noSuchRepository, then: "There is no such repository, or it is hidden from who has no credentials: check --url, or give credentials."},
	{
		when: pattern.unknownAuthority,
		then: "Give the authority that vouches for the server: --https-ca-cert-file for a repository, --tls-ca-certificate-file for a registry, or setting trust.caBundle of extension microsoft.flux for all.",
	},
	{
		when: matching(`no such host|connection refused|i/o timeout|network is unreachable|context deadline exceeded.*(dial|fetch|clone|list)`),
		then: "The cluster does not reach the source: try fairlead doctor NET --probe with its kubeconfig.",
	},
	{when: matching(`path not found|no such file or directory`), then: "The folder is not in this revision of the source: check path of the kustomization."},
	{
		when: matching(`(is|are) forbidden: user "system:serviceaccount:[^"]*:` + fluxconfig.Applier + `"`),
		then: "The configuration has rights in its namespace alone: make it again with --scope cluster, or keep to the namespace.",
	},
	{when: matching(`health check failed|timeout waiting for`), then: "What was applied does not become ready: look at it with kubectl describe."},
	{when: matching(`cross-namespace references|\bacl\b`), then: "Tenants are kept apart: refer to the same namespace, or set multiTenancy.enforce=false of extension microsoft.flux."},
	{when: matching(`kustomize build failed|yaml:|error converting yaml|accumulating resources|malformed`), then: "Correct the files in the source; the next revision is taken by itself."},
}
