package check

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func (p meshPart) serviceCheck() doctor.Check {
	return doctor.Check{ID: p.service, Severity: doctor.High, Eval: p.judgeService, Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.Services)}}
}

func (p meshPart) endpointCheck() doctor.Check {
	return doctor.Check{
		ID: p.endpoints, Severity: doctor.High, Eval: p.judgeEndpoints,
		Needs: []snapshot.Need{snapshot.In(meshSpace, snapshot.Services), snapshot.In(meshSpace, snapshot.EndpointSlices)},
		Uses:  meshWorkloadNeeds(),
	}
}

func meshService(s *snapshot.Snapshot, name string) *corev1.Service {
	for i := range s.Services {
		if s.Services[i].Namespace == meshSpace && s.Services[i].Name == name {
			return &s.Services[i]
		}
	}
	return nil
}

func meshPort(service *corev1.Service, port int32) (corev1.ServicePort, bool) {
	for _, candidate := range service.Spec.Ports {
		if candidate.Port == port && (candidate.Protocol == "" || candidate.Protocol == corev1.ProtocolTCP) {
			return candidate, true
		}
	}
	return corev1.ServicePort{}, false
}

// judgeService requires the ports that others call and allows more: later versions add one.
func (p meshPart) judgeService(s *snapshot.Snapshot) []doctor.Finding {
	object := meshObject("Service", p.app)
	finding := doctor.Finding{Status: doctor.Fail, Args: p.args(), Objects: []doctor.Object{object}}
	service := meshService(s, p.app)
	if service == nil {
		finding.Key, finding.Remedies = "missing", []doctor.Remedy{p.createService()}
		return []doctor.Finding{finding}
	}
	var lacking, have []string
	for _, port := range p.ports {
		if _, ok := meshPort(service, port); !ok {
			lacking = append(lacking, strconv.Itoa(int(port)))
		}
	}
	for _, port := range service.Spec.Ports {
		have = append(have, fmt.Sprintf("%d/%s", port.Port, port.Protocol))
	}
	finding.Args["lacking"], finding.Args["ports"], finding.Args["type"] = strings.Join(lacking, ", "), strings.Join(have, ","), string(service.Spec.Type)
	finding.Evidence = meshSeen("spec", object, "type "+string(service.Spec.Type)+", ports "+strings.Join(have, ","))
	switch {
	case len(lacking) > 0:
		finding.Key, finding.Remedies = "ports", []doctor.Remedy{p.mendService(service)}
	case service.Spec.Type == corev1.ServiceTypeExternalName:
		finding.Key, finding.Remedies = "elsewhere", []doctor.Remedy{p.mendService(service)}
	case service.Spec.Type != corev1.ServiceTypeClusterIP && service.Spec.Type != "", len(service.Spec.ExternalIPs) > 0:
		finding.Status, finding.Severity, finding.Key, finding.Remedies = doctor.Warn, doctor.Medium, "exposed", []doctor.Remedy{p.mendService(service)}
	default:
		return nil
	}
	return []doctor.Finding{finding}
}

func (p meshPart) createService() doctor.Remedy {
	words := []string{"kubectl create service clusterip", p.app}
	for _, port := range p.ports {
		words = append(words, fmt.Sprintf("--tcp=%d:%d", port, port))
	}
	return doctor.Remedy{
		Key: "create", Args: p.args(), Risk: doctor.Manual, Commands: []string{strings.Join(append(words, "-n "+meshSpace), " ")},
		Undo: []string{"kubectl delete service " + p.app + " -n " + meshSpace},
	}
}

// mendService keeps the ports that are no trouble, without the node ports that a ClusterIP may not have.
func (p meshPart) mendService(service *corev1.Service) doctor.Remedy {
	var ports []map[string]any
	for _, port := range p.ports {
		kept, ok := meshPort(service, port)
		if !ok {
			kept = corev1.ServicePort{Name: "port-" + strconv.Itoa(int(port)), Port: port}
		}
		one := map[string]any{"name": kept.Name, "port": port, "targetPort": port}
		if len(p.ports) == 1 && kept.Name == "" {
			delete(one, "name")
		}
		ports = append(ports, one)
	}
	for _, port := range service.Spec.Ports {
		if !slices.Contains(p.ports, port.Port) && port.Name != "" && len(p.ports) > 1 {
			ports = append(ports, map[string]any{"name": port.Name, "port": port.Port, "targetPort": port.TargetPort})
		}
	}
	patch := map[string]any{"spec": map[string]any{"type": "ClusterIP", "externalIPs": nil, "externalName": nil, "ports": ports}}
	return doctor.Remedy{Key: "mend", Args: p.args(), Risk: doctor.Manual, Commands: []string{
		"kubectl patch service " + p.app + " -n " + meshSpace + " --type=merge -p " + meshQuote(string(meshJSON(patch))),
	}}
}

// meshEndpoints returns the numbers of the pods' ports behind one port of a Service, each with how many pods are ready there.
func meshEndpoints(s *snapshot.Snapshot, service *corev1.Service, port corev1.ServicePort) map[int32]int {
	ready := map[int32]int{}
	for i := range s.EndpointSlices {
		slice := &s.EndpointSlices[i]
		if slice.Namespace != service.Namespace || slice.Labels[discoveryv1.LabelServiceName] != service.Name {
			continue
		}
		for _, candidate := range slice.Ports {
			if candidate.Port == nil || candidate.Name != nil && *candidate.Name != port.Name || candidate.Name == nil && port.Name != "" {
				continue
			}
			if count := meshReadyCount(slice); count > 0 {
				ready[*candidate.Port] += count
			}
		}
	}
	return ready
}

func meshReadyCount(slice *discoveryv1.EndpointSlice) int {
	count := 0
	for _, endpoint := range slice.Endpoints {
		if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
			count += len(endpoint.Addresses)
		}
	}
	return count
}

// judgeEndpoints leaves ports that the Service lacks to the Service's own check.
func (p meshPart) judgeEndpoints(s *snapshot.Snapshot) []doctor.Finding {
	service := meshService(s, p.app)
	if service == nil {
		return []doctor.Finding{meshBehind(p.service)}
	}
	var empty, wrong []string
	judged := 0
	for _, wanted := range p.ports {
		port, ok := meshPort(service, wanted)
		if !ok {
			continue
		}
		judged++
		ready := meshEndpoints(s, service, port)
		switch {
		case len(ready) == 0:
			empty = append(empty, strconv.Itoa(int(wanted)))
		case ready[wanted] == 0:
			wrong = append(wrong, fmt.Sprintf("%d → %d", wanted, slices.Sorted(maps.Keys(ready))[0]))
		}
	}
	switch {
	case judged == 0:
		return []doctor.Finding{meshBehind(p.service)}
	case len(empty) > 0:
		return []doctor.Finding{p.noEndpoints(s, service, strings.Join(empty, ", "))}
	case len(wrong) > 0:
		finding := p.endpointFinding("wrongPort", strings.Join(wrong, ", "))
		finding.Remedies = []doctor.Remedy{p.mendService(service)}
		return []doctor.Finding{finding}
	}
	return nil
}

func (p meshPart) endpointFinding(key, ports string) doctor.Finding {
	object := meshObject("Service", p.app)
	finding := doctor.Finding{Status: doctor.Fail, Key: key, Args: p.args(), Objects: []doctor.Object{object}, Evidence: meshSeen("status", object, "ports "+ports+": "+key)}
	finding.Args["ports"] = ports
	return finding
}

// noEndpoints blames the pods unless they are fine: then it is the Service that does not find them.
func (p meshPart) noEndpoints(s *snapshot.Snapshot, service *corev1.Service, ports string) doctor.Finding {
	finding := p.endpointFinding("none", ports)
	finding.Evidence = meshSeen("status", finding.Objects[0], "no ready endpoint on "+ports)
	finding.After = []string{p.pods, p.deployment, p.service}
	finding.Remedies = []doctor.Remedy{{Key: "look", Args: p.args(), Risk: doctor.Manual, Commands: []string{
		"kubectl get endpointslices -n " + meshSpace + " -l kubernetes.io/service-name=" + p.app,
		"kubectl get pods -n " + meshSpace + " -l app=" + p.app + " -o wide",
	}}}
	if p.selects(s, service) {
		return finding
	}
	finding.Key, finding.After = "selector", nil
	finding.Args["selector"] = labels.FormatLabels(service.Spec.Selector)
	finding.Evidence = meshSeen("spec", finding.Objects[0], "selector "+finding.Args["selector"])
	finding.Remedies = []doctor.Remedy{meshSelector(service.Name, p.app)}
	return finding
}

// selects reports whether the Service finds the program's pods, as far as one can see.
func (p meshPart) selects(s *snapshot.Snapshot, service *corev1.Service) bool {
	pods := p.alive(s)
	if len(pods) == 0 {
		return true
	}
	selector := labels.SelectorFromSet(service.Spec.Selector)
	return slices.ContainsFunc(pods, func(pod *corev1.Pod) bool { return selector.Matches(labels.Set(pod.Labels)) })
}

func meshSelector(service, app string) doctor.Remedy {
	return doctor.Remedy{Key: "select", Args: map[string]string{"name": service, "app": app}, Risk: doctor.Manual, Commands: []string{
		"kubectl set selector service " + service + " app=" + app + " -n " + meshSpace,
	}}
}
