package check

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// meshWebhook is the name of the injector's webhook in all versions of the mesh.
const meshWebhook = "osm-inject.k8s.io"

// meshAnswers judges the API server's own words about a pod that it was asked to admit without keeping it.
func meshAnswers() doctor.Check {
	return doctor.Check{
		ID: "OSM-17", Severity: doctor.High, Eval: judgeMeshAnswers, Needs: []snapshot.Need{meshInjector().hookNeed()},
		Uses: append(meshInjectionNeeds(), snapshot.Everywhere(snapshot.Trials)),
	}
}

// meshInjectionNeeds is what tells why pods get no sidecar.
func meshInjectionNeeds() []snapshot.Need {
	return append(meshWorkloadNeeds(), snapshot.In(meshSpace, snapshot.Services), snapshot.In(meshSpace, snapshot.EndpointSlices),
		meshController().hookNeed(), meshInjector().hookNeed(), meshSecretNeed())
}

func judgeMeshAnswers(s *snapshot.Snapshot) []doctor.Finding {
	injector := meshInjector()
	hooks := meshHooks(s, injector)
	if len(hooks) == 0 {
		return []doctor.Finding{meshBehind(injector.hook)}
	}
	trials := slices.DeleteFunc(slices.Clone(s.Trials), func(t snapshot.Trial) bool { return t.Name != snapshot.TrialMeshPod })
	if len(trials) == 0 {
		return []doctor.Finding{meshNoTrial(s)}
	}
	var problems []doctor.Finding
	answered := false
	for _, trial := range trials {
		finding := injector.tried(s, hooks, trial)
		if finding.Problem() {
			problems = append(problems, finding)
		}
		answered = answered || finding.Status == doctor.Pass
	}
	ignoring := !slices.ContainsFunc(hooks, func(h meshHook) bool { return h.policy != admissionv1.Ignore })
	switch {
	case len(problems) > 0:
		return meshMerged(problems)
	case answered && ignoring:
		return []doctor.Finding{{Status: doctor.Skipped, Key: "ignored"}}
	case answered:
		return nil
	}
	return []doctor.Finding{injector.tried(s, hooks, trials[0])}
}

// meshNoTrial says why nothing was tried.
func meshNoTrial(s *snapshot.Snapshot) doctor.Finding {
	namespaces := snapshot.Everywhere(snapshot.Namespaces)
	switch {
	case !s.Known(namespaces):
		return meshUnknown(s, namespaces)
	case len(meshMembers(s)) == 0:
		return doctor.Finding{Status: doctor.Skipped, Key: "noNamespace"}
	case s.Known(snapshot.Everywhere(snapshot.Trials)):
		return doctor.Finding{Status: doctor.Unknown, Key: "untried"}
	}
	return meshUnknown(s, snapshot.Everywhere(snapshot.Trials))
}

// tried judges one trial. Whatever the API server refuses after it has called webhooks proves that the webhook answered.
func (p meshPart) tried(s *snapshot.Snapshot, hooks []meshHook, trial snapshot.Trial) doctor.Finding {
	said := strings.ToLower(trial.Message)
	finding := doctor.Finding{Status: doctor.Fail, Objects: []doctor.Object{meshTrialObject(trial)}, Args: map[string]string{"object": trial.Object}}
	finding.Evidence = meshSeen("api", meshTrialObject(trial), trial.Message)
	for _, hook := range append(hooks, meshHook{name: meshWebhook, policy: admissionv1.Fail}) {
		name := strings.ToLower(hook.name)
		switch {
		case trial.Allowed:
			return doctor.Finding{Status: doctor.Pass}
		case name == "":
			continue
		case strings.Contains(said, `failed calling webhook "`+name+`"`):
			finding.Key, finding.After = "noAnswer", meshInjectionFaults(s)
			finding.Args["webhook"] = hook.name
			finding.Severity = doctor.Critical // until it answers no pod can be made in any namespace of the mesh
			finding.Remedies = []doctor.Remedy{p.restart()}
			return finding
		case strings.Contains(said, `admission webhook "`+name+`" denied`):
			finding.Key, finding.After = "denied", []string{"OSM-22", "OSM-18", "OSM-20"}
			finding.Args["webhook"] = hook.name
			finding.Remedies = []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: []string{"kubectl logs -n " + meshSpace + " -l app=" + p.app + " --tail=100"}}}
			return finding
		}
	}
	if kind := workload.Admission(trial.Message); kind == workload.Quota || kind == workload.PodSecurity {
		return doctor.Finding{Status: doctor.Pass}
	}
	finding.Status, finding.Key = doctor.Unknown, "otherRefusal"
	return finding
}

// meshTrialObject takes namespace/name apart.
func meshTrialObject(trial snapshot.Trial) doctor.Object {
	namespace, name, _ := strings.Cut(trial.Object, "/")
	return doctor.Object{Kind: "Pod", Namespace: namespace, Name: name}
}

// meshMerged makes one finding of the same answer in several namespaces.
func meshMerged(problems []doctor.Finding) []doctor.Finding {
	var merged []doctor.Finding
	for _, finding := range problems {
		i := slices.IndexFunc(merged, func(f doctor.Finding) bool { return f.Key == finding.Key })
		if i < 0 {
			merged = append(merged, finding)
			continue
		}
		merged[i].Objects = append(merged[i].Objects, finding.Objects...)
		merged[i].Evidence = append(merged[i].Evidence, finding.Evidence...)
	}
	return merged
}

// meshInjectionFaults returns the ids that say why the injector's webhook cannot answer, as far as the cluster's objects tell.
func meshInjectionFaults(s *snapshot.Snapshot) []string {
	injector := meshInjector()
	var ids []string
	for _, fault := range []struct {
		id    string
		judge func(*snapshot.Snapshot) []doctor.Finding
	}{
		{injector.hook, injector.judgeHook},
		{"OSM-15", func(s *snapshot.Snapshot) []doctor.Finding { return injector.eachHook(s, meshPart.judgePresent) }},
		{"OSM-16", func(s *snapshot.Snapshot) []doctor.Finding { return injector.eachHook(s, meshPart.judgeRight) }},
		{injector.reference, injector.judgeReference},
		{injector.pods, injector.judgePods},
		{injector.deployment, injector.judgeDeployment},
		{injector.endpoints, injector.judgeEndpoints},
	} {
		if meshFails(fault.judge(s)) {
			ids = append(ids, fault.id)
		}
	}
	return ids
}
