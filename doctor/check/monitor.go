package check

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

const monitorModule = "iptable_nat"

// monitor returns the checks of container insights of Azure Monitor.
func monitor() []doctor.Check {
	return []doctor.Check{monitorPrivileged(), monitorModuleMissing(), monitorModuleVolatile()}
}

// monitorPart completes a check that is about container insights: it is skipped where they are not.
func monitorPart(check doctor.Check) doctor.Check {
	check.Asked = true
	check.Applies = func(s *snapshot.Snapshot) string {
		if monitorPresent(s) {
			return ""
		}
		return doctor.NotInstalled
	}
	check.AppliesNeeds = []snapshot.Need{snapshot.In(extSystem, snapshot.DaemonSets), snapshot.In(extSystem, snapshot.Pods)}
	return check
}

func monitorPresent(s *snapshot.Snapshot) bool {
	for i := range s.DaemonSets {
		if monitorName(s.DaemonSets[i].Namespace, s.DaemonSets[i].Name) {
			return true
		}
	}
	for i := range s.Deployments {
		if monitorName(s.Deployments[i].Namespace, s.Deployments[i].Name) {
			return true
		}
	}
	return slices.ContainsFunc(s.Pods, func(p corev1.Pod) bool { return monitorName(p.Namespace, p.Name) }) ||
		slices.ContainsFunc(s.Events, func(e corev1.Event) bool { return monitorName(e.InvolvedObject.Namespace, e.InvolvedObject.Name) })
}

func monitorName(namespace, name string) bool {
	return namespace == extSystem && strings.HasPrefix(name, extMonitor)
}

func monitorPrivileged() doctor.Check {
	return monitorPart(doctor.Check{
		ID: "MON-01", Severity: doctor.High, Needs: []snapshot.Need{snapshot.In(extSystem, snapshot.DaemonSets), snapshot.In(extSystem, snapshot.Pods)},
		Uses: []snapshot.Need{
			snapshot.In(extSystem, snapshot.Events), snapshot.In(extSystem, snapshot.Deployments), snapshot.In(extSystem, snapshot.ReplicaSets),
			snapshot.Everywhere(snapshot.Nodes), snapshot.One("", snapshot.Namespaces, extSystem),
		},
		Eval: judgeMonitorPrivileged,
	})
}

func judgeMonitorPrivileged(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(extOf(s, "MON-01"), func(t workload.Trouble) string {
		switch {
		case strings.Contains(t.Message, "violates PodSecurity"):
			return "podSecurity"
		case t.Kind == workload.Policy:
			return "policy"
		}
		return "privileged"
	})
	for i := range found {
		f := &found[i]
		f.Remedies = []doctor.Remedy{{Key: "allow", Risk: doctor.Manual}}
		if f.Key == "podSecurity" {
			f.Remedies = []doctor.Remedy{{Key: "label", Risk: doctor.Manual, Commands: []string{"kubectl get namespace " + extSystem + " --show-labels"}}}
		}
		if f.Key == "privileged" || monitorCharmed(s) {
			f.Remedies = append(f.Remedies, doctor.Remedy{Key: "juju", Risk: doctor.Manual, Commands: []string{"juju config kubernetes-worker allow-privileged=true"}})
		}
	}
	return found
}

// monitorCharmed reports whether the cluster is Canonical's Charmed Kubernetes, by the marks that it leaves on nodes.
func monitorCharmed(s *snapshot.Snapshot) bool {
	return slices.ContainsFunc(s.Nodes, func(n corev1.Node) bool {
		for key := range n.Labels {
			if strings.HasPrefix(key, "juju-") || strings.HasPrefix(key, "juju.") {
				return true
			}
		}
		return strings.HasPrefix(n.Name, "juju-")
	})
}

func monitorModuleMissing() doctor.Check {
	return monitorPart(doctor.Check{
		ID: "MON-02", Severity: doctor.High, Needs: []snapshot.Need{snapshot.In(extSystem, snapshot.Pods)},
		Uses: []snapshot.Need{snapshot.Everywhere(snapshot.Nodes), snapshot.Everywhere(snapshot.ProbeFromNode)},
		Logs: []snapshot.LogNeed{{Namespace: extSystem, Prefix: extMonitor, Container: "addon-token-adapter", Lines: 200}}, Eval: judgeMonitorModule,
	})
}

func judgeMonitorModule(s *snapshot.Snapshot) []doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "missing", Scope: extSystem,
		Remedies: []doctor.Remedy{{Key: "load", Risk: doctor.Manual, Commands: []string{"sudo modprobe " + monitorModule}}},
	}
	for _, log := range s.LogsOf(extSystem, extMonitor, "addon-token-adapter") {
		if line := monitorComplaint(log.Text); line != "" && !monitorReady(s, log) {
			pod := doctor.Object{Kind: "Pod", Namespace: log.Namespace, Name: log.Pod, Container: log.Container}
			if !slices.Contains(finding.Objects, pod) {
				finding.Objects = append(finding.Objects, pod)
			}
			finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "log", Object: pod.String(), Text: line})
		}
	}
	probed := monitorUnloaded(s)
	if len(finding.Evidence) == 0 && len(probed) > 0 && monitorTroubled(s) {
		finding.Status, finding.Key = doctor.Warn, "notLoaded"
	}
	if finding.Key == "notLoaded" || len(finding.Evidence) > 0 {
		finding.Evidence = append(finding.Evidence, probed...)
		finding.Objects = append(finding.Objects, monitorNodes(s)...)
		return []doctor.Finding{finding}
	}
	return nil
}

// monitorComplaint returns the line of a log that says that the table nat is not there.
func monitorComplaint(text string) string {
	for line := range strings.SplitSeq(text, "\n") {
		if id, _, ok := explain.Classify(line); ok && id == "MON-02" {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// monitorReady reports whether the container works now in spite of what its log says of an earlier try.
func monitorReady(s *snapshot.Snapshot, log snapshot.Log) bool {
	for i := range s.Pods {
		if s.Pods[i].Namespace != log.Namespace || s.Pods[i].Name != log.Pod {
			continue
		}
		for _, c := range s.Pods[i].Status.ContainerStatuses {
			if c.Name == log.Container {
				return c.Ready && log.Previous
			}
		}
	}
	return false
}

func monitorTroubled(s *snapshot.Snapshot) bool {
	return slices.ContainsFunc(extCases(s), func(c extCase) bool {
		return c.Owner == ownMonitor && c.Kind != workload.PodSecurity && c.Kind != workload.Pull
	})
}

// monitorEnterprise reports whether a node's system is of the family that does not load the module: 9.x and later of Oracle Linux, RHEL and theirs.
func monitorEnterprise(n *corev1.Node) bool {
	return regexp.MustCompile(`(?i)(oracle linux|red hat enterprise linux|rhel|centos|rocky linux|almalinux)\D*(9|1[0-9])\b`).MatchString(n.Status.NodeInfo.OSImage)
}

func monitorNodes(s *snapshot.Snapshot) []doctor.Object {
	var found []doctor.Object
	for i := range s.Nodes {
		if monitorEnterprise(&s.Nodes[i]) {
			found = append(found, doctor.Object{Kind: "Node", Name: s.Nodes[i].Name})
		}
	}
	return found
}

func monitorKernel(s *snapshot.Snapshot) *wire.Kernel {
	if s.Probe == nil || s.Probe.Node == nil || s.Probe.Node.Result == nil {
		return nil
	}
	return s.Probe.Node.Result.Kernel
}

// monitorUnloaded is the probe's word that the module is not there.
func monitorUnloaded(s *snapshot.Snapshot) []doctor.Evidence {
	kernel := monitorKernel(s)
	if kernel == nil || len(kernel.Modules) == 0 || slices.Contains(kernel.Modules, monitorModule) || slices.Contains(kernel.Tables, "nat") {
		return nil
	}
	return []doctor.Evidence{{Source: "probe", Object: s.Probe.Node.Where, Text: monitorModule + " is not among the modules of kernel " + kernel.Release}}
}

func monitorModuleVolatile() doctor.Check {
	return monitorPart(doctor.Check{
		ID: "MON-03", Severity: doctor.Medium, After: []string{"MON-02"}, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.ProbeFromNode)},
		Uses: []snapshot.Need{snapshot.Everywhere(snapshot.Nodes)}, Eval: judgeMonitorBoot,
	})
}

func judgeMonitorBoot(s *snapshot.Snapshot) []doctor.Finding {
	kernel := monitorKernel(s)
	if kernel == nil || !slices.Contains(kernel.Modules, monitorModule) || slices.Contains(kernel.Persistent, monitorModule) {
		return nil
	}
	if !monitorProbedEnterprise(s) {
		return nil // other systems load it when it is asked for
	}
	for path, said := range kernel.Errors {
		if strings.Contains(path, "modules-load.d") && !strings.Contains(said, "no such") {
			return []doctor.Finding{arcUnknown(snapshot.Gap{Need: snapshot.Everywhere(snapshot.ProbeFromNode), Reason: snapshot.Failed, Detail: path + ": " + said})}
		}
	}
	return []doctor.Finding{{
		Status: doctor.Warn, Key: "volatile", Args: map[string]string{"node": s.Probe.Node.Where}, Objects: monitorNodes(s),
		Evidence: []doctor.Evidence{{Source: "probe", Object: s.Probe.Node.Where, Text: monitorModule + " is loaded, and no file in /etc/modules-load.d names it"}},
		Remedies: []doctor.Remedy{{Key: "persist", Risk: doctor.Manual, Commands: []string{"echo " + monitorModule + " | sudo tee /etc/modules-load.d/" + monitorModule + ".conf"}}},
	}}
}

// monitorProbedEnterprise reports whether the node that was probed is of the family; a place is named namespace/pod on node.
func monitorProbedEnterprise(s *snapshot.Snapshot) bool {
	_, node, _ := strings.Cut(s.Probe.Node.Where, " on ")
	return slices.ContainsFunc(s.Nodes, func(n corev1.Node) bool { return n.Name == node && monitorEnterprise(&n) })
}
