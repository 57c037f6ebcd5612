package chart_test

import (
	"fmt"
	"strings"
	"testing"

	"helm.sh/helm/v4/pkg/strvals"

	"github.com/fairlead/fairlead"
)

// set parses what the az client passes with --set, in its order.
func set(t *testing.T, given map[string]any, flags ...string) map[string]any {
	t.Helper()
	for _, flag := range flags {
		if err := strvals.ParseInto(flag, given); err != nil {
			t.Fatalf("%s: %v", flag, err)
		}
	}
	return given
}

// fromAz are the flags of a connect, those of the client's own making first and those from the hub after them.
func fromAz() []string {
	return []string{
		"global.kubernetesDistro=generic", "global.kubernetesInfra=None", "systemDefaultValues.spnOnboarding=false",
		"global.azureEnvironment=FAIRLEAD", "systemDefaultValues.clusterconnect-agent.enabled=true",
		"global.kubeAadEndpoint=7c0b.k8sproxysvc.connectrp.azs", "systemDefaultValues.azureResourceManagerEndpoint=https://arm.hub.example.org",
		"systemDefaultValues.azureArcAgents.config_dp_endpoint_override=https://dp.hub.example.org",
		"systemDefaultValues.clusterconnect-agent.notification_dp_endpoint_override=https://gns.hub.example.org",
		"systemDefaultValues.clusterconnect-agent.relay_endpoint_suffix_override=.relay.hub.example.org",
		"systemDefaultValues.clusteridentityoperator.his_endpoint_override=https://his.hub.example.org/discovery?location=local&api-version=1.0-preview",
		"systemDefaultValues.activeDirectoryEndpoint=https://login.arc.hub.example.org", "systemDefaultValues.image.repository=registry.hub.example.org",
		"global.subscriptionId=0aaa", "global.resourceGroupName=shops", "global.resourceName=quay-1", "global.location=local", "global.tenantId=0bbb",
		"systemDefaultValues.azureArcAgents.config_dp_endpoint_override=https://hub.example.org",
		"systemDefaultValues.customLocations.enabled=true", "systemDefaultValues.customLocations.oid=bc31",
	}
}

func TestEverythingThatAzPassesIsTaken(t *testing.T) {
	found, err := render(t, set(t, map[string]any{}, fromAz()...))
	if err != nil {
		t.Fatal(err)
	}
	data := found["ConfigMap azure-arc/"+fairlead.ClusterConfigMap].Data
	want := map[string]string{
		fairlead.KeyEnvironment: "FAIRLEAD", fairlead.KeyDistribution: "generic", fairlead.KeyInfra: "",
		fairlead.KeyDataPlane: "https://hub.example.org", fairlead.KeyAutoUpdate: "false", fairlead.KeyResourceName: "quay-1",
	}
	for key, value := range want {
		if got := data[key]; got != value {
			t.Errorf("%s = %q, want %q", key, got, value)
		}
	}
}

// az writes the values of a release back by --set when it upgrades, booleans as Python has them.
func TestValuesSurviveAnUpgradeByAz(t *testing.T) {
	given := set(t, map[string]any{}, append(fromAz(), "systemDefaultValues.azureArcAgents.autoUpdate=true", `global.noProxy=10.0.0.0/8\,.svc`)...)
	first, err := render(t, given)
	if err != nil {
		t.Fatal(err)
	}
	again := set(t, map[string]any{}, flatten("", given)...)
	second, err := render(t, again)
	if err != nil {
		t.Fatal(err)
	}
	for key, o := range first {
		if second[key].raw != o.raw {
			t.Errorf("%s changed:\n%s\n%s", key, o.raw, second[key].raw)
		}
	}
	data := second["ConfigMap azure-arc/"+fairlead.ClusterConfigMap].Data
	if data[fairlead.KeyAutoUpdate] != "true" {
		t.Errorf("%s = %q, which az compares with true", fairlead.KeyAutoUpdate, data[fairlead.KeyAutoUpdate])
	}
}

func flatten(prefix string, values map[string]any) []string {
	var flags []string
	for key, value := range values {
		switch inner := value.(type) {
		case map[string]any:
			flags = append(flags, flatten(prefix+key+".", inner)...)
		case bool:
			text := fmt.Sprint(inner)
			flags = append(flags, prefix+key+"="+strings.ToUpper(text[:1])+text[1:])
		default:
			flags = append(flags, prefix+key+"="+strings.ReplaceAll(fmt.Sprint(inner), ",", `\,`))
		}
	}
	return flags
}
