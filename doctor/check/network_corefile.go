package check

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/corefile"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// netCorefile is the ConfigMap of CoreDNS, nil when it is not there or could not be read.
func netCorefile(s *snapshot.Snapshot) *corev1.ConfigMap { return netConfigMap(s, netCoreDNS) }

func netConfigMap(s *snapshot.Snapshot, name string) *corev1.ConfigMap {
	for i := range s.ConfigMaps {
		if s.ConfigMaps[i].Namespace == extSystem && s.ConfigMaps[i].Name == name {
			return &s.ConfigMaps[i]
		}
	}
	return nil
}

// netCorefileFaults judges the configuration while pods still answer. One with which CoreDNS has started is good, whatever we think of it.
func netCorefileFaults(s *snapshot.Snapshot) []doctor.Finding {
	config := netCorefile(s)
	if config == nil || strings.TrimSpace(config.Data["Corefile"]) == "" {
		return nil
	}
	object := doctor.Object{Kind: "ConfigMap", Namespace: extSystem, Name: netCoreDNS}
	text := config.Data["Corefile"]
	parsed, err := corefile.Parse(corefile.Source{Corefile: text, Files: netCustomFiles(s)})
	if bad, is := errors.AsType[*corefile.Error](err); is {
		if bad.File != corefile.Name || netStartedAfter(s, netChanged(config)) {
			return netCustomFaults(s)
		}
		finding := netNamesFinding("corefile", object)
		finding.Status, finding.Severity = doctor.Warn, doctor.High
		finding.Args["error"] = bad.Error()
		finding.Evidence = []doctor.Evidence{{Source: "spec", Object: object.String(), Text: bad.Error()}}
		finding.Remedies = []doctor.Remedy{netCorefileRemedy()}
		return []doctor.Finding{finding}
	}
	if err != nil {
		return nil
	}
	if found := netForwardsToItself(s, text, object); found != nil {
		return found
	}
	if netHasKubernetes(parsed) || len(parsed.Imports) > 0 {
		return netCustomFaults(s)
	}
	finding := netNamesFinding("noKubernetes", object)
	finding.Remedies = []doctor.Remedy{netCorefileRemedy()}
	return []doctor.Finding{finding}
}

// netCustomFaults finds overrides that have nothing to do with the data plane, whose mistakes are EXT-08's, and that will keep CoreDNS from
// starting again or from answering.
func netCustomFaults(s *snapshot.Snapshot) []doctor.Finding {
	custom := netConfigMap(s, dpCustom)
	if custom == nil || dpMentions(custom.Data, dpHost(s)) {
		return nil
	}
	for _, p := range corefile.Judge(corefile.Input{Corefile: dpCorefile(s), Custom: custom.Data, Host: dpHost(s)}) {
		fatal := p.Row == corefile.RowTwice || p.Row == corefile.RowSyntax
		if p.Key == corefile.Name || !fatal && p.Row != corefile.RowFallthrough || fatal && netStartedAfter(s, netChanged(custom)) {
			continue
		}
		object := doctor.Object{Kind: "ConfigMap", Namespace: extSystem, Name: dpCustom}
		finding := netNamesFinding("custom", object)
		finding.Status, finding.Severity = doctor.Warn, doctor.High
		finding.Args["key"], finding.Args["line"] = p.Key, strconv.Itoa(p.Line)
		finding.Evidence = []doctor.Evidence{{Source: "spec", Object: object.String(), Text: p.Key + " line " + strconv.Itoa(p.Line) + " " + p.Captures["error"]}}
		finding.Remedies = []doctor.Remedy{{Key: "corefile", Risk: doctor.Manual, Commands: []string{dpBackup(), "kubectl edit configmap " + dpCustom + " -n " + extSystem}}}
		return []doctor.Finding{finding}
	}
	return nil
}

func netCorefileRemedy() doctor.Remedy {
	return doctor.Remedy{Key: "corefile", Risk: doctor.Manual, Commands: []string{
		"kubectl get configmap " + netCoreDNS + " -n " + extSystem + " -o yaml > coredns.backup.yaml", "kubectl edit configmap " + netCoreDNS + " -n " + extSystem,
	}}
}

func netCustomFiles(s *snapshot.Snapshot) map[string]string {
	files := map[string]string{}
	if custom := netConfigMap(s, dpCustom); custom != nil {
		for key, text := range custom.Data {
			files["custom/"+key] = text
		}
	}
	return files
}

func netHasKubernetes(config *corefile.Config) bool {
	return slices.ContainsFunc(config.Servers, func(server corefile.Server) bool {
		return slices.ContainsFunc(server.Directives, func(d corefile.Directive) bool { return d.Name == "kubernetes" || d.Name == "k8s_external" })
	})
}

// netForwardsToItself finds a forward line that leads back to the DNS service: every name from outside goes round until time is up.
func netForwardsToItself(s *snapshot.Snapshot, text string, object doctor.Object) []doctor.Finding {
	forwards, err := corefile.Forwarders(text)
	if err != nil {
		return nil
	}
	var own []netip.Addr
	if service, ok := netDNSService(s); ok {
		for _, ip := range append(service.Spec.ClusterIPs, service.Spec.ClusterIP) {
			if address, err := netip.ParseAddr(ip); err == nil {
				own = append(own, address)
			}
		}
	}
	for _, forward := range forwards {
		if loops := forward.Loops(own...); len(loops) > 0 {
			finding := netNamesFinding("loop", object)
			finding.Args["target"] = strings.Join(loops, ", ")
			finding.Evidence = []doctor.Evidence{{Source: "spec", Object: object.String(), Text: "forward " + forward.Zone + " " + strings.Join(forward.To, " ")}}
			finding.Remedies = []doctor.Remedy{netCorefileRemedy()}
			return []doctor.Finding{finding}
		}
	}
	return nil
}

// netChanged is when an object was last written, as its managers tell.
func netChanged(config *corev1.ConfigMap) time.Time {
	changed := config.CreationTimestamp.Time
	for _, entry := range config.ManagedFields {
		if entry.Time != nil && entry.Time.After(changed) {
			changed = entry.Time.Time
		}
	}
	return changed
}

// netStarts are when the DNS pods that run now were started.
func netStarts(s *snapshot.Snapshot) []time.Time {
	var starts []time.Time
	for i := range s.Pods {
		pod := &s.Pods[i]
		if pod.Namespace != extSystem || pod.DeletionTimestamp != nil || !strings.HasPrefix(pod.Name, netCoreDNS+"-") && pod.Labels[netDNSLabel] != netDNS {
			continue
		}
		for _, status := range pod.Status.ContainerStatuses {
			if status.Name == netCoreDNS && status.State.Running != nil {
				starts = append(starts, status.State.Running.StartedAt.Time)
			}
		}
	}
	return starts
}

// netStartedAfter reports whether a DNS pod was started, and runs, since a change.
func netStartedAfter(s *snapshot.Snapshot, changed time.Time) bool {
	return slices.ContainsFunc(netStarts(s), func(start time.Time) bool { return start.After(changed) })
}

// netUpstream is where questions about all other names are sent on to, "" when nothing says so.
func netUpstream(text string) string {
	forwards, err := corefile.Forwarders(text)
	if err != nil {
		return ""
	}
	for _, forward := range forwards {
		if forward.Zone == "." {
			return strings.Join(forward.To, ", ")
		}
	}
	return ""
}
