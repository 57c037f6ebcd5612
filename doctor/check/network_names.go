package check

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

const (
	netDNS      = "kube-dns"
	netCoreDNS  = "coredns"
	netDNSLabel = "k8s-app"
)

func networkNames() doctor.Check {
	return doctor.Check{
		ID: "NET-01", Severity: doctor.Critical, After: []string{"EXT-08"},
		Uses: slices.Concat(netDNSNeeds(), netSettingsNeeds(), netCoreNeeds(), []snapshot.Need{
			snapshot.In(extSystem, snapshot.Pods), snapshot.In(extSystem, snapshot.ReplicaSets), snapshot.In(extSystem, snapshot.DaemonSets), snapshot.In(extSystem, snapshot.Events),
			snapshot.In(extSystem, snapshot.NetworkPolicies), snapshot.In(arcSpace, snapshot.NetworkPolicies),
		}),
		Applies: netOtherDNS, AppliesNeeds: []snapshot.Need{snapshot.In(extSystem, snapshot.Services), snapshot.In(extSystem, snapshot.Deployments)},
		Eval: judgeNetNames,
	}
}

// netDNSNeeds decide about the state of the DNS service.
func netDNSNeeds() []snapshot.Need {
	return []snapshot.Need{
		snapshot.In(extSystem, snapshot.Services), snapshot.In(extSystem, snapshot.EndpointSlices), snapshot.In(extSystem, snapshot.Deployments),
	}
}

// netCoreNeeds are CoreDNS' own configuration.
func netCoreNeeds() []snapshot.Need {
	return []snapshot.Need{snapshot.One(extSystem, snapshot.ConfigMaps, netCoreDNS), snapshot.One(extSystem, snapshot.ConfigMaps, dpCustom)}
}

// netOtherDNS leaves platforms alone that have their DNS in another place: OpenShift in openshift-dns, EKS' automatic nodes on themselves.
func netOtherDNS(s *snapshot.Snapshot) string {
	if _, found := netDNSService(s); found || len(netDNSWorkloads(s)) > 0 {
		return ""
	}
	if slices.ContainsFunc(s.Server.Groups, func(g string) bool { return g == "config.openshift.io" || g == "route.openshift.io" }) {
		return doctor.OtherPlatform
	}
	if slices.ContainsFunc(s.Nodes, func(n corev1.Node) bool { return n.Labels["eks.amazonaws.com/compute-type"] == "auto" }) {
		return doctor.OtherPlatform
	}
	if len(s.Nodes) == 0 && s.Known(snapshot.Everywhere(snapshot.Nodes)) {
		return doctor.NotInstalled // a control plane alone
	}
	return ""
}

// netDNSService is the service that pods ask for names. Nearly everybody calls it kube-dns, and labels it so where it is called otherwise.
func netDNSService(s *snapshot.Snapshot) (*corev1.Service, bool) {
	var found *corev1.Service
	for i := range s.Services {
		service := &s.Services[i]
		if service.Namespace != extSystem {
			continue
		}
		if service.Name == netDNS {
			return service, true
		}
		dns := slices.ContainsFunc(service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == 53 })
		if dns && (service.Labels[netDNSLabel] == netDNS || service.Name == netCoreDNS) {
			found = service
		}
	}
	return found, found != nil
}

// netDNSWorkloads are the workloads behind the service.
func netDNSWorkloads(s *snapshot.Snapshot) []doctor.Object {
	var found []doctor.Object
	for i := range s.Deployments {
		if d := &s.Deployments[i]; d.Namespace == extSystem && netServesNames(d.Name, d.Spec.Template.Labels) {
			found = append(found, doctor.Object{Kind: "Deployment", Namespace: extSystem, Name: d.Name})
		}
	}
	for i := range s.DaemonSets {
		if d := &s.DaemonSets[i]; d.Namespace == extSystem && netServesNames(d.Name, d.Spec.Template.Labels) {
			found = append(found, doctor.Object{Kind: "DaemonSet", Namespace: extSystem, Name: d.Name})
		}
	}
	return found
}

func netServesNames(name string, labels map[string]string) bool {
	return name == netCoreDNS || labels[netDNSLabel] == netDNS && !strings.Contains(name, "autoscaler")
}

// judgeNetNames looks at the state first, which tells more than that names do not resolve, then at what a probe was told.
func judgeNetNames(s *snapshot.Snapshot) []doctor.Finding {
	found := netDNSState(s)
	if slices.ContainsFunc(found, func(f doctor.Finding) bool { return f.Status == doctor.Fail }) {
		return found
	}
	asked, answered := netAsked(s)
	if len(asked) > 0 || answered {
		return append(asked, found...)
	}
	if len(found) > 0 {
		return found
	}
	if _, there := netDNSService(s); !there && s.Known(snapshot.In(extSystem, snapshot.Services)) && len(netDNSWorkloads(s)) == 0 && s.Known(snapshot.In(extSystem, snapshot.Deployments)) {
		return []doctor.Finding{{Status: doctor.Unknown, Key: "elsewhere", Remedies: []doctor.Remedy{netRecheck()}}}
	}
	return unlessUnseen(s, nil, netDNSNeeds()...)
}

// netDNSState is what is wrong with the service and its pods, then with their configuration.
func netDNSState(s *snapshot.Snapshot) []doctor.Finding {
	service, there := netDNSService(s)
	workloads := netDNSWorkloads(s)
	switch {
	case !there && s.Known(snapshot.In(extSystem, snapshot.Services)) && (len(workloads) > 0 || netCorefile(s) != nil):
		finding := netNamesFinding("noService", doctor.Object{Kind: "Service", Namespace: extSystem, Name: netDNS})
		finding.Objects = append(finding.Objects, workloads...)
		return []doctor.Finding{finding}
	case there && service.Spec.Type == corev1.ServiceTypeExternalName:
		return nil // somebody's own design
	case there && s.Known(snapshot.In(extSystem, snapshot.EndpointSlices)) && netReady(s, service) == 0:
		return []doctor.Finding{netDeadDNS(s, service)}
	case there && !s.Known(snapshot.In(extSystem, snapshot.EndpointSlices)):
		if trouble, ok := netDNSTrouble(s); ok && !trouble.Serving && trouble.Kind == workload.ScaledDown {
			return []doctor.Finding{netDeadDNS(s, service)}
		}
	}
	return netCorefileFaults(s)
}

// netReady counts the endpoints that can answer.
func netReady(s *snapshot.Snapshot, service *corev1.Service) int {
	ready := 0
	for i := range s.EndpointSlices {
		slice := &s.EndpointSlices[i]
		if slice.Namespace != service.Namespace || slice.Labels["kubernetes.io/service-name"] != service.Name {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				ready += len(e.Addresses)
			}
		}
	}
	return ready
}

// netDNSTrouble is the first thing that is wrong with the pods of the service.
func netDNSTrouble(s *snapshot.Snapshot) (workload.Trouble, bool) {
	workloads := netDNSWorkloads(s)
	troubles := workload.Find(s, extSystem, func(o doctor.Object, labels map[string]string) bool {
		return slices.Contains(workloads, o) || netServesNames(o.Name, labels)
	})
	if len(troubles) == 0 {
		return workload.Trouble{}, false
	}
	return troubles[0], true
}

// netDeadDNS says why the service has nobody who answers.
func netDeadDNS(s *snapshot.Snapshot, service *corev1.Service) doctor.Finding {
	object := doctor.Object{Kind: "Service", Namespace: service.Namespace, Name: service.Name}
	finding := netNamesFinding("noEndpoints", object)
	trouble, ok := netDNSTrouble(s)
	if len(netDNSWorkloads(s)) == 0 && s.Known(snapshot.In(extSystem, snapshot.Deployments)) && !ok {
		finding.Key = "noWorkload"
		return finding
	}
	if !ok {
		finding.Remedies = append([]doctor.Remedy{{Key: "selector", Risk: doctor.Manual, Commands: []string{
			"kubectl get service " + service.Name + " -n " + extSystem + " -o yaml", "kubectl get pods -n " + extSystem + " --show-labels",
		}}}, finding.Remedies...)
		return finding
	}
	finding.Objects = append(finding.Objects, trouble.Object())
	finding.Evidence = []doctor.Evidence{trouble.Evidence()}
	finding.Args["workload"] = trouble.Workload.Name
	switch trouble.Kind {
	case workload.ScaledDown:
		finding.Key = "scaledDown"
		finding.Remedies = []doctor.Remedy{{Key: "scaleUp", Risk: doctor.Manual, Commands: []string{
			"kubectl scale " + strings.ToLower(trouble.Workload.Kind) + "/" + trouble.Workload.Name + " -n " + extSystem + " --replicas=2",
		}, Undo: []string{"kubectl scale " + strings.ToLower(trouble.Workload.Kind) + "/" + trouble.Workload.Name + " -n " + extSystem + " --replicas=0"}}}
	case workload.Crash, workload.OutOfMemory, workload.StartError, workload.ConfigError, workload.Mount:
		finding.Key = "crash"
		finding.Remedies = []doctor.Remedy{{Key: "logs", Risk: doctor.Manual, Commands: []string{"kubectl logs -n " + extSystem + " -l " + netDNSLabel + "=" + netDNS + " --tail=50 --prefix"}}}
	case workload.NotReady:
		finding.Key = "notReady"
	case workload.Pull:
		finding.Key = "pull"
	default:
		finding.Key = "notStarted"
	}
	return finding
}

func netNamesFinding(key string, objects ...doctor.Object) doctor.Finding {
	return doctor.Finding{
		Status: doctor.Fail, Key: key, Objects: objects, Args: map[string]string{"namespace": extSystem},
		Remedies: []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: []string{
			"kubectl get pods,services -n " + extSystem + " -l " + netDNSLabel + "=" + netDNS, "kubectl describe pods -n " + extSystem + " -l " + netDNSLabel + "=" + netDNS,
			"kubectl get endpointslices -n " + extSystem + " -l kubernetes.io/service-name=" + netDNS,
		}}},
	}
}
