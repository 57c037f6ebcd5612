package chart_test

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
)

const adminBinding = "azure-arc-extension-manager-admin"

// withExtensions renders the chart with extensions switched on or off as clients write it.
func withExtensions(t *testing.T, profile string, enabled any) map[string]object {
	t.Helper()
	given := values(map[string]any{"profile": profile})
	given["systemDefaultValues"].(map[string]any)["extensions"] = map[string]any{"enabled": enabled}
	found, err := render(t, given)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOnlyTheOneWhoInstallsMayDoAnything(t *testing.T) {
	for profile, account := range map[string]string{"standard": "azure-arc-extension-manager-sa", "edge": "azure-arc-edge-agent-sa"} {
		var bound []string
		for _, o := range mustRender(t, map[string]any{"profile": profile}) {
			var binding struct {
				RoleRef  struct{ Name string }
				Subjects []struct{ Name string }
			}
			if o.Kind != "ClusterRoleBinding" || yaml.Unmarshal([]byte(o.raw), &binding) != nil || binding.RoleRef.Name != "cluster-admin" {
				continue
			}
			for _, subject := range binding.Subjects {
				bound = append(bound, o.Metadata.Name+" "+subject.Name)
			}
		}
		if want := []string{adminBinding + " " + account}; !slices.Equal(bound, want) {
			t.Errorf("%s: cluster-admin are %q, want %q", profile, bound, want)
		}
	}
}

// The definition stays: without it the cluster would forget what is installed.
func TestExtensionsCanBeSwitchedOff(t *testing.T) {
	for _, off := range []any{false, "false", "False"} {
		for _, profile := range []string{"standard", "edge"} {
			for key, o := range withExtensions(t, profile, off) {
				if o.Kind == "CustomResourceDefinition" {
					continue
				}
				if strings.Contains(o.raw, "extension-") || strings.Contains(o.raw, "extensionconfigs") || strings.Contains(o.raw, "pods/log") {
					t.Errorf("%v: %s of profile %s still has to do with extensions", off, key, profile)
				}
			}
		}
	}
	on := withExtensions(t, "standard", "True")
	if _, found := on["Deployment "+fairlead.AgentNamespace+"/"+fairlead.ExtensionManager]; !found {
		t.Error("the word True does not switch them on")
	}
}

// The pods' names are those of AKS, and nothing of theirs is anywhere but where its system's own things are.
func TestManagedClustersHaveTwoPods(t *testing.T) {
	for _, profile := range []string{"standard", "edge"} {
		found := mustRender(t, map[string]any{"clusterType": "managedClusters", "profile": profile})
		if got, want := deployments(found), []string{fairlead.ExtensionAgent, fairlead.ExtensionOperator}; !slices.Equal(got, want) {
			t.Errorf("%s: Deployments %q, want %q", profile, got, want)
		}
		for key, o := range found {
			if space := o.Metadata.Namespace; space != "" && space != "kube-system" && space != fairlead.ReleaseNamespace || o.Kind == "Namespace" {
				t.Errorf("%s is rendered", key)
			}
			if strings.Contains(o.raw, "CriticalAddonsOnly") {
				t.Errorf("%s tolerates the taint of nodes that are for others", key)
			}
		}
		if got := found["ConfigMap kube-system/"+fairlead.ClusterConfigMap].Data[fairlead.KeyClusterType]; got != fairlead.ClusterManaged {
			t.Errorf("cluster type %q", got)
		}
		args := found["Deployment kube-system/"+fairlead.ExtensionOperator].Spec.Template.Spec.Containers[0].Args
		if want := []string{"agent", fairlead.ExtensionManager, fairlead.ExtensionEvents, fairlead.FluxLogsAgent, "--namespace", "kube-system"}; !slices.Equal(args, want) {
			t.Errorf("args %q, want %q", args, want)
		}
	}
}

// Where one replaces the other, there are never two of those that install.
func TestTheOneWhoInstallsIsReplacedNotJoined(t *testing.T) {
	raw := mustRender(t, nil)["Deployment azure-arc/"+fairlead.ExtensionManager].raw
	for _, want := range []string{"type: Recreate", "mountPath: /var/cache/charts", "value: 320MiB", "memory: 384Mi"} {
		if !strings.Contains(raw, want) {
			t.Errorf("%s is missing in\n%s", want, raw)
		}
	}
}
