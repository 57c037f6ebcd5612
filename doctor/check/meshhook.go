package check

import (
	"fmt"
	"slices"
	"strconv"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshHook is one webhook of a configuration of either kind; a configuration without webhooks is one without a name.
type meshHook struct {
	kind, config string
	place        int // among the webhooks of its configuration
	name         string
	client       admissionv1.WebhookClientConfig
	policy       admissionv1.FailurePolicyType
	selector     *metav1.LabelSelector
}

func (h meshHook) object() doctor.Object { return doctor.Object{Kind: h.kind, Name: h.config} }

func (h meshHook) points() bool {
	return h.client.Service != nil && h.client.Service.Namespace == meshSpace
}

// port is the one that the API server calls.
func (h meshHook) port() int32 {
	if h.client.Service == nil || h.client.Service.Port == nil {
		return 443
	}
	return *h.client.Service.Port
}

func (h meshHook) path() string {
	if h.client.Service == nil || h.client.Service.Path == nil {
		return ""
	}
	return *h.client.Service.Path
}

// meshHooks returns the webhooks of a part, by label as the guide does. Those of another mesh in the same cluster point elsewhere and have
// other names.
func meshHooks(s *snapshot.Snapshot, p meshPart) []meshHook {
	var all []meshHook
	if p.validates() {
		for i := range s.ValidatingWebhooks {
			all = append(all, p.validating(&s.ValidatingWebhooks[i])...)
		}
	} else {
		for i := range s.MutatingWebhooks {
			all = append(all, p.mutating(&s.MutatingWebhooks[i])...)
		}
	}
	return slices.DeleteFunc(all, func(h meshHook) bool { return h.config != p.config && !h.points() })
}

func (p meshPart) registers(meta *metav1.ObjectMeta) bool {
	return meta.Name == p.config || meta.Labels["app"] == p.app
}

func (p meshPart) validating(config *admissionv1.ValidatingWebhookConfiguration) []meshHook {
	if !p.registers(&config.ObjectMeta) {
		return nil
	}
	found := make([]meshHook, 0, len(config.Webhooks))
	for i := range config.Webhooks {
		w := &config.Webhooks[i]
		found = append(found, meshHook{p.kind, config.Name, i, w.Name, w.ClientConfig, meshPolicy(w.FailurePolicy), w.NamespaceSelector})
	}
	return found
}

func (p meshPart) mutating(config *admissionv1.MutatingWebhookConfiguration) []meshHook {
	if !p.registers(&config.ObjectMeta) {
		return nil
	}
	found := make([]meshHook, 0, len(config.Webhooks))
	for i := range config.Webhooks {
		w := &config.Webhooks[i]
		found = append(found, meshHook{p.kind, config.Name, i, w.Name, w.ClientConfig, meshPolicy(w.FailurePolicy), w.NamespaceSelector})
	}
	return found
}

func meshPolicy(policy *admissionv1.FailurePolicyType) admissionv1.FailurePolicyType {
	if policy == nil {
		return admissionv1.Fail
	}
	return *policy
}

func (p meshPart) hookNeed() snapshot.Need {
	if p.validates() {
		return snapshot.Everywhere(snapshot.ValidatingWebhooks)
	}
	return snapshot.Everywhere(snapshot.MutatingWebhooks)
}

func (p meshPart) hookCheck() doctor.Check {
	return doctor.Check{ID: p.hook, Severity: doctor.High, Eval: p.judgeHook, Needs: []snapshot.Need{p.hookNeed()}, Uses: meshWorkloadNeeds()}
}

// masked returns the check that a dead controller's webhook stands behind. The injector's is judged all the same: its errors hide each other, and
// a person wants to know them all.
func (p meshPart) masked(s *snapshot.Snapshot) string {
	if !p.validates() {
		return ""
	}
	return p.dead(s)
}

func (p meshPart) judgeHook(s *snapshot.Snapshot) []doctor.Finding {
	if id := p.masked(s); id != "" {
		return []doctor.Finding{meshBehind(id)}
	}
	if len(meshHooks(s, p)) > 0 {
		return nil
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "missing", Args: p.args(), After: []string{p.pods, p.deployment},
		Objects: []doctor.Object{{Kind: p.kind, Name: p.config}}, Remedies: []doctor.Remedy{p.restartByDoctor(s)},
	}
	finding.Args["config"] = p.config
	if p.registered(s) {
		finding.Key = "empty"
	}
	return []doctor.Finding{finding}
}

// registered reports whether there is a configuration at all.
func (p meshPart) registered(s *snapshot.Snapshot) bool {
	for i := range s.ValidatingWebhooks {
		if p.validates() && s.ValidatingWebhooks[i].Name == p.config {
			return true
		}
	}
	for i := range s.MutatingWebhooks {
		if !p.validates() && s.MutatingWebhooks[i].Name == p.config {
			return true
		}
	}
	return false
}

func (p meshPart) referenceCheck() doctor.Check {
	return doctor.Check{
		ID: p.reference, Severity: doctor.High, Applies: p.leftApplies, Eval: p.judgeReference, Uses: meshWorkloadNeeds(),
		Needs: []snapshot.Need{p.hookNeed(), snapshot.In(meshSpace, snapshot.Services), snapshot.In(meshSpace, snapshot.EndpointSlices)},
	}
}

// judgeReference goes by what is behind the reference and not by its name, which differs between versions of the mesh.
func (p meshPart) judgeReference(s *snapshot.Snapshot) []doctor.Finding {
	if left := p.left(s); len(left) > 0 {
		return []doctor.Finding{p.judgeLeft(left[0])}
	}
	if id := p.masked(s); id != "" {
		return []doctor.Finding{meshBehind(id)}
	}
	hooks := meshHooks(s, p)
	if len(hooks) == 0 {
		return []doctor.Finding{meshBehind(p.hook)}
	}
	var found []doctor.Finding
	for _, hook := range hooks {
		if finding, wrong := p.refers(s, hook); wrong {
			found = append(found, finding)
		}
	}
	return found
}

func (p meshPart) refers(s *snapshot.Snapshot, hook meshHook) (doctor.Finding, bool) {
	finding := doctor.Finding{Status: doctor.Fail, Args: p.args(), Objects: []doctor.Object{hook.object()}}
	reference := hook.client.Service
	if reference == nil {
		finding.Key, finding.Remedies = "url", []doctor.Remedy{p.restart()}
		finding.Args["config"] = hook.config
		return finding, true
	}
	finding.Args["config"], finding.Args["service"], finding.Args["inNamespace"] = hook.config, reference.Name, reference.Namespace
	finding.Args["port"], finding.Args["path"], finding.Args["wantedPath"] = strconv.Itoa(int(hook.port())), hook.path(), p.path
	finding.Evidence = meshSeen("spec", hook.object(), fmt.Sprintf(
		"webhooks[%d].clientConfig.service: namespace %s, name %s, port %d, path %q", hook.place, reference.Namespace, reference.Name, hook.port(), hook.path()))
	finding.Key, finding.After = p.behindReference(s, hook)
	if finding.Key == "" {
		return finding, false
	}
	finding.Remedies = []doctor.Remedy{p.restart()}
	if finding.Key == "noService" && reference.Name == p.answer && p.validates() {
		finding.Remedies = []doctor.Remedy{p.createAnswer()}
	}
	if finding.Key == "noEndpoint" && len(finding.After) == 0 {
		finding.Remedies = []doctor.Remedy{meshSelector(reference.Name, p.app)}
	}
	return finding, true
}

// behindReference returns what is wrong with a reference, and what may explain it.
func (p meshPart) behindReference(s *snapshot.Snapshot, hook meshHook) (key string, after []string) {
	reference := hook.client.Service
	own := reference.Name == p.app && hook.port() == p.answerPort
	var explanations []string
	if own {
		explanations = []string{p.service}
	}
	if reference.Namespace != meshSpace {
		return "namespace", nil
	}
	service := meshService(s, reference.Name)
	if service == nil {
		return "noService", explanations
	}
	port, ok := meshPort(service, hook.port())
	switch {
	case !ok:
		return "noPort", explanations
	case hook.path() != p.path:
		return "path", nil
	case len(meshEndpoints(s, service, port)) > 0:
		return "", nil
	case !p.selects(s, service) && !own:
		return "noEndpoint", nil
	}
	return "noEndpoint", []string{p.endpoints, p.pods, p.deployment}
}

// createAnswer makes the validator's Service, which is not named as its program.
func (p meshPart) createAnswer() doctor.Remedy {
	return doctor.Remedy{
		Key: "create", Args: map[string]string{"service": p.answer, "namespace": meshSpace}, Risk: doctor.Manual, Commands: []string{
			fmt.Sprintf("kubectl expose deployment %s --name=%s --port=%d --target-port=%d -n %s", p.app, p.answer, p.answerPort, p.answerPort, meshSpace),
		},
		Undo: []string{"kubectl delete service " + p.answer + " -n " + meshSpace},
	}
}
