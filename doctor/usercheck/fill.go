package usercheck

import (
	"regexp"
	"slices"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

var identifier = regexp.MustCompile(`^[a-z][A-Za-z0-9_]{0,30}$`)

// fill gives a run the variables that its expressions name.
func (j *judge) fill(r *run, s *snapshot.Snapshot) error {
	used := j.uses()
	r.variables[nowName] = s.Taken
	for _, v := range variables() {
		if !slices.Contains(used, v.name) {
			continue
		}
		list, err := j.view.list(s, v.name, v.list)
		if err != nil {
			return err
		}
		r.variables[v.name] = j.only(v, list)
	}
	if slices.Contains(used, customName) {
		custom, err := j.custom(s)
		if err != nil {
			return err
		}
		r.variables[customName] = custom
	}
	if slices.Contains(used, serverName) {
		server := map[string]any{}
		if err := plain(s.Server, &server); err != nil {
			return err
		}
		r.variables[serverName] = server
	}
	return nil
}

// only keeps what the check asks for.
func (j *judge) only(v variable, list []any) []any {
	if v.name == logsName {
		return slices.DeleteFunc(slices.Clone(list), func(item any) bool { return !j.wantsLog(item) })
	}
	var needs []snapshot.Need
	for _, n := range j.needs {
		if n.Resource == v.resource {
			needs = append(needs, n)
		}
	}
	return asked(list, needs)
}

func (j *judge) wantsLog(item any) bool {
	log, _ := item.(map[string]any)
	namespace, _ := log["namespace"].(string)
	pod, _ := log["pod"].(string)
	return slices.ContainsFunc(j.logs, func(n snapshot.LogNeed) bool { return n.Matches(snapshot.Log{Namespace: namespace, Pod: pod}) })
}

// custom has a list for every custom resource that is needed, also when the cluster serves no such thing.
func (j *judge) custom(s *snapshot.Snapshot) (map[string]any, error) {
	all := map[string]any{}
	for _, resource := range j.customs() {
		list, err := j.view.list(s, string(resource), func(s *snapshot.Snapshot) any { return objects(s.Custom[resource]) })
		if err != nil {
			return nil, err
		}
		all[string(resource)] = j.only(variable{resource: resource}, list)
	}
	return all, nil
}
