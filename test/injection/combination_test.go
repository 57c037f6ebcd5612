package injection_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// free are failures none of which explains or hides another one. What heals them leaves it to the end to install the agents again.
func free() map[string]injection {
	return map[string]injection{
		"Crash":             {id: "ARC-05", inject: crashAgent, heal: deleteDeployment("metrics-agent")},
		"Unpulled":          {id: "ARC-07", inject: foreignImage("flux-logs-agent"), heal: deleteDeployment("flux-logs-agent")},
		"ScaledToZero":      {id: "ARC-04", inject: scale("resource-sync-agent", "0"), heal: scale("resource-sync-agent", "1")},
		"DeploymentMissing": {id: "ARC-03", inject: deleteDeployment("controller-manager")},
		"WrongSystem":       {id: "HLM-04", inject: selectSystem("extension-events-collector"), heal: deleteDeployment("extension-events-collector")},
		"Tainted":           {id: "EXT-04", inject: taintedNode, heal: untaintedNode},
		"ForeignDefinition": {id: "ARC-17", inject: foreignDefinition, heal: dropDefinition},
		"MissingSecret":     {id: "HLM-05", inject: appIsThere(missingSecret()), heal: dropApp},
		"NoPlace":           {id: "EXT-02", inject: hungryAgent("extension-manager"), heal: deleteDeployment("extension-manager")},
		"ProxyCertificate":  {id: "ARC-12", inject: dropProxyCertificate, heal: deleteDeployment("kube-aad-proxy")},
	}
}

// runCombinations brings about pairs and triples of failures and wants every root, and no other.
func (b *bench) runCombinations() {
	all := free()
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	random := rand.New(rand.NewPCG(3, 14)) // the same combinations each time
	for i := range 10 {
		random.Shuffle(len(names), func(a, b int) { names[a], names[b] = names[b], names[a] })
		chosen := slices.Clone(names[:2+i%2])
		b.t.Run(strings.Join(chosen, "+"), func(t *testing.T) { b.on(t).together(all, chosen) })
	}
}

func (b *bench) together(all map[string]injection, chosen []string) {
	defer b.rescue()
	var ids []string
	defer func() {
		for _, name := range chosen {
			if heal := all[name].heal; heal != nil {
				heal(b)
			}
		}
		restoreSecrets(b)
		b.settled()
		b.healthy()
	}()
	for _, name := range chosen {
		all[name].inject(b)
		ids = append(ids, all[name].id)
	}
	slices.Sort(ids)
	b.found(injection{id: strings.Join(ids, " ")})
}

func foreignImage(name string) func(*bench) {
	return func(b *bench) {
		b.patch(name, `[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"mcr.microsoft.com/azurearck8s/agent:1.29.3"}]`)
	}
}

func selectSystem(name string) func(*bench) {
	return func(b *bench) {
		b.patch(name, `[{"op":"add","path":"/spec/template/spec/nodeSelector","value":{"kubernetes.io/os":"windows"}}]`)
	}
}

func taintedNode(b *bench) {
	b.fenced("dedicated", "gpu", nil)
	b.patch("cluster-metadata-operator", `[{"op":"add","path":"/spec/template/spec/nodeSelector","value":{"example.test/fenced":"yes"}}]`)
}

func untaintedNode(b *bench) {
	dropNode(b)
	deleteDeployment("cluster-metadata-operator")(b)
}

func dropDefinition(b *bench) {
	b.kubectl("delete", "crd", "extensionconfigs.clusterconfig.azure.com")
}

// runStorage keeps the agents' release in a ConfigMap for a while.
func (b *bench) runStorage() {
	defer b.record("SELF-03")
	b.must(b.Uninstall(stage.Namespace, stage.Release))
	b.Driver = "configmap"
	defer func() {
		b.must(b.Uninstall(stage.Namespace, stage.Release))
		b.Driver = ""
		restoreSecrets(b)
		b.healthy()
	}()
	restoreSecrets(b)
	b.settled()
	b.found(injection{id: "SELF-03"})
	b.warns("SELF-03")
}
