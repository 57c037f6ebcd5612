package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/endpoint"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

func arcPods() []snapshot.Need {
	return []snapshot.Need{snapshot.In(arcSpace, snapshot.Pods), snapshot.In(arcSpace, snapshot.Deployments)}
}

// arcNetwork are the entries that make agents wait or end when they are not let out.
func arcNetwork() []string { return []string{"NET-07", "NET-04", "NET-03", "NET-01", "NET-02"} }

func arcUnreadyAgent() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-04", Severity: doctor.High, Needs: arcPods(),
		Uses: append(arcWorkloadNeeds(), snapshot.In(arcSpace, snapshot.Secrets)), Eval: judgeArcReadiness,
	})
}

func judgeArcReadiness(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(arcOf(s, "ARC-04"), func(t workload.Trouble) string { return string(t.Kind) })
	for i := range found {
		f := &found[i]
		f.Remedies = []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcDescribe)}}
		switch workload.Kind(f.Key) {
		case workload.NotReady:
			f.After = append([]string{"ARC-08", "ARC-10"}, arcNetwork()...)
			if arcOnlyBridge(f.Objects) {
				f.After = append(f.After, "NET-06")
			}
			f.Remedies = []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcLog)}}
		case workload.ScaledDown:
			f.Remedies = []doctor.Remedy{{Key: "scaleUp", Risk: doctor.Manual, Commands: arcEach(f.Objects, func(o doctor.Object) string {
				return "kubectl scale " + strings.ToLower(o.Kind) + "/" + o.Name + " -n " + o.Namespace + " --replicas=1"
			})}}
		case workload.NoPods:
			f.After = []string{"EXT-03", "EXT-02"}
		default: // nothing to add
		}
	}
	return found
}

// arcOnlyBridge reports whether nothing but clusterconnect-agent is meant: it alone needs WebSockets.
func arcOnlyBridge(objects []doctor.Object) bool {
	return !slices.ContainsFunc(objects, func(o doctor.Object) bool { return !strings.HasPrefix(o.Name, arcConnect) })
}

func arcLog(o doctor.Object) string {
	if o.Kind != "Pod" {
		return arcDescribe(o)
	}
	return "kubectl logs " + o.Name + " -n " + o.Namespace + " -c " + o.Container + " --tail=50"
}

func arcPreviousLog(o doctor.Object) string {
	if o.Kind != "Pod" || o.Container == "" {
		return arcDescribe(o)
	}
	return "kubectl logs " + o.Name + " -n " + o.Namespace + " -c " + o.Container + " --previous --tail=50"
}

func arcNoRoom() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-06", Severity: doctor.High, Needs: arcPods(), Uses: append(arcWorkloadNeeds(), snapshot.Everywhere(snapshot.Nodes)), Eval: judgeArcRoom,
	})
}

func judgeArcRoom(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(arcOf(s, "ARC-06"), func(t workload.Trouble) string { return arcRoom(s, t) })
	for i := range found {
		f := &found[i]
		f.Remedies = []doctor.Remedy{{Key: "grow", Risk: doctor.Manual, Commands: []string{"kubectl describe nodes"}}}
		if f.Key == "tooLarge" {
			f.Remedies = []doctor.Remedy{{Key: "ask", Risk: doctor.Manual, Commands: arcEach(f.Objects, arcDescribe)}}
		}
	}
	return found
}

// arcRoom tells a pod that no node could ever take from one that only finds no room now.
func arcRoom(s *snapshot.Snapshot, t workload.Trouble) string {
	for i := range s.Pods {
		if pod := &s.Pods[i]; pod.Namespace == t.Pod.Namespace && pod.Name == t.Pod.Name && len(s.Nodes) > 0 {
			if !slices.ContainsFunc(s.Nodes, func(n corev1.Node) bool { return arcFits(arcRequests(pod), n.Status.Allocatable) }) {
				return "tooLarge"
			}
		}
	}
	return "full"
}

// arcRequests adds up what the containers of a pod ask for.
func arcRequests(pod *corev1.Pod) corev1.ResourceList {
	sum := corev1.ResourceList{}
	for i := range pod.Spec.Containers {
		for name, asked := range pod.Spec.Containers[i].Resources.Requests {
			total := sum[name]
			total.Add(asked)
			sum[name] = total
		}
	}
	return sum
}

func arcFits(asked, room corev1.ResourceList) bool {
	for name, quantity := range asked {
		if has, ok := room[name]; !ok || has.Cmp(quantity) < 0 {
			return quantity.Cmp(resource.Quantity{}) <= 0
		}
	}
	return true
}

func arcMissingAgent() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-03", Severity: doctor.High, Needs: []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments)},
		Uses: append(arcReleaseNeeds(), arcConfigNeed()), Eval: judgeArcAgents,
	})
}

func judgeArcAgents(s *snapshot.Snapshot) []doctor.Finding {
	release, _ := arcRelease(s)
	missing := arcMissing(s)
	switch {
	case len(missing) == 0 && !release.Read && arcConfig(s) == nil && !s.Known(arcConfigNeed()):
		gap, _ := s.Missing(arcConfigNeed())
		return []doctor.Finding{arcUnknown(gap)} // which agents belong here is not known
	case len(missing) == 0:
		return nil
	case arcBusy(s, release):
		return []doctor.Finding{{Status: doctor.Pass, Key: "busy", Args: map[string]string{"agents": strings.Join(missing, ", ")}}}
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "missing", Scope: arcSpace, Args: map[string]string{"agents": strings.Join(missing, ", ")},
		Remedies: []doctor.Remedy{
			{Key: "who", Risk: doctor.Manual, Commands: []string{"kubectl get deployments -n " + arcSpace}},
			{Key: "repair", Risk: doctor.Manual, Commands: []string{arcCommand(s, "update")}},
		},
	}
	if release.Status != "deployed" && release.Status != "" {
		finding.After = []string{"ARC-02"}
	}
	if !release.Read && !slices.ContainsFunc(missing, arcEssential) {
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Low, "maybeMissing"
	}
	for _, name := range missing {
		finding.Objects = append(finding.Objects, arcObject("Deployment", name))
	}
	return []doctor.Finding{finding}
}

// arcEssential reports whether every version of the agents that is still in use has this one.
func arcEssential(name string) bool {
	return name != "extension-events-collector" && name != "flux-logs-agent"
}

// arcMissing returns the agents that should be in the cluster and are not.
func arcMissing(s *snapshot.Snapshot) []string {
	if !s.Known(snapshot.In(arcSpace, snapshot.Deployments)) {
		return nil
	}
	return slices.DeleteFunc(arcExpected(s), func(name string) bool {
		_, there := arcDeployment(s, name)
		return there
	})
}

// arcExpected returns the agents that should be in the cluster: what the release made, if that can be read; versions differ.
func arcExpected(s *snapshot.Snapshot) []string {
	var expected []string
	if release, ok := arcRelease(s); ok && release.Read {
		for _, o := range release.Objects {
			if o.Kind == "Deployment" && (o.Namespace == arcSpace || o.Namespace == "" && release.Namespace == arcSpace) {
				expected = append(expected, o.Name)
			}
		}
		return expected
	}
	if arcConfig(s) == nil && !s.Known(arcConfigNeed()) {
		return nil
	}
	if arcOwn(s) {
		return arcOwnAgents(s)
	}
	expected = []string{
		fairlead.ClusterMetadataOperator, arcConnect, fairlead.ClusterIdentityOperator, fairlead.ConfigAgent, fairlead.ControllerManager,
		"extension-events-collector", arcExtensions, "flux-logs-agent", arcProxy, fairlead.MetricsAgent, "resource-sync-agent",
	}
	if arcConnectGone(s) {
		expected = slices.DeleteFunc(expected, func(name string) bool { return name == arcConnect || name == arcProxy })
	}
	return expected
}

func arcOwnAgents(s *snapshot.Snapshot) []string {
	if _, edge := arcDeployment(s, fairlead.EdgeAgent); edge {
		return []string{fairlead.EdgeAgent}
	}
	return []string{
		fairlead.ClusterIdentityOperator, fairlead.ClusterMetadataOperator, fairlead.ConfigAgent, fairlead.ControllerManager, fairlead.MetricsAgent,
	}
}

// arcConnectGone reports whether both Deployments of cluster connect are missing, as when the feature is off. In profile edge they are
// parts of another.
func arcConnectGone(s *snapshot.Snapshot) bool {
	if _, edge := arcDeployment(s, fairlead.EdgeAgent); edge && arcConfig(s)[endpoint.KeyClusterConnect] == "true" {
		return false
	}
	_, agent := arcDeployment(s, arcConnect)
	_, proxy := arcDeployment(s, arcProxy)
	return !agent && !proxy
}

func arcConnectOff() doctor.Check {
	check := arcAgent(doctor.Check{
		ID: "ARC-14", Severity: doctor.Low, Needs: []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments)},
		Uses: append(arcReleaseNeeds(), arcConfigNeed()), Eval: judgeArcConnect,
	})
	installed := check.Applies
	check.Applies = func(s *snapshot.Snapshot) string {
		if reason := installed(s); reason != "" {
			return reason
		}
		if arcOwn(s) && arcConnectGone(s) && !slices.Contains(arcExpected(s), arcConnect) && arcConfig(s)[endpoint.KeyClusterConnect] == "" {
			return doctor.FeatureOff // agents of a version that has no such feature
		}
		return ""
	}
	return check
}

func judgeArcConnect(s *snapshot.Snapshot) []doctor.Finding {
	release, ok := arcRelease(s)
	gap, unsure := s.Missing(arcConfigNeed())
	switch {
	case !arcConnectGone(s), !arcInstalled(s):
		return nil
	case unsure && !release.Read:
		return []doctor.Finding{arcUnknown(gap)} // whose agents these are, and whether the feature is among them
	}
	finding := doctor.Finding{
		Status: doctor.Warn, Key: "absent", Scope: arcSpace, Objects: []doctor.Object{arcObject("Deployment", arcConnect), arcObject("Deployment", arcProxy)},
		Remedies: []doctor.Remedy{{Key: "enable", Risk: doctor.Manual, Commands: []string{arcCommand(s, "enable-features", "--features cluster-connect")}}},
	}
	if arcConfig(s)[endpoint.KeyClusterConnect] == "false" {
		finding.Key = "disabled"
		return []doctor.Finding{finding}
	}
	if !ok || !release.Read {
		finding.After = []string{"ARC-03"}
		return []doctor.Finding{finding}
	}
	switch enabled, said := release.Value("systemDefaultValues", arcConnect, "enabled"); {
	case said && (enabled == false || enabled == "false"):
		finding.Key = "disabled"
	case slices.Contains(arcExpected(s), arcConnect), slices.Contains(arcExpected(s), arcProxy):
		return nil // ARC-03 misses them
	}
	return []doctor.Finding{finding}
}
