package observer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// words say what is wrong with a configuration and what to do: its first object that fails by its own fault, in Flux' words.
func (j *judgement) words(object *fluxconfig.Object) string {
	if made := object.Status.Applied; made != nil && made.Generation == object.Spec.Generation {
		if made.Error != "" {
			return short(made.Error)
		}
		if made.Waiting != "" {
			return short(made.Waiting)
		}
	}
	if len(j.failing) == 0 {
		return ""
	}
	first := j.atFault()
	said := first.readiness()
	text := first.Kind + " " + first.Namespace + "/" + first.Name + ": " + short(inOneLine(said.Message))
	if advice := adviceOn(first.Kind, said.Message); advice != "" {
		text = strings.TrimRight(text, ". ") + ". " + advice
	}
	return text
}

// atFault is the first object that fails by itself. A kustomization that waits in vain for an object of Flux has less to say than that.
func (j *judgement) atFault() *Object {
	if i := slices.IndexFunc(j.failing, func(o *Object) bool { return !o.failsByWhatItApplied() }); i >= 0 {
		return j.failing[i]
	}
	return j.failing[0]
}

// azureAnswer is how Azure's client tells of a refusal: by a table with the whole answer in it.
var azureAnswer = regexp.MustCompile(`\s*\n-+\nRESPONSE (\d+): [^\n]*\nERROR CODE: ([^\n]+)\n(?s:.*)`)

// inOneLine leaves of such a table what was asked, the status and the code.
func inOneLine(message string) string {
	return strings.TrimSpace(azureAnswer.ReplaceAllString(message, ": $1 $2"))
}

// advice is what to do about what Flux says.
type advice struct {
	when *regexp.Regexp
	then string
}

func adviceOn(kind, message string) string {
	for _, one := range slices.Concat(imageAdvice[kind], allAdvice) {
		if one.when.MatchString(message) {
			return one.then
		}
	}
	return ""
}

func matching(text string) *regexp.Regexp { return regexp.MustCompile(`(?i)` + text) }

// allAdvice has the narrow ones first.
var allAdvice = []advice{ //nolint:gochecknoglobals // a constant
	{matching(`does not support dry run`), "Set sideEffects of that webhook to None or NoneOnDryRun; fairlead doctor names it (FLX-01)."},
	{
		matching(`authentication required|invalid auth method|authorization failed|401 unauthorized|status code: 401|status code: 403|permission denied \(publickey|unable to authenticate|access key id you provided does not exist|access ?denied|signature we calculated does not match|authenticationfailed|authorization(permissionmismatch|failure)|publicaccessnotpermitted|decode account key`),
		"The source refuses the credentials: give them again, --https-user with --https-key-file, --ssh-private-key-file, --oci-user with --oci-password-file, --bucket-access-key with --bucket-secret-key-file, --account-key-file or --sas-token-file, or a Secret as --local-auth-ref.",
	},
	{matching(`host key|knownhosts|known_hosts`), "The host shows another ssh key than the known one: give it with --known-hosts-file, as ssh-keyscan prints it."},
	{
		matching(`couldn't find remote ref|unable to resolve commit object|no tags found|no match found for semver|reference not found|failed to resolve.*ref|manifest[ _]unknown`),
		"The branch, tag or commit is not there: name one that is with --branch, --tag, --semver or --commit.",
	},
	{matching(`bucket '[^']*' not found|specified bucket does not exist`), "There is no such bucket: name one that is with --bucket-name, or --container-name."},
	{matching(`failed to get secret`), "The Secret is not in the configuration's namespace: make it there, or name another with --local-auth-ref."},
	{matching(`repository not found|name[ _]unknown|status code 404`), "There is no such repository, or it is hidden from who has no credentials: check --url, or give credentials."},
	{matching(`x509:|certificate signed by unknown authority`), "Give the authority that vouches for the server: --https-ca-cert-file for a repository, --tls-ca-certificate-file for a registry, or setting trust.caBundle of extension microsoft.flux for all."},
	{
		matching(`no such host|connection refused|i/o timeout|network is unreachable|context deadline exceeded.*(dial|fetch|clone|list)`),
		"The cluster does not reach the source: try fairlead doctor NET --probe with its kubeconfig.",
	},
	{matching(`path not found|no such file or directory`), "The folder is not in this revision of the source: check path of the kustomization."},
	{matching(`(is|are) forbidden: user "system:serviceaccount:[^"]*:flux-applier"`), "The configuration has rights in its namespace alone: make it again with --scope cluster, or keep to the namespace."},
	{matching(`health check failed|timeout waiting for`), "What was applied does not become ready: look at it with kubectl describe."},
	{matching(`cross-namespace references|\bacl\b`), "Tenants are kept apart: refer to the same namespace, or set multiTenancy.enforce=false of extension microsoft.flux."},
	{matching(`kustomize build failed|yaml:|error converting yaml|accumulating resources|malformed`), "Correct the files in the source; the next revision is taken by itself."},
}
