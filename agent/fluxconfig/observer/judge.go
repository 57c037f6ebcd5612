package observer

import (
	"cmp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// view is all that there is of Flux in the cluster: objects by KIND/NAMESPACE/NAME.
type view map[string]*Object

func key(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }

// mostObjects bounds what is reported of one configuration, so that its object stays one that the API server takes.
const mostObjects = 150

// judgement is a configuration as Flux sees it.
type judgement struct {
	state   fairlead.FluxState
	failing []fault // by their own fault, those on which others stand first
	own     int     // objects that are the configuration's, and not applied by it
	found   map[string]int
}

// fault is an object that fails, and what has applied it; nil for one that was made for the configuration.
type fault struct {
	*Object

	by *fairlead.FluxReference
}

// judge turns what Flux says of the objects of a configuration into its state.
func (v view) judge(object *fluxconfig.Object) fairlead.FluxState {
	j := judgement{state: fairlead.FluxState{ObservedGeneration: object.Spec.Generation}, found: map[string]int{}}
	if made := object.Status.Applied; made != nil {
		j.state.RepositoryPublicKey = made.PublicKey
	}
	j.look(v, object)
	j.sum(object)
	j.provision(object)
	j.state.ErrorMessage = j.words(object)
	return j.state
}

// of finds what was made for a configuration. What one of its name has left there by force says nothing of this one before
// fluxconfig-controller has taken it over.
func (v view) of(object *fluxconfig.Object, kind, name string) *Object {
	if found := v[key(kind, object.Spec.Namespace, name)]; found != nil && object.Owns(found) {
		return found
	}
	return nil
}

// look reports the source, the kustomizations, and the objects of Flux that these have applied.
func (j *judgement) look(v view, object *fluxconfig.Object) {
	source := v.of(object, fluxconfig.SourceKind(object.Spec), object.Name)
	if source != nil {
		j.add(source, source.compliance(), nil)
		if artifact := source.Status.Artifact; artifact != nil {
			j.state.SourceSyncedCommitID, j.state.SourceUpdatedAt = artifact.Revision, artifact.updated()
		}
	}
	for _, name := range ordered(object.Spec.Kustomizations) {
		k := v.of(object, "Kustomization", fluxconfig.KustomizationName(object.Name, name))
		if k == nil {
			continue
		}
		j.add(k, k.after(source), nil)
		j.applied(v, k, map[string]bool{key(k.Kind, k.Namespace, k.Name): true})
	}
}

// applied reports what a kustomization has applied, and what that has.
func (j *judgement) applied(v view, by *Object, seen map[string]bool) {
	if by.Status.Inventory == nil {
		return
	}
	for _, entry := range by.Status.Inventory.Entries {
		found := v[entry.key()]
		if found == nil || seen[entry.key()] {
			continue
		}
		seen[entry.key()] = true
		j.add(found, found.compliance(), &fairlead.FluxReference{Name: by.Name, Namespace: by.Namespace})
		j.applied(v, found, seen)
	}
}

// key is that of a view. In an ID names are separated by underscores, which they cannot hold, but those of some cluster-wide kinds.
func (e Entry) key() string {
	parts := strings.Split(e.ID, "_")
	if len(parts) != 4 {
		return ""
	}
	return key(parts[3], parts[0], parts[1])
}

func (j *judgement) add(object *Object, compliance string, by *fairlead.FluxReference) {
	if compliance == fairlead.FluxNonCompliant {
		j.failing = append(j.failing, fault{object, by})
	}
	if by == nil {
		j.own++
	}
	if by == nil || compliance != fairlead.FluxSuspended { // what others made and suspended is their affair
		j.found[compliance]++
	}
	if len(j.state.Statuses) < mostObjects {
		j.state.Statuses = append(j.state.Statuses, object.report(compliance, by))
	}
}

// sum says how the configuration is as a whole: as its worst object, reported or not.
func (j *judgement) sum(object *fluxconfig.Object) {
	missing := 1 + len(object.Spec.Kustomizations) - j.own
	switch made := object.Status.Applied; {
	case object.Spec.Suspend:
		j.state.ComplianceState = fairlead.FluxSuspended
	case len(j.failing) > 0 || made != nil && made.Error != "":
		j.state.ComplianceState = fairlead.FluxNonCompliant
	case j.found[fairlead.FluxSuspended] > 0:
		j.state.ComplianceState = fairlead.FluxSuspended
	case missing > 0 || j.found[fairlead.FluxPending] > 0 || made == nil || made.Generation != object.Spec.Generation:
		j.state.ComplianceState = fairlead.FluxPending
	default:
		j.state.ComplianceState = fairlead.FluxCompliant
	}
}

// provision says how far the wish of the hub is carried out.
func (j *judgement) provision(object *fluxconfig.Object) {
	made := object.Status.Applied
	j.state.ProvisioningState = fairlead.ExtensionCreating
	if before := object.Status.ProvisioningState; before != "" && before != fairlead.ExtensionCreating {
		j.state.ProvisioningState = fairlead.ExtensionUpdating
	}
	switch {
	case object.Going():
		j.state.ProvisioningState = fairlead.ExtensionDeleting
	case made == nil || made.Generation != object.Spec.Generation:
	case made.Error != "":
		j.state.ProvisioningState = fairlead.ExtensionFailed
	case !object.Spec.WaitForReconciliation || object.Spec.Suspend || succeeded(object):
		j.state.ProvisioningState = fairlead.ExtensionSucceeded
	case j.state.ComplianceState == fairlead.FluxNonCompliant:
		j.state.ProvisioningState = fairlead.ExtensionFailed
	case j.state.ComplianceState != fairlead.FluxPending:
		j.state.ProvisioningState = fairlead.ExtensionSucceeded
	}
}

// succeeded reports whether this wish has been carried out once: what goes wrong later is a matter of compliance.
func succeeded(object *fluxconfig.Object) bool {
	return object.Status.ProvisioningState == fairlead.ExtensionSucceeded && object.Status.ObservedGeneration == object.Spec.Generation
}

// ordered are the names of kustomizations, each after those on which it depends.
func ordered(all map[string]fairlead.FluxKustomization) []string {
	depth := map[string]int{}
	var measure func(name string, above int) int
	measure = func(name string, above int) int {
		if known, ok := depth[name]; ok || above > len(all) { // a circle has no end
			return known
		}
		deepest := 0
		for _, other := range all[name].DependsOn {
			deepest = max(deepest, 1+measure(other, above+1))
		}
		depth[name] = deepest
		return deepest
	}
	names := make([]string, 0, len(all))
	for name := range all {
		measure(name, 0)
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(a, b)) })
	return names
}
