package check

import (
	"encoding/json"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshSpace is where Arc's extension puts Open Service Mesh.
const meshSpace = "arc-osm-system"

// mesh returns the checks of Open Service Mesh, what others build on first: definitions, controller, injector, webhooks,
// configuration, namespaces.
func mesh() []doctor.Check {
	controller, injector := meshController(), meshInjector()
	checks := []doctor.Check{
		controller.deploymentCheck(), controller.podCheck(), meshLeftovers(), meshForeignContainer(), controller.serviceCheck(), controller.endpointCheck(),
		injector.deploymentCheck(), injector.podCheck(), injector.serviceCheck(), injector.endpointCheck(),
		controller.hookCheck(), injector.hookCheck(), controller.referenceCheck(), injector.referenceCheck(),
		meshBundlePresent(), meshBundleRight(), meshAnswers(),
		meshConfigPresent(), meshOwnNamespace(), meshConfigValues(), meshLabels(), meshAnnotations(), meshNoSidecar(),
		meshRouteDefinitions(), meshRouteVersions(), meshOwnDefinitions(), meshAuthority(), meshSidecarVersion(), meshArchived(),
	}
	for i := range checks {
		checks[i] = meshOnly(checks[i])
	}
	return checks
}

// meshOnly completes a check: it is skipped where there is no mesh, and unknown where nobody can tell whether there is one.
func meshOnly(check doctor.Check) doctor.Check {
	judge, applies := check.Eval, check.Applies
	check.Uses = append(check.Uses, snapshot.Everywhere(snapshot.Namespaces), snapshot.Everywhere(snapshot.Releases))
	check.Uses = append(check.Uses, meshTraces()...)
	check.Applies = func(s *snapshot.Snapshot) string {
		if applies != nil && applies(s) == "" {
			return ""
		}
		return meshApplies(s)
	}
	check.Eval = func(s *snapshot.Snapshot) []doctor.Finding {
		if !meshInstalled(s) && !meshRemoved(s) {
			return []doctor.Finding{meshUnknown(s, snapshot.Everywhere(snapshot.Namespaces))}
		}
		return judge(s)
	}
	return check
}

// meshApplies knows by itself what it has to see: whoever may look into the mesh's namespace need not list namespaces.
func meshApplies(s *snapshot.Snapshot) string {
	seen := s.Known(snapshot.Everywhere(snapshot.Namespaces)) || s.Known(snapshot.In(meshSpace, snapshot.Deployments))
	if seen && !meshInstalled(s) {
		return doctor.NotInstalled
	}
	return ""
}

// meshInstalled also looks at webhooks: the mesh may be in a namespace that nobody lets us see.
func meshInstalled(s *snapshot.Snapshot) bool {
	if meshRemoved(s) {
		return false
	}
	return slices.ContainsFunc(s.Namespaces, func(n corev1.Namespace) bool { return n.Name == meshSpace }) ||
		slices.ContainsFunc(s.Deployments, func(d appsv1.Deployment) bool { return d.Namespace == meshSpace }) ||
		slices.ContainsFunc(append(meshHooks(s, meshController()), meshHooks(s, meshInjector())...), meshHook.points)
}

func meshUnknown(s *snapshot.Snapshot, needs ...snapshot.Need) doctor.Finding {
	finding := doctor.Finding{Status: doctor.Unknown, Key: "unknownForbidden"}
	var names []string
	for _, need := range needs {
		gap, missing := s.Missing(need)
		if !missing {
			continue
		}
		names = append(names, need.String())
		if gap.Reason != snapshot.Forbidden {
			finding.Key = "unknownFailed"
		}
		if gap.Detail != "" {
			finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "api", Text: gap.Detail})
		}
	}
	finding.Args = map[string]string{"needs": strings.Join(names, ", ")}
	return finding
}

func meshBehind(id string) doctor.Finding {
	return doctor.Finding{Status: doctor.Skipped, Key: doctor.Behind, Args: map[string]string{"id": id}, CausedBy: id}
}

func meshObject(kind, name string) doctor.Object {
	return doctor.Object{Kind: kind, Namespace: meshSpace, Name: name}
}

func meshSeen(source string, object doctor.Object, text string) []doctor.Evidence {
	return []doctor.Evidence{{Source: source, Object: object.String(), Text: text}}
}

// meshJSON writes data of our own making, which always has a form in JSON.
func meshJSON(value any) json.RawMessage {
	raw, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return raw
}

// meshQuote makes one word for a shell.
func meshQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// meshArchived tells what a person should know and can do nothing about at once, so it is no problem of this cluster.
func meshArchived() doctor.Check {
	return doctor.Check{
		ID: "OSM-29", Severity: doctor.Low,
		Eval: func(*snapshot.Snapshot) []doctor.Finding {
			return []doctor.Finding{{Status: doctor.Pass, Key: "archived", Remedies: []doctor.Remedy{{Key: "migrate", Risk: doctor.Manual}}}}
		},
	}
}
