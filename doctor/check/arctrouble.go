package check

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

// arcTroubles returns what is wrong with the agents. Jobs and bare pods in their namespace are not agents.
func arcTroubles(s *snapshot.Snapshot) []workload.Trouble {
	return slices.DeleteFunc(workload.Find(s, arcSpace, nil), func(t workload.Trouble) bool {
		return t.Workload.Kind == "" || t.Workload.Kind == "Job"
	})
}

// arcEntry names the entry that a trouble of an agent belongs to, of whatever area.
func arcEntry(s *snapshot.Snapshot, t workload.Trouble) string {
	proxy, extensions := t.Workload.Name == arcProxy, t.Workload.Name == arcExtensions
	if extForeign(s, t) {
		return "HLM-04"
	}
	switch t.Kind {
	case workload.Crash, workload.OutOfMemory, workload.ConfigError, workload.StartError:
		return "ARC-05"
	case workload.Mount:
		if arcAwaitsCertificate(t) {
			return "ARC-12"
		}
		return "ARC-05"
	case workload.Stuck:
		if proxy && arcLacksSecret(s, arcProxySecret) && arcMountsProxySecret(s) {
			return "ARC-12"
		}
		return "ARC-04"
	case workload.Pull:
		return "ARC-07"
	case workload.Insufficient:
		if extensions {
			return "EXT-02"
		}
		return "ARC-06"
	case workload.PodSecurity:
		if proxy {
			return "ARC-11"
		}
	default: // another area's, or ARC-04
	}
	return arcElsewhere(s, t)
}

// arcAwaitsCertificate reports whether an agent of cluster connect waits for its certificates: their Secret is missing or, where
// the chart makes it and clusteridentityoperator has not filled it, empty.
func arcAwaitsCertificate(t workload.Trouble) bool {
	return t.Workload.Name == arcProxy && strings.Contains(t.Message, arcProxySecret) ||
		(t.Workload.Name == arcProxy || t.Workload.Name == arcConnect) && strings.Contains(t.Message, "references non-existent secret key")
}

// arcElsewhere names the entries of other areas.
func arcElsewhere(s *snapshot.Snapshot, t workload.Trouble) string {
	switch t.Kind {
	case workload.Taint:
		if extCriticalOnly(s, t) {
			return "EXT-09"
		}
		return "EXT-04"
	case workload.Selector:
		return "HLM-04"
	case workload.Quota:
		return "EXT-02"
	case workload.PodSecurity, workload.Policy, workload.LimitRange, workload.Refused:
		return "EXT-03"
	default:
		return "ARC-04"
	}
}

// arcOf returns the troubles of the agents that belong to one entry.
func arcOf(s *snapshot.Snapshot, id string) []workload.Trouble {
	return slices.DeleteFunc(arcTroubles(s), func(t workload.Trouble) bool { return arcEntry(s, t) != id })
}

// arcIdentityAgent reports whether a workload is the one that obtains the cluster's identity.
func arcIdentityAgent(name string) bool {
	return name == fairlead.ClusterIdentityOperator || name == fairlead.EdgeAgent
}

// arcOperatorAfter names the entries that keep the agent that obtains the identity from its work. That it is merely not ready explains
// nothing: it is ready when it has an identity.
func arcOperatorAfter(s *snapshot.Snapshot) []string {
	var ids []string
	for _, t := range arcTroubles(s) {
		if arcIdentityAgent(t.Workload.Name) && t.Kind != workload.NotReady && !t.Serving {
			if id := arcEntry(s, t); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	for _, name := range arcMissing(s) {
		if arcIdentityAgent(name) {
			ids = append(ids, "ARC-03")
		}
	}
	return ids
}

// arcGather makes one finding of the troubles that share a key.
func arcGather(troubles []workload.Trouble, key func(workload.Trouble) string) []doctor.Finding {
	var order []string
	groups := map[string][]workload.Trouble{}
	for _, t := range troubles {
		k := key(t)
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], t)
	}
	var found []doctor.Finding
	for _, k := range order {
		found = append(found, arcGroup(k, groups[k]))
	}
	return found
}

func arcGroup(key string, troubles []workload.Trouble) doctor.Finding {
	finding := doctor.Finding{Status: doctor.Warn, Severity: doctor.Medium, Key: key, Scope: arcScope(troubles)}
	var names []string
	for _, t := range troubles {
		if !t.Serving {
			finding.Status, finding.Severity = doctor.Fail, ""
		}
		if object := t.Object(); !slices.Contains(finding.Objects, object) {
			finding.Objects = append(finding.Objects, object)
		}
		if name := arcName(t); !slices.Contains(names, name) {
			names = append(names, name)
		}
		finding.Evidence = arcSay(finding.Evidence, t.Evidence())
	}
	if finding.Status == doctor.Warn {
		finding.Evidence = append(finding.Evidence, doctor.Evidence{
			Source: "status", Object: troubles[0].Workload.String(), Text: "other pods of the same workload do its work",
		})
	}
	finding.Args = map[string]string{"agents": strings.Join(names, ", ")}
	return finding
}

// arcName is the workload's name, with its namespace where that is not the agents'.
func arcName(t workload.Trouble) string {
	object := t.Workload
	if object.Kind == "" {
		object = t.Object()
	}
	if object.Namespace == arcSpace {
		return object.Name
	}
	return object.Namespace + "/" + object.Name
}

// arcSay adds evidence, unless there is enough or it was said before.
func arcSay(all []doctor.Evidence, more doctor.Evidence) []doctor.Evidence {
	const enough = 6
	if more.Text == "" || len(all) >= enough || slices.ContainsFunc(all, func(e doctor.Evidence) bool { return e.Text == more.Text }) {
		return all
	}
	return append(all, more)
}

// arcScope is the namespace of all troubles, or empty when they are in more than one.
func arcScope(troubles []workload.Trouble) string {
	scope := troubles[0].Object().Namespace
	for _, t := range troubles {
		if t.Object().Namespace != scope {
			return ""
		}
	}
	return scope
}

// arcEach makes a command for each of the first few objects.
func arcEach(objects []doctor.Object, command func(doctor.Object) string) []string {
	const few = 3
	var commands []string
	for _, object := range objects {
		if text := command(object); text != "" && len(commands) < few && !slices.Contains(commands, text) {
			commands = append(commands, text)
		}
	}
	return commands
}

// arcDescribe looks closer at an object.
func arcDescribe(o doctor.Object) string {
	return "kubectl describe " + strings.ToLower(o.Kind) + " " + o.Name + " -n " + o.Namespace
}
