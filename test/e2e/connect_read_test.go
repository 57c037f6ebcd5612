package e2e_test

// reads are operations that change nothing: both ways see the same objects.
func reads() []operation {
	return []operation{
		{name: "Table", steps: do("get namespaces kube-system still kit", "get nodes -o wide", "get pods -A -o wide", "get all -n kit --show-labels")},
		{name: "JSON", raw: true, steps: do("get configmaps -n still -o json", "get configmap one -n still -o json --show-managed-fields", "get pods,services -n kit -o json")},
		{name: "YAML", raw: true, steps: do("get configmaps -n still -o yaml", "get clusterroles -o yaml", "get deployment kit -n kit -o yaml --show-managed-fields")},
		{name: "Names", raw: true, steps: do("get configmaps -n still -o name", "get clusterroles,namespaces -o name")},
		{name: "Templates", raw: true, steps: do(
			"get configmaps -n still -o jsonpath='{range .items[*]}{.metadata.name}={.data.key};{end}'", "get configmaps -n still -o custom-columns=N:.metadata.name,D:.data",
			"get configmaps -n still -o go-template='{{range .items}}{{.metadata.uid}} {{end}}'")},
		{name: "Chunks", raw: true, steps: do("get clusterroles --chunk-size=7 -o name", "get clusterroles --chunk-size=7 -o json", "get clusterroles --chunk-size=0 -o name")},
		{name: "Selectors", raw: true, steps: do(
			"get configmaps -n still -l side=odd -o name", "get configmaps -n still -l 'side in (odd,even)' -o name", "get pods -A --field-selector=metadata.name=talks -o name",
			"get configmaps -n still --sort-by=.data.key -o name", "! get configmaps -n still -l '!!' -o name")},
		{name: "RawPaths", raw: true, steps: do(
			"get --raw /healthz", "get --raw /readyz?verbose", "get --raw /livez/ping", "get --raw /version", "get --raw /", "get --raw /api", "get --raw /apis", "get --raw /api/v1",
			"get --raw /apis/apps/v1", "get --raw '/api/v1/namespaces/still/configmaps?labelSelector=side%3Dodd'", "! get --raw /nowhere", "! get --raw /api/v1/namespaces/still/configmaps/none")},
		{name: "Resources", raw: true, steps: do("api-resources -o wide", "api-resources --namespaced=false -o name", "api-versions")},
		{name: "Explain", raw: true, steps: do("explain pods.spec.containers --recursive", "explain deployment.spec", "explain horizontalpodautoscaler", "! explain nonsense")},
		{name: "Version", raw: true, steps: do("version", "version -o json")},
		{name: "ClusterInfo", steps: do("cluster-info")},
		{name: "Rights", raw: true, steps: do("auth whoami", "auth whoami -o jsonpath={.status}", "auth can-i '*' '*'", "auth can-i --list")},
		{name: "Describe", steps: do("describe configmap one -n still", "describe pod talks -n kit", "describe service kit -n kit", "describe clusterrole view")},
		{name: "Events", steps: do("get events -n kit --field-selector=involvedObject.name=talks,reason=Created", "events -n kit --for pod/talks --types=Normal")},
		{name: "NotFound", raw: true, steps: do("! get configmap none -n still", "get pods -n none", "! get nonsense", "! describe pod none", "! logs none -n kit", "! exec none -n kit -- /kit cat")},
		{name: "MetricsMissing", raw: true, steps: do("! top nodes", "! top pods -n kit", "! get --raw /apis/metrics.k8s.io/v1beta1/nodes")},
		{name: "AggregatedAPI", raw: true, steps: do("get greetings -n kit", "get greeting hello -n kit -o json", "get greetings -A -o yaml", "get apiservice v1.kit.fairlead.test -o jsonpath='{.status.conditions[0].reason}'", "! get greeting none -n kit")},
		{name: "Logs", raw: true, steps: do(
			"logs talks -n kit -c lines", "logs talks -n kit -c other", "logs talks -n kit -c other --prefix", "logs talks -n kit -c lines --tail=5 --timestamps", "logs talks -n kit -c lines --limit-bytes=1000",
			"logs deployment/kit -n kit", "logs -l app=kit -n kit --tail=1", "! logs talks -n kit -c none")},
		{name: "Exec", raw: true, steps: execs()},
		{name: "ServiceProxy", raw: true, steps: do("get --raw /api/v1/namespaces/kit/services/kit:80/proxy/a/b?c=d", "! get --raw /api/v1/namespaces/kit/services/none:80/proxy/")},
		{name: "NodeProxy", raw: true, steps: do("! get --raw /api/v1/nodes/none/proxy/healthz")},
		{name: "Documents", raw: true, steps: do("get --raw /openapi/v3", "get --raw /.well-known/openid-configuration", "get --raw /openid/v1/jwks")},
		{name: "WatchShort", steps: do("get configmaps -n still --watch --output-watch-events --request-timeout=2s -o name", "! wait --for=delete configmap/one -n still --timeout=1s")},
	}
}

func execs() []step {
	return []step{
		{"exec deployment/kit -n kit -- /kit exit 0", ""},
		{"! exec deployment/kit -n kit -- /kit exit 7", ""},
		{"! exec deployment/kit -n kit -- /kit exit 255", ""},
		{"! exec deployment/kit -n kit -- /kit nonsense", ""},
		{"! exec deployment/kit -n kit -- /no/such/file", ""},
		{"exec -i deployment/kit -n kit -- /kit cat", "a line\nanother line\n"},
		{"exec -i deployment/kit -n kit -- /kit sum", ""},
		{"! exec talks -c other -n kit -- /kit exit 4", ""},
		{"! exec talks -c none -n kit -- /kit exit 0", ""},
	}
}
