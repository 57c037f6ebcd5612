package cli

import (
	"context"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// forgotten is what stays in a cluster when the hub forgets an extension.
type forgotten struct {
	Name             string `json:"name"`
	ReleaseName      string `json:"releaseName"`
	ReleaseNamespace string `json:"releaseNamespace,omitempty"`
	Message          string `json:"message"`
}

func forgottenColumns() []column {
	return []column{{title: "Name", path: "name"}, {title: "Release", path: "releaseName"}, {title: "Namespace", path: "releaseNamespace"}}
}

// extensionForget has the hub forget an extension and says what stays in the cluster.
func (s *session) extensionForget(ctx context.Context, hub *signedIn, id fairlead.ResourceID, document client.Document) error {
	begun, err := hub.BeginForcedDelete(ctx, id)
	if err != nil {
		return err
	}
	if err := begun.Wait(ctx, nil); err != nil { // the hub answers as the original does, without a word
		return err
	}
	left := leftBehind(id, document)
	s.warn("%s", left.Message)
	uninstall := "helm uninstall " + left.ReleaseName
	if left.ReleaseNamespace != "" {
		uninstall += " --namespace " + left.ReleaseNamespace
	}
	return s.tell(id.Name()+" is forgotten. If it was installed, remove it with the cluster's kubeconfig:\n  "+uninstall, left, forgottenColumns())
}

// leftBehind says what an extension has left in its cluster, from its last document.
func leftBehind(id fairlead.ResourceID, document client.Document) forgotten {
	cluster, _ := fairlead.ParseResourceID(id.Scope)
	left := forgotten{Name: id.Name(), ReleaseName: id.Name()}
	var shown struct {
		Properties struct {
			Scope struct {
				Cluster   struct{ ReleaseNamespace string }
				Namespace struct{ TargetNamespace string }
			}
		}
	}
	if client.Decode(document, &shown) == nil {
		left.ReleaseNamespace = first(shown.Properties.Scope.Cluster.ReleaseNamespace, shown.Properties.Scope.Namespace.TargetNamespace)
	}
	left.Message = "the hub has forgotten " + left.Name + "; its Helm release and all that the release made stay in " + cluster.Name()
	return left
}
