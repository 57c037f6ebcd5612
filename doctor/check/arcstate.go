package check

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// arcConfig returns what ConfigMap azure-clusterconfig says, nil when it is not there or could not be read.
func arcConfig(s *snapshot.Snapshot) map[string]string {
	for i := range s.ConfigMaps {
		if s.ConfigMaps[i].Namespace == arcSpace && s.ConfigMaps[i].Name == fairlead.ClusterConfigMap {
			return s.ConfigMaps[i].Data
		}
	}
	return nil
}

func arcRelease(s *snapshot.Snapshot) (snapshot.Release, bool) {
	return s.Release("", fairlead.ReleaseName)
}

// arcDeployments returns the Deployments of namespace azure-arc.
func arcDeployments(s *snapshot.Snapshot) []*appsv1.Deployment {
	var found []*appsv1.Deployment
	for i := range s.Deployments {
		if s.Deployments[i].Namespace == arcSpace {
			found = append(found, &s.Deployments[i])
		}
	}
	return found
}

func arcDeployment(s *snapshot.Snapshot, name string) (*appsv1.Deployment, bool) {
	for _, d := range arcDeployments(s) {
		if d.Name == name {
			return d, true
		}
	}
	return nil, false
}

// arcInstalled reports whether anything of Arc is to be seen. An empty namespace or a release's mere history is not.
func arcInstalled(s *snapshot.Snapshot) bool {
	if release, ok := arcRelease(s); ok && release.Status != "uninstalled" || arcConfig(s) != nil || len(arcDeployments(s)) > 0 {
		return true
	}
	return slices.ContainsFunc(s.Pods, func(pod corev1.Pod) bool { return pod.Namespace == arcSpace && len(pod.OwnerReferences) > 0 })
}

// arcOwn reports whether the cluster is connected to a hub of Fairlead, which has fewer agents and versions of its own.
func arcOwn(s *snapshot.Snapshot) bool {
	at, err := url.Parse(arcConfig(s)[fairlead.KeyDataPlane])
	return err == nil && at.Hostname() != "" && !regexp.MustCompile(`(?i)\.(azure|microsoft|windows)\.[a-z.]+$`).MatchString(at.Hostname())
}

// arcAvailable reports whether every Deployment of the agents has the pods that it asks for.
func arcAvailable(s *snapshot.Snapshot) bool {
	all := arcDeployments(s)
	for _, d := range all {
		if workload.Desired(d) == 0 || d.Status.AvailableReplicas < workload.Desired(d) {
			return false
		}
	}
	return len(all) > 0
}

// arcSecret reports whether a Secret is in namespace azure-arc.
func arcSecret(s *snapshot.Snapshot, name string) (map[string]string, bool) {
	for i := range s.Secrets {
		if s.Secrets[i].Namespace == arcSpace && s.Secrets[i].Name == name {
			return s.Secrets[i].Annotations, true
		}
	}
	return nil, false
}

// arcLacksSecret reports whether it is certain that a Secret is not there.
func arcLacksSecret(s *snapshot.Snapshot, name string) bool {
	_, there := arcSecret(s, name)
	return !there && s.Known(snapshot.In(arcSpace, snapshot.Secrets))
}

func arcObject(kind, name string) doctor.Object {
	return doctor.Object{Kind: kind, Namespace: arcSpace, Name: name}
}

// arcUnknown says what would have to be readable, as the engine does for needs.
func arcUnknown(gaps ...snapshot.Gap) doctor.Finding {
	finding := doctor.Finding{Status: doctor.Unknown, Key: "unknownForbidden"}
	var needs []string
	for _, gap := range gaps {
		if text := gap.Need.String(); !slices.Contains(needs, text) {
			needs = append(needs, text)
		}
		if gap.Reason != snapshot.Forbidden {
			finding.Key = "unknownFailed"
		}
		if gap.Detail != "" {
			finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "api", Text: gap.Detail})
		}
	}
	finding.Args = map[string]string{"needs": strings.Join(needs, ", ")}
	return finding
}

// arcBehind skips a check that has nothing to stand on while another one fails.
func arcBehind(id string) doctor.Finding {
	return doctor.Finding{Status: doctor.Skipped, Key: doctor.Behind, Args: map[string]string{"id": id}, CausedBy: id}
}

// arcQuote makes one word of a text for a shell.
func arcQuote(text string) string {
	if regexp.MustCompile(`^[A-Za-z0-9_./:=@%+-]+$`).MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// arcCommand is a command of connectedk8s about this cluster, of the client that belongs to its hub.
func arcCommand(s *snapshot.Snapshot, verb string, more ...string) string {
	client, config := "az", arcConfig(s)
	if arcOwn(s) {
		client = "fairlead"
	}
	words := []string{client, "connectedk8s", verb}
	for _, flag := range []struct{ flag, key, missing string }{
		{"-n", fairlead.KeyResourceName, "<cluster-name>"}, {"-g", fairlead.KeyResourceGroup, "<resource-group>"},
	} {
		value := flag.missing
		if known := config[flag.key]; known != "" {
			value = arcQuote(known)
		}
		words = append(words, flag.flag, value)
	}
	return strings.Join(append(words, more...), " ")
}

func isArcSpace(namespace corev1.Namespace) bool { return namespace.Name == arcSpace }
