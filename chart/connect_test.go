package chart_test

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

// withFeatures renders the chart with features switched on or off as the az client and Helm write it.
func withFeatures(t *testing.T, profile string, connect, azureRBAC any) map[string]object {
	t.Helper()
	given := values(map[string]any{"profile": profile})
	system := given["systemDefaultValues"].(map[string]any)
	if connect != nil {
		system["clusterconnect-agent"] = map[string]any{"enabled": connect}
	}
	system["guard"] = map[string]any{"enabled": azureRBAC}
	found, err := render(t, given)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// ofConnect are the objects that are there for cluster connect alone, with what of the agents' rights is.
func ofConnect(found map[string]object) []string {
	var names []string
	for key, o := range found {
		if strings.Contains(key, "kube-aad-proxy") || strings.Contains(key, "clusterconnect") || strings.Contains(key, "fairlead:arc:") {
			names = append(names, key)
		} else if strings.Contains(o.raw, "impersonate") || strings.Contains(o.raw, "kube-aad-proxy-certificate") || strings.Contains(o.raw, "tokenreviews") {
			names = append(names, "in "+key)
		}
	}
	slices.Sort(names)
	return names
}

func bindings() []string {
	return []string{
		"ClusterRoleBinding fairlead:arc:admin", "ClusterRoleBinding fairlead:arc:cluster-admin", "ClusterRoleBinding fairlead:arc:edit",
		"ClusterRoleBinding fairlead:arc:view",
	}
}

func TestClusterConnectIsThereOrGone(t *testing.T) {
	standard := []string{
		"ClusterRole azure-arc-kube-aad-proxy", "ClusterRoleBinding azure-arc-kube-aad-proxy",
		"Deployment azure-arc/clusterconnect-agent", "Deployment azure-arc/kube-aad-proxy", "NetworkPolicy azure-arc/kube-aad-proxy",
		"Role azure-arc/azure-arc-kube-aad-proxy", "RoleBinding azure-arc/azure-arc-kube-aad-proxy", "Secret azure-arc/kube-aad-proxy-certificate",
		"Service azure-arc/kube-aad-proxy", "ServiceAccount azure-arc/azure-arc-clusterconnect-agent-sa",
		"ServiceAccount azure-arc/azure-arc-kube-aad-proxy-sa", "in Role azure-arc/azure-arc-clusteridentityoperator",
	}
	edge := []string{"in ClusterRole azure-arc-edge-agent"}
	cases := map[string]struct {
		reason, profile string
		connect, rbac   any
		want            []string
	}{
		"Default":         {"as in the original", "standard", nil, false, standard},
		"On":              {"az says so", "standard", true, "false", standard},
		"OffByHelm":       {"nothing is left of it", "standard", false, false, nil},
		"OffByAz":         {"as Python writes it", "standard", "False", false, nil},
		"OffAnyway":       {"azure-rbac without cluster connect is nothing", "standard", false, true, nil},
		"AzureRBAC":       {"the four bindings", "standard", true, true, append(slices.Clone(standard), bindings()...)},
		"AzureRBACByAz":   {"as Python writes it", "standard", "True", "True", append(slices.Clone(standard), bindings()...)},
		"Edge":            {"one pod, no certificate", "edge", true, false, edge},
		"EdgeOff":         {"no right is left", "edge", false, true, nil},
		"EdgeAndAzureRBC": {"both", "edge", true, true, append(slices.Clone(edge), bindings()...)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			found := withFeatures(t, c.profile, c.connect, c.rbac)
			slices.Sort(c.want)
			if got := ofConnect(found); !slices.Equal(got, c.want) {
				t.Errorf("%s:\n%s\nwant:\n%s", c.reason, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestAgentsAreToldOfFeatures(t *testing.T) {
	for _, c := range []struct{ connect, rbac, wantConnect, wantRBAC string }{
		{"true", "true", "true", "true"}, {"True", "False", "true", "false"}, {"false", "true", "false", "false"},
	} {
		data := withFeatures(t, "standard", c.connect, c.rbac)["ConfigMap azure-arc/"+fairlead.ClusterConfigMap].Data
		if data["AZURE_ARC_CLUSTER_CONNECT"] != c.wantConnect || data["AZURE_ARC_AZURE_RBAC"] != c.wantRBAC {
			t.Errorf("%+v: %v", c, data)
		}
	}
}

// Each end of the tunnel has its own certificate only, and the bridge has no token at all.
func TestPodsOfClusterConnectHoldNoMoreThanTheyNeed(t *testing.T) {
	found := mustRender(t, nil)
	for deployment, want := range map[string]struct {
		keys, mounts []string
		token        bool
	}{
		fairlead.KubeAADProxy:        {[]string{"ca.crt", "hub-ca.crt", "tls.crt", "tls.key"}, []string{"/etc/kube-aad-proxy"}, true},
		fairlead.ClusterConnectAgent: {[]string{"ca.crt", "hub-ca.crt", "client.crt", "client.key"}, []string{"/etc/kube-aad-proxy", "/etc/azure-identity"}, false},
		fairlead.ConfigAgent:         {nil, nil, true},
	} {
		var read struct {
			Spec struct {
				Template struct {
					Spec struct {
						Token      bool `json:"automountServiceAccountToken"`
						Containers []struct {
							Mounts []struct {
								Path     string `json:"mountPath"`
								ReadOnly bool   `json:"readOnly"`
							} `json:"volumeMounts"`
						} `json:"containers"`
						Volumes []struct {
							Secret struct {
								Items []struct{ Key string } `json:"items"`
							} `json:"secret"`
						} `json:"volumes"`
					} `json:"spec"`
				} `json:"template"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal([]byte(found["Deployment azure-arc/"+deployment].raw), &read); err != nil {
			t.Fatal(err)
		}
		pod := read.Spec.Template.Spec
		var keys, mounts []string
		for _, volume := range pod.Volumes {
			for _, item := range volume.Secret.Items {
				keys = append(keys, item.Key)
			}
		}
		for _, mount := range pod.Containers[0].Mounts {
			if mounts = append(mounts, mount.Path); !mount.ReadOnly {
				t.Errorf("%s may write to %s", deployment, mount.Path)
			}
		}
		if !slices.Equal(keys, want.keys) || !slices.Equal(mounts, want.mounts) || pod.Token != want.token {
			t.Errorf("%s: keys %q, mounts %q, token %t", deployment, keys, mounts, pod.Token)
		}
	}
}

func TestGroupsOfLevelsAreBoundToKubernetesRoles(t *testing.T) {
	found := withFeatures(t, "standard", true, true)
	for _, key := range bindings() {
		var binding struct {
			RoleRef  struct{ Kind, Name string }
			Subjects []struct{ Kind, Name, APIGroup string }
		}
		if err := yaml.Unmarshal([]byte(found[key].raw), &binding); err != nil {
			t.Fatal(err)
		}
		level := strings.TrimPrefix(key, "ClusterRoleBinding fairlead:arc:")
		if binding.RoleRef.Kind != "ClusterRole" || binding.RoleRef.Name != level || len(binding.Subjects) != 1 ||
			binding.Subjects[0].Kind != "Group" || binding.Subjects[0].Name != "fairlead:arc:"+level {
			t.Errorf("%s: %+v", key, binding)
		}
	}
}
