package usercheck

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/google/cel-go/cel"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// variable is what an expression can name. Its values have the fields of the API's JSON.
type variable struct {
	name     string
	resource snapshot.Resource
	list     func(*snapshot.Snapshot) any
}

// variables returns the lists of the snapshot.
func variables() []variable {
	type s = *snapshot.Snapshot
	return []variable{
		{"nodes", snapshot.Nodes, func(s s) any { return s.Nodes }},
		{"namespaces", snapshot.Namespaces, func(s s) any { return s.Namespaces }},
		{"pods", snapshot.Pods, func(s s) any { return s.Pods }},
		{"services", snapshot.Services, func(s s) any { return s.Services }},
		{"events", snapshot.Events, func(s s) any { return s.Events }},
		{"configMaps", snapshot.ConfigMaps, func(s s) any { return s.ConfigMaps }},
		{"secrets", snapshot.Secrets, func(s s) any { return s.Secrets }},
		{"resourceQuotas", snapshot.ResourceQuotas, func(s s) any { return s.ResourceQuotas }},
		{"limitRanges", snapshot.LimitRanges, func(s s) any { return s.LimitRanges }},
		{"deployments", snapshot.Deployments, func(s s) any { return s.Deployments }},
		{"replicaSets", snapshot.ReplicaSets, func(s s) any { return s.ReplicaSets }},
		{"daemonSets", snapshot.DaemonSets, func(s s) any { return s.DaemonSets }},
		{"jobs", snapshot.Jobs, func(s s) any { return s.Jobs }},
		{"endpointSlices", snapshot.EndpointSlices, func(s s) any { return s.EndpointSlices }},
		{"networkPolicies", snapshot.NetworkPolicies, func(s s) any { return s.NetworkPolicies }},
		{"validatingWebhooks", snapshot.ValidatingWebhooks, func(s s) any { return s.ValidatingWebhooks }},
		{"mutatingWebhooks", snapshot.MutatingWebhooks, func(s s) any { return s.MutatingWebhooks }},
		{"definitions", snapshot.Definitions, func(s s) any { return objects(s.Definitions) }},
		{"releases", snapshot.Releases, func(s s) any { return s.Releases }},
		{logsName, snapshot.Logs, func(s s) any { return s.Logs }},
	}
}

const (
	logsName   = "logs"
	customName = "custom"
	nowName    = "now"
	serverName = "server"
)

// declarations tell CEL the types of the variables.
func declarations() []cel.EnvOption {
	options := []cel.EnvOption{
		cel.Variable(customName, cel.MapType(cel.StringType, cel.ListType(cel.DynType))),
		cel.Variable(nowName, cel.TimestampType),
		cel.Variable(serverName, cel.MapType(cel.StringType, cel.DynType)),
	}
	for _, v := range variables() {
		options = append(options, cel.Variable(v.name, cel.ListType(cel.DynType)))
	}
	return options
}

// view is a snapshot as plain values. It keeps those of the last snapshot, because all checks of a run look at the same one.
type view struct {
	mutex sync.Mutex
	of    *snapshot.Snapshot
	lists map[string][]any
}

// list returns the values of a variable, or of a custom resource, as they would be in JSON.
func (v *view) list(s *snapshot.Snapshot, key string, from func(*snapshot.Snapshot) any) ([]any, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if v.of != s {
		v.of, v.lists = s, map[string][]any{}
	}
	if found, ok := v.lists[key]; ok {
		return found, nil
	}
	found := []any{}
	if err := plain(from(s), &found); err != nil {
		return nil, fmt.Errorf("read %s of the snapshot: %w", key, err)
	}
	v.lists[key] = found
	return found, nil
}

// plain turns a value into what its JSON says; whole numbers become integers.
func plain(value, into any) error {
	encoded, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return utiljson.Unmarshal(encoded, into)
}

func objects(list []unstructured.Unstructured) []map[string]any {
	all := make([]map[string]any, 0, len(list))
	for i := range list {
		all = append(all, list[i].Object)
	}
	return all
}

// asked keeps what the needs of a check ask for, so that a check sees the same whatever other checks read.
func asked(list []any, needs []snapshot.Need) []any {
	kept := []any{}
	for _, item := range list {
		object, _ := item.(map[string]any)
		if slices.ContainsFunc(needs, func(n snapshot.Need) bool { return matches(object, n) }) {
			kept = append(kept, item)
		}
	}
	return kept
}

// matches compares names where the API has them, or where releases and logs do.
func matches(object map[string]any, n snapshot.Need) bool {
	namespace, name := object["namespace"], object["name"]
	if meta, ok := object["metadata"].(map[string]any); ok {
		namespace, name = meta["namespace"], meta["name"]
	}
	return (n.Namespace == "" || n.Namespace == namespace) && (n.Name == "" || n.Name == name)
}
