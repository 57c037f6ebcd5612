package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	// How many intervals an object may miss.
	fluxIntervals = 3
	// The least time that anything gets, whatever its interval.
	fluxSlow = 5 * time.Minute
)

func fluxNotReady() doctor.Check {
	return fluxPart(doctor.Check{
		ID: "FLX-10", Severity: doctor.Medium, Uses: append(fluxObjectNeeds(), snapshot.Everywhere(snapshot.Deployments)),
		Eval: func(s *snapshot.Snapshot) []doctor.Finding {
			return unlessUnseen(s, judgeFluxObjects(s), fluxObjectNeeds()...)
		},
	})
}

func judgeFluxObjects(s *snapshot.Snapshot) []doctor.Finding {
	all := fluxObjects(s)
	wrong := map[doctor.Object]*fluxObject{}
	for i := range all {
		if o := &all[i]; !o.Suspended && (o.failing() && !fluxWaits(all, o) || o.late(s.Taken) != "") {
			wrong[o.Object] = o
		}
	}
	var found []doctor.Finding
	for i := range all {
		o := &all[i]
		if wrong[o.Object] != nil && fluxRoot(wrong, o) == o {
			found = fluxAdd(found, fluxFinding(s, wrong, all, o))
		}
	}
	return append(found, fluxSuspended(all)...)
}

// fluxWaits reports whether an object only waits for others of its kind that are on their way, as its own wait is: that will pass.
// Its source has nothing to do with it: Flux looks at dependencies first.
func fluxWaits(all []fluxObject, o *fluxObject, behind ...*fluxObject) bool {
	if o.Ready.Reason != "DependencyNotReady" || slices.Contains(behind, o) {
		return false
	}
	waits := false
	for _, name := range o.Upstream {
		if name.Kind != o.Object.Kind {
			continue
		}
		i := slices.IndexFunc(all, func(up fluxObject) bool { return up.Object == name })
		if i < 0 || all[i].Suspended || all[i].failing() && !fluxWaits(all, &all[i], append(behind, o)...) {
			return false
		}
		waits = true
	}
	return waits
}

// fluxRoot follows what an object waits for to the first that is wrong by itself.
func fluxRoot(wrong map[doctor.Object]*fluxObject, o *fluxObject) *fluxObject {
	seen := map[*fluxObject]bool{}
	for !seen[o] {
		seen[o] = true
		next := fluxNext(wrong, o)
		if next == o {
			return o
		}
		o = next
	}
	// A circle: the member with the first name stands for all, wherever one begins.
	first := o
	for at := fluxNext(wrong, o); at != o; at = fluxNext(wrong, at) {
		if at.Object.String() < first.Object.String() {
			first = at
		}
	}
	return first
}

// fluxNext is the first of what an object waits for that is wrong, or the object itself.
func fluxNext(wrong map[doctor.Object]*fluxObject, o *fluxObject) *fluxObject {
	for _, up := range o.Upstream {
		if at := wrong[up]; at != nil && at != o {
			return at
		}
	}
	return o
}

// late says in which way Flux is behind with an object, empty when it is not.
func (o *fluxObject) late(now time.Time) string {
	allowed := max(fluxIntervals*o.Interval, fluxSlow)
	created := o.meta.GetCreationTimestamp().Time
	switch {
	case o.failing():
		return ""
	case o.Ready.Status == "":
		if now.Sub(created) > allowed {
			return "never"
		}
	case o.Ready.Status != "True":
		if now.Sub(o.Ready.Since) > max(allowed, 2*fluxSlow) {
			return "stuck"
		}
	case o.behind() && now.Sub(created) > fluxSlow:
		return "behind"
	}
	if last, ok := fluxReconciled(o.meta); ok && o.Interval > 0 && now.Sub(last) > allowed+fluxSlow {
		return "stale"
	}
	return ""
}

func (o *fluxObject) behind() bool {
	seen, ok, _ := unstructured.NestedInt64(o.meta.Object, "status", "observedGeneration")
	return ok && seen < o.meta.GetGeneration()
}

// fluxReconciled is when the object was reconciled last; only newer versions of Flux write it down.
func fluxReconciled(u *unstructured.Unstructured) (time.Time, bool) {
	history, _, _ := unstructured.NestedSlice(u.Object, "status", "history")
	var last time.Time
	for _, raw := range history {
		entry, _ := raw.(map[string]any)
		text, _ := entry["lastReconciled"].(string)
		if at, err := time.Parse(time.RFC3339, text); err == nil && at.After(last) {
			last = at
		}
	}
	return last, !last.IsZero()
}

func fluxFinding(s *snapshot.Snapshot, wrong map[doctor.Object]*fluxObject, all []fluxObject, root *fluxObject) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "notReady", Scope: root.Scope, Objects: []doctor.Object{root.Object},
		Args:     map[string]string{"kind": root.Object.Kind, "name": root.Object.Name, "namespace": root.Object.Namespace, "count": "0"},
		Evidence: []doctor.Evidence{root.evidence(strings.TrimPrefix(root.Ready.Reason+": "+root.Ready.Message, ": "))},
		After:    fluxCauses(root),
		Remedies: []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: []string{fluxCommand("describe", root.Object)}}},
	}
	if late := root.late(s.Taken); late != "" {
		finding.Key, finding.Scope = late, "" // controllers anywhere may be the reason
		finding.After = []string{"FLX-04", "FLX-02", "FLX-08", "FLX-03", "ARC-07", "EXT-09", "EXT-04", "HLM-04"}
		if root.Ready.Status == "True" {
			finding.Status, finding.Severity = doctor.Warn, doctor.Low
		}
		finding.Evidence = []doctor.Evidence{root.evidence(fluxProgress(root))}
	}
	dependants := 0
	for i := range all {
		if o := &all[i]; o != root && wrong[o.Object] != nil && fluxRoot(wrong, o) == root {
			dependants++
			finding.Objects = append(finding.Objects, o.Object)
			finding.Evidence = arcSay(finding.Evidence, o.evidence(o.Ready.Reason+": "+o.Ready.Message))
		}
	}
	if dependants > 0 {
		finding.Args["count"] = strconv.Itoa(dependants)
		if finding.Key == "notReady" {
			finding.Key = "notReadyOthersWait"
		}
	}
	return finding
}

func fluxProgress(o *fluxObject) string {
	seen, _, _ := unstructured.NestedInt64(o.meta.Object, "status", "observedGeneration")
	text := "generation " + strconv.FormatInt(o.meta.GetGeneration(), 10) + ", observed " + strconv.FormatInt(seen, 10)
	if last, ok := fluxReconciled(o.meta); ok {
		text += ", reconciled last " + last.UTC().Format(time.RFC3339)
	}
	if o.Ready.Status != "" {
		text += ", Ready=" + o.Ready.Status + " " + o.Ready.Reason + " " + o.Ready.Message
	}
	return strings.TrimSpace(text)
}

// fluxCauses names the entries that explain why an object is not ready.
func fluxCauses(o *fluxObject) []string {
	var ids []string
	if id, _, ok := explain.Classify(o.Ready.Message); ok && id != "FLX-10" && !strings.HasPrefix(id, "CLI") && !strings.HasPrefix(id, "SELF") {
		ids = append(ids, id)
	}
	message := strings.ToLower(o.Ready.Message)
	if o.Object.Kind == "HelmRelease" && (strings.Contains(message, "deadline exceeded") || strings.Contains(message, "timed out waiting") || strings.Contains(message, "backofflimitexceeded")) {
		ids = append(ids, "HLM-02", "HLM-04", "EXT-09", "EXT-04", "EXT-03", "HLM-03", "HLM-05", "HLM-01")
	}
	if strings.HasPrefix(o.Object.Kind, "Git") || strings.HasSuffix(o.Object.Kind, "Repository") || o.Object.Kind == "Bucket" {
		ids = append(ids, extNetworkCause(o.Ready.Message)...)
	}
	return ids
}

// fluxAdd puts an object that fails with the same words beside the others.
func fluxAdd(found []doctor.Finding, f doctor.Finding) []doctor.Finding {
	for i := range found {
		at := &found[i]
		if f.Key != "notReady" && at.Key == f.Key && at.Key != "notReadyOthersWait" || f.Key == at.Key && f.Evidence[0].Text == at.Evidence[0].Text && f.Scope == at.Scope {
			at.Objects = append(at.Objects, f.Objects...)
			at.Evidence = arcSay(at.Evidence, f.Evidence[0])
			if f.Status == doctor.Fail {
				at.Status, at.Severity = f.Status, f.Severity
			}
			return found
		}
	}
	return append(found, f)
}

// fluxSuspended tells what somebody stopped on purpose, and may have forgotten.
func fluxSuspended(all []fluxObject) []doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Warn, Severity: doctor.Low, Key: "suspended", Remedies: []doctor.Remedy{{Key: "resume", Risk: doctor.Manual}},
	}
	for i := range all {
		o := &all[i]
		if !o.Suspended {
			continue
		}
		finding.Objects = append(finding.Objects, o.Object)
		finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: o.Object.String(), Text: "suspend: true"})
	}
	finding.Remedies[0].Commands = arcEach(finding.Objects, func(o doctor.Object) string {
		return fluxCommand("patch", o) + ` --type=merge -p '{"spec":{"suspend":false}}'`
	})
	if len(finding.Objects) == 0 {
		return nil
	}
	return []doctor.Finding{finding}
}

// fluxCommand names the resource in full: other groups have kinds of the same names.
func fluxCommand(verb string, o doctor.Object) string {
	for _, r := range fluxKinds() {
		if fluxKindName(r) == o.Kind {
			return "kubectl " + verb + " " + string(r) + " " + o.Name + " -n " + o.Namespace
		}
	}
	return "kubectl " + verb + " " + strings.ToLower(o.Kind) + " " + o.Name + " -n " + o.Namespace
}
