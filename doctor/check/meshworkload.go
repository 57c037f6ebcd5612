package check

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

func meshWorkloadNeeds() []snapshot.Need {
	return []snapshot.Need{
		snapshot.In(meshSpace, snapshot.Pods), snapshot.In(meshSpace, snapshot.ReplicaSets), snapshot.In(meshSpace, snapshot.Events),
		snapshot.Everywhere(snapshot.Definitions), snapshot.Everywhere(snapshot.Releases),
	}
}

func (p meshPart) deploymentCheck() doctor.Check {
	return doctor.Check{
		ID: p.deployment, Severity: doctor.High, Eval: p.judgeDeployment,
		Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.Deployments)}, Uses: meshWorkloadNeeds(),
	}
}

func (p meshPart) podCheck() doctor.Check {
	return doctor.Check{
		ID: p.pods, Severity: doctor.High, Eval: p.judgePods,
		Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.Pods)}, Uses: meshWorkloadNeeds(),
	}
}

// meshPodTrouble tells what a running program does wrong from what keeps it from being placed, fetched or made at all.
func meshPodTrouble(kind workload.Kind) bool {
	switch kind {
	case workload.Crash, workload.OutOfMemory, workload.NotReady, workload.StartError, workload.ConfigError, workload.Mount, workload.Stuck:
		return true
	default:
		return false
	}
}

// split returns the troubles that the Deployment's check tells and those that the pods' check tells.
func (p meshPart) split(s *snapshot.Snapshot) (placing, running []workload.Trouble) {
	for _, trouble := range workload.Find(s, meshSpace, p.owns) {
		if meshPodTrouble(trouble.Kind) {
			running = append(running, trouble)
		} else {
			placing = append(placing, trouble)
		}
	}
	return placing, running
}

// judgeDeployment takes no zero for health: nobody asks for pods means that nobody does the work.
func (p meshPart) judgeDeployment(s *snapshot.Snapshot) []doctor.Finding {
	d := p.find(s)
	if d == nil {
		return []doctor.Finding{{Status: doctor.Fail, Key: "missing", Args: p.args(), Objects: []doctor.Object{p.object()}, Remedies: []doctor.Remedy{p.reinstall(s)}}}
	}
	placing, running := p.split(s)
	if len(placing) > 0 {
		return p.grouped(s, placing)
	}
	wanted := workload.Desired(d)
	if d.Status.AvailableReplicas >= wanted {
		return nil
	}
	finding := doctor.Finding{Status: p.status(s), Key: "unavailable", Args: p.args(), Objects: []doctor.Object{p.object()}, Remedies: []doctor.Remedy{p.look()}}
	finding.Args["available"], finding.Args["wanted"] = strconv.Itoa(int(d.Status.AvailableReplicas)), strconv.Itoa(int(wanted))
	finding.Evidence = meshSeen("status", p.object(), fmt.Sprintf("%d of %d replicas available", d.Status.AvailableReplicas, wanted))
	if finding.Status == doctor.Warn {
		finding.Severity, finding.Key = doctor.Medium, "partly"
	}
	if len(running) > 0 {
		finding.After = []string{p.pods}
	}
	return []doctor.Finding{finding}
}

func (p meshPart) judgePods(s *snapshot.Snapshot) []doctor.Finding {
	placing, running := p.split(s)
	known := s.Known(snapshot.In(meshSpace, snapshot.Deployments))
	switch {
	case len(running) > 0:
		return p.grouped(s, running)
	case p.serves(s):
		return nil
	case known && meshFails(p.judgeDeployment(s)), len(placing) > 0:
		return []doctor.Finding{meshBehind(p.deployment)}
	}
	return []doctor.Finding{{Status: doctor.Fail, Key: "noPods", Args: p.args(), Remedies: []doctor.Remedy{p.look()}}}
}

// status is a warning as long as another pod does the work, as in a rollout that is stuck.
func (p meshPart) status(s *snapshot.Snapshot) doctor.Status {
	if p.serves(s) {
		return doctor.Warn
	}
	return doctor.Fail
}

// grouped makes one finding of all troubles of one kind.
func (p meshPart) grouped(s *snapshot.Snapshot, troubles []workload.Trouble) []doctor.Finding {
	var found []doctor.Finding
	at := map[workload.Kind]int{}
	for _, trouble := range troubles {
		if _, seen := at[trouble.Kind]; !seen {
			at[trouble.Kind] = len(found)
			found = append(found, p.told(s, trouble))
		}
		f := &found[at[trouble.Kind]]
		f.Objects = append(f.Objects, trouble.Object())
		f.Evidence = append(f.Evidence, trouble.Evidence())
	}
	return found
}

func (p meshPart) told(s *snapshot.Snapshot, trouble workload.Trouble) doctor.Finding {
	finding := doctor.Finding{Status: p.status(s), Key: string(trouble.Kind), Args: p.args(), After: p.explained(trouble), Remedies: []doctor.Remedy{p.look()}}
	finding.Args["detail"], finding.Args["kind"] = trouble.Detail, string(trouble.Kind)
	switch trouble.Kind {
	case workload.ScaledDown:
		finding.Status = doctor.Fail // its last pods are on their way out
		finding.Remedies = []doctor.Remedy{{
			Key: "scale", Args: p.args(), Risk: doctor.Manual,
			Commands: []string{"kubectl scale deployment " + p.app + " --replicas=1 -n " + meshSpace},
			Undo:     []string{"kubectl scale deployment " + p.app + " --replicas=0 -n " + meshSpace},
		}}
	case workload.Crash, workload.OutOfMemory, workload.NotReady:
		finding.Remedies = []doctor.Remedy{{Key: "logs", Args: p.args(), Risk: doctor.Manual, Commands: []string{
			"kubectl logs -n " + meshSpace + " -l app=" + p.app + " --all-containers --tail=100",
		}}}
	default: // the events tell
	}
	if finding.Status == doctor.Warn {
		finding.Severity, finding.Key = doctor.Medium, "rollout"
	}
	if finding.Status == doctor.Warn && trouble.Pod.Kind != "" {
		finding.Remedies = append(finding.Remedies, doctor.Remedy{Key: "undo", Args: p.args(), Risk: doctor.Manual, Commands: []string{
			"kubectl rollout undo deployment/" + p.app + " -n " + meshSpace,
		}})
	}
	return finding
}

// explained lists what may explain a trouble. A program whose definitions are missing gives up waiting for them.
func (p meshPart) explained(trouble workload.Trouble) []string {
	if p.validates() && trouble.Pod.Container != "" && trouble.Pod.Container != p.app {
		return []string{"OSM-04"}
	}
	switch trouble.Kind {
	case workload.Pull:
		return []string{"ARC-07", "HLM-04"}
	case workload.Taint:
		return []string{"EXT-09", "EXT-04"}
	case workload.Selector, workload.StartError:
		return []string{"HLM-04"}
	case workload.Crash, workload.NotReady, workload.Stuck:
		return []string{"OSM-26", "OSM-24"}
	default:
		return nil
	}
}

func (p meshPart) look() doctor.Remedy {
	return doctor.Remedy{Key: "look", Args: p.args(), Risk: doctor.Manual, Commands: []string{
		"kubectl describe deployment " + p.app + " -n " + meshSpace,
		"kubectl get pods -n " + meshSpace + " -l app=" + p.app,
		"kubectl get events -n " + meshSpace + " --sort-by=.lastTimestamp",
	}}
}

// reinstall names the Helm release when there is one to go back to.
func (p meshPart) reinstall(s *snapshot.Snapshot) doctor.Remedy {
	for _, release := range s.Releases {
		if release.Namespace == meshSpace && release.Deployed > 0 {
			return doctor.Remedy{Key: "rollback", Args: map[string]string{"release": release.Name}, Risk: doctor.Manual, Commands: []string{
				"helm history " + release.Name + " -n " + meshSpace,
				fmt.Sprintf("helm rollback %s %d -n %s", release.Name, release.Deployed, meshSpace),
			}}
		}
	}
	return doctor.Remedy{Key: "reinstall", Risk: doctor.Manual, Commands: []string{
		"az k8s-extension show --cluster-name <cluster-name> --resource-group <resource-group> --cluster-type connectedClusters --name <extension-name>",
		"az k8s-extension update --cluster-name <cluster-name> --resource-group <resource-group> --cluster-type connectedClusters --name <extension-name>",
	}}
}

// meshLeftovers tells of pods that only record an eviction. They are no problem beside a Deployment that is available.
func meshLeftovers() doctor.Check {
	return doctor.Check{
		ID: "OSM-03", Severity: doctor.Info, Eval: judgeMeshLeftovers,
		Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.Pods), snapshot.In(meshSpace, snapshot.Deployments)},
	}
}

func judgeMeshLeftovers(s *snapshot.Snapshot) []doctor.Finding {
	finding := doctor.Finding{Status: doctor.Pass, Key: "leftovers"}
	remedy := doctor.Remedy{Key: "delete", Risk: doctor.Safe}
	for i := range s.Pods {
		pod := &s.Pods[i]
		if pod.Namespace != meshSpace || !workload.Leftover(pod) || !meshReplaced(s, pod) {
			continue
		}
		object := meshObject("Pod", pod.Name)
		finding.Objects = append(finding.Objects, object)
		finding.Evidence = append(finding.Evidence, meshSeen("status", object, "Failed, "+pod.Status.Reason)...)
		remedy.Commands = append(remedy.Commands, "kubectl delete pod "+pod.Name+" -n "+meshSpace)
		remedy.Actions = append(remedy.Actions, doctor.Action{Verb: doctor.Delete, APIVersion: "v1", Resource: "pods", Namespace: meshSpace, Name: pod.Name})
	}
	if len(finding.Objects) == 0 {
		return nil
	}
	finding.Args = map[string]string{"count": strconv.Itoa(len(finding.Objects)), "namespace": meshSpace}
	finding.Remedies = []doctor.Remedy{remedy}
	return []doctor.Finding{finding}
}

// meshReplaced reports whether the Deployment of a leftover has all the pods that it asks for.
func meshReplaced(s *snapshot.Snapshot, pod *corev1.Pod) bool {
	owner := workload.Owner(s, pod)
	for i := range s.Deployments {
		d := &s.Deployments[i]
		if d.Namespace == pod.Namespace && (d.Name == owner.Name || d.Labels["app"] != "" && d.Labels["app"] == pod.Labels["app"]) {
			return d.Status.AvailableReplicas > 0 && d.Status.AvailableReplicas >= workload.Desired(d)
		}
	}
	return false
}

// meshForeignContainer looks at the Deployment and at its pods: a webhook can add what the Deployment does not have.
func meshForeignContainer() doctor.Check {
	return doctor.Check{
		ID: "OSM-04", Severity: doctor.High, After: []string{"OSM-19"}, Eval: judgeMeshContainers,
		Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.Deployments), snapshot.In(meshSpace, snapshot.Pods)},
		Uses:  []snapshot.Need{snapshot.In(meshSpace, snapshot.ReplicaSets)},
	}
}

func judgeMeshContainers(s *snapshot.Snapshot) []doctor.Finding {
	controller := meshController()
	d := controller.find(s)
	if d == nil {
		return []doctor.Finding{meshBehind(controller.deployment)}
	}
	finding := doctor.Finding{Status: doctor.Fail, Key: "sidecar", Args: controller.args()}
	names := meshContainerNames(d.Spec.Template.Spec.Containers)
	if meshCrowded(d.Spec.Template.Spec.Containers) {
		finding.Key = "template"
		finding.Objects = append(finding.Objects, controller.object())
		finding.Evidence = meshSeen("spec", controller.object(), "containers: "+names)
		finding.Remedies = []doctor.Remedy{{Key: "undo", Args: controller.args(), Risk: doctor.Manual, Commands: []string{
			"kubectl rollout history deployment/" + controller.app + " -n " + meshSpace,
			"kubectl rollout undo deployment/" + controller.app + " -n " + meshSpace,
		}}}
	}
	for _, pod := range controller.alive(s) {
		if meshCrowded(pod.Spec.Containers) {
			names = meshContainerNames(pod.Spec.Containers)
			finding.Objects = append(finding.Objects, meshObject("Pod", pod.Name))
			finding.Evidence = append(finding.Evidence, meshSeen("spec", meshObject("Pod", pod.Name), "containers: "+names)...)
		}
	}
	if len(finding.Objects) == 0 {
		return nil
	}
	if finding.Key == "sidecar" {
		finding.Remedies = []doctor.Remedy{controller.restart()}
	}
	finding.Args["containers"] = names
	return []doctor.Finding{finding}
}

func meshCrowded(containers []corev1.Container) bool {
	return len(containers) > 1 || len(containers) == 1 && containers[0].Name == meshSidecar
}

func meshContainerNames(containers []corev1.Container) string {
	names := make([]string, 0, len(containers))
	for i := range containers {
		names = append(names, containers[i].Name)
	}
	return strings.Join(names, ", ")
}
