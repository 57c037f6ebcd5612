package check

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// arcDeletionPatience is how long a definition may take to go: its objects go first.
const arcDeletionPatience = time.Minute

func arcForeignDefinitions() doctor.Check {
	return doctor.Check{
		ID: "ARC-17", Severity: doctor.High, Asked: true,
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Definitions)},
		Uses:  append(arcReleaseNeeds(), snapshot.In(arcSpace, snapshot.Deployments), arcConfigNeed()),
		Applies: func(s *snapshot.Snapshot) string {
			if !arcInstalled(s) && arcNeighbour(s) {
				return doctor.NotInstalled // such as AKS, whose own extension manager has some of these definitions
			}
			return ""
		},
		AppliesNeeds: []snapshot.Need{snapshot.In("kube-system", snapshot.Deployments), snapshot.In(arcSpace, snapshot.Deployments)},
		Eval:         judgeArcDefinitions,
	}
}

// arcDefinitions are the definitions that the agents' chart brings.
func arcDefinitions() []string {
	return []string{
		"arccertificates.clusterconfig.azure.com", "azureclusteridentityrequests.clusterconfig.azure.com",
		"azureextensionidentities.clusterconfig.azure.com", "customlocationsettings.clusterconfig.azure.com",
		"extensionconfigs.clusterconfig.azure.com", "gitconfigs.clusterconfig.azure.com", "connectedclusters.arc.azure.com",
	}
}

func judgeArcDefinitions(s *snapshot.Snapshot) []doctor.Finding {
	foreign := doctor.Finding{Status: doctor.Fail, Key: "foreign"}
	stuck := doctor.Finding{Status: doctor.Fail, Key: "stuck"}
	if release, ok := arcRelease(s); ok && release.Status == "deployed" {
		foreign.Status, foreign.Severity = doctor.Warn, doctor.Medium // the next upgrade will stumble over them
	}
	var owners []string
	for i := range s.Definitions {
		definition := &s.Definitions[i]
		object := doctor.Object{Kind: "CustomResourceDefinition", Name: definition.GetName()}
		if !slices.Contains(arcDefinitions(), definition.GetName()) {
			continue
		}
		if since, going := arcGoing(definition); going && s.Taken.Sub(since) > arcDeletionPatience {
			stuck.Objects = append(stuck.Objects, object)
			stuck.Evidence = arcSay(stuck.Evidence, doctor.Evidence{
				Source: "status", Object: object.String(), Text: "deleted, and kept by " + strings.Join(definition.GetFinalizers(), ", "), Time: since,
			})
			continue
		}
		if owner := definition.GetAnnotations()["meta.helm.sh/release-name"]; owner != "" && owner != fairlead.ReleaseName {
			foreign.Objects = append(foreign.Objects, object)
			if owner = definition.GetAnnotations()["meta.helm.sh/release-namespace"] + "/" + owner; !slices.Contains(owners, owner) {
				owners = append(owners, owner)
			}
		}
	}
	foreign.Args = map[string]string{"owners": strings.Join(owners, ", ")}
	return arcDefinitionFindings(foreign, stuck)
}

func arcGoing(definition *unstructured.Unstructured) (time.Time, bool) {
	at := definition.GetDeletionTimestamp()
	if at == nil {
		return time.Time{}, false
	}
	return at.Time, true
}

func arcDefinitionFindings(foreign, stuck doctor.Finding) []doctor.Finding {
	var found []doctor.Finding
	if len(foreign.Objects) > 0 {
		foreign.Remedies = []doctor.Remedy{{Key: "owner", Risk: doctor.Manual, Commands: arcEach(foreign.Objects, func(o doctor.Object) string {
			return "kubectl get customresourcedefinition " + o.Name + " -o yaml"
		})}}
		found = append(found, foreign)
	}
	if len(stuck.Objects) > 0 {
		stuck.Remedies = []doctor.Remedy{{Key: "finalizers", Risk: doctor.Manual, Commands: arcEach(stuck.Objects, func(o doctor.Object) string {
			return "kubectl get " + o.Name + " -A"
		})}}
		found = append(found, stuck)
	}
	return found
}
