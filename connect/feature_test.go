package connect

import (
	"maps"
	"slices"
	"testing"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// released is a release whose chart has cluster connect on and the rest off.
func released(values map[string]any) *releasev1.Release {
	defaults := map[string]any{}
	put(defaults, valueConnect, true)
	put(defaults, valueRBAC, false)
	put(defaults, valueCustomLocations, false)
	put(defaults, valueCustomOID, "")
	return &releasev1.Release{Config: values, Chart: &chartv2.Chart{Values: defaults}}
}

func said(pairs ...any) map[string]any {
	values := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		put(values, name, pairs[i+1])
	}
	return values
}

func TestStateOfFeatures(t *testing.T) {
	cases := map[string]struct {
		reason string
		values map[string]any
		want   []Feature
	}{
		"Defaults": {"the chart's own", nil, []Feature{ClusterConnect}},
		"Off":      {"somebody has switched it off", said(valueConnect, false), nil},
		"Text":     {"az writes booleans as text", said(valueConnect, "False", valueRBAC, "True"), []Feature{AzureRBAC}},
		"Null":     {"null is the chart's own", said(valueConnect, nil), []Feature{ClusterConnect}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			change := FeatureChange{after: released(c.values)}
			var on []Feature
			for _, one := range Features() {
				if change.State()[one] {
					on = append(on, one)
				}
			}
			if !slices.Equal(on, c.want) {
				t.Errorf("%s: on are %v, want %v", c.reason, on, c.want)
			}
		})
	}
}

func TestClusterConnectStaysWhileCustomLocationsNeedIt(t *testing.T) {
	id := fairlead.ConnectedClusterID("sub", "shops", "edge-1")
	located := said(valueCustomLocations, true, valueCustomOID, "oid")
	cases := map[string]struct {
		reason   string
		before   map[string]any
		to       Switch
		features []Feature
		code     string
	}{
		"Needed":    {"az's rule", located, Off, []Feature{ClusterConnect}, "FeatureNeeded"},
		"Together":  {"both go", located, Off, []Feature{ClusterConnect, CustomLocations}, ""},
		"NoOID":     {"az lets it go when there is no object id", said(valueCustomLocations, true), Off, []Feature{ClusterConnect}, ""},
		"NotNeeded": {"nothing needs it", nil, Off, []Feature{ClusterConnect}, ""},
		"On":        {"switching on takes nothing away", located, On, []Feature{ClusterConnect}, ""},
		"Other":     {"another feature", located, Off, []Feature{AzureRBAC}, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			change := FeatureChange{ID: id, Features: c.features, To: c.to, before: released(c.before)}
			err := change.check()
			if (err != nil) != (c.code != "") || err != nil && fairlead.CodeOf(err) != c.code {
				t.Errorf("%s: %v, want %q", c.reason, err, c.code)
			}
		})
	}
}

func TestValuesOfFeaturesAreThoseOfAz(t *testing.T) {
	on := FeatureChange{To: On, Features: []Feature{AzureRBAC, CustomLocations}, CustomLocationsOID: "oid", SkipRBAC: "ada@example.org,bob"}
	values := on.values()
	for name, want := range map[string]any{
		valueRBAC: true, valueRBACMode: "arc", valueRBACSkip: "ada@example.org,bob", valueCustomLocations: true, valueCustomOID: "oid", valueConnect: true,
	} {
		if got, _ := find(values, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	off := FeatureChange{To: Off, Features: []Feature{ClusterConnect}}
	if got, _ := find(off.values(), valueConnect); got != false {
		t.Errorf("switched off: %v", got)
	}
	if got, found := find(off.values(), valueRBAC); found {
		t.Errorf("another feature is set to %v", got)
	}
}

func TestDeploymentsOfARelease(t *testing.T) {
	release := &releasev1.Release{Manifest: `---
# Source: a
apiVersion: v1
kind: ConfigMap
metadata: {name: kube-aad-proxy}
data: {spec: "text"}
---
apiVersion: v1
kind: Service
metadata: {name: s}
spec: {selector: {a: b}}
---
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: edge-agent}
spec: {template: {spec: {containers: [{name: edge-agent, args: [agent, config-agent, kube-aad-proxy]}]}}}
`}
	if names := slices.Sorted(maps.Keys(deployments(release))); !slices.Equal(names, []string{"edge-agent"}) {
		t.Errorf("Deployments are %v", names)
	}
	if !runs(release, "kube-aad-proxy") || runs(release, "clusterconnect-agent") || !runs(release, "edge-agent") {
		t.Error("the agents in a pod of several are not found")
	}
}

func TestRolledOut(t *testing.T) {
	deployment := func(generation, observed int64, replicas, updated, available int32) *appsv1.Deployment {
		return &appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Generation: generation},
			Status:     appsv1.DeploymentStatus{ObservedGeneration: observed, Replicas: replicas, UpdatedReplicas: updated, AvailableReplicas: available},
		}
	}
	cases := map[string]struct {
		reason string
		given  *appsv1.Deployment
		want   bool
	}{
		"Ready":    {"all is as wanted", deployment(2, 2, 1, 1, 1), true},
		"Unseen":   {"the controller has not looked yet", deployment(2, 1, 1, 1, 1), false},
		"OldLeft":  {"the old pod still runs", deployment(2, 2, 2, 1, 2), false},
		"NotReady": {"the new pod is not ready", deployment(2, 2, 1, 1, 0), false},
		"NotBegun": {"no new pod", deployment(2, 2, 1, 0, 1), false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := rolledOut(c.given); got != c.want {
				t.Errorf("%s: %v", c.reason, got)
			}
		})
	}
}

func TestAKubeconfigThatLeadsThroughTheAgentsIsRefused(t *testing.T) {
	id := fairlead.ConnectedClusterID("sub", "Shops", "edge-1")
	cases := map[string]struct {
		reason, server   string
		refused, through bool
	}{
		"Direct": {"the API server itself", "https://10.0.0.1:6443", false, false},
		"Below":  {"an API server below a path", "https://10.0.0.1/k8s/clusters/c-1", false, false},
		"Hub":    {"as get-credentials writes it", "https://hub:8443/kubernetes/subscriptions/sub/resourceGroups/shops/providers/Microsoft.Kubernetes/connectedClusters/edge-1", true, true},
		"Other":  {"another cluster is not our business", "https://hub:8443/kubernetes/subscriptions/sub/resourceGroups/shops/providers/Microsoft.Kubernetes/connectedClusters/edge-2", false, true},
		"Proxy":  {"as proxy and az write it", "https://127.0.0.1:47011/" + hashOf(id), true, true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			cluster := &Cluster{Server: c.server, Context: "c"}
			if err := cluster.direct(id); (err != nil) != c.refused {
				t.Errorf("%s: %v", c.reason, err)
			}
			// What is connected through any hub is not to be connected through itself.
			if err := cluster.throughNobody(); (err != nil) != c.through || err != nil && fairlead.KindOf(err) != fairlead.Invalid {
				t.Errorf("%s, at connect: %v", c.reason, err)
			}
		})
	}
}
