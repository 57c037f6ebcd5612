package fluxconfig

import "github.com/fairlead/fairlead"

// The marks of what fluxconfig-controller makes. LabelName holds the configuration, LabelApplier the namespace whose account
// something belongs to: configurations of one namespace share it. LabelOwner holds the UID of the FluxConfig, by which a configuration
// is told from one of the same name that was forgotten and has left its objects behind.
const (
	LabelManaged = "clusterconfig.azure.com/is-managed"
	LabelName    = "clusterconfig.azure.com/name"
	LabelApplier = "clusterconfig.azure.com/applier-of"
	LabelOwner   = "clusterconfig.azure.com/owner-uid"
	// AnnotationMade is on a namespace that was not there before.
	AnnotationMade = "clusterconfig.azure.com/created-by"
	// AnnotationRequested makes Flux look at an object at once, whenever its value is another. Flux repeats the value in the status.
	AnnotationRequested = "reconcile.fluxcd.io/requestedAt"
)

// Applier is the account as which Flux applies what is in a configuration's namespace.
const Applier = "flux-applier"

// Managed selects all that fluxconfig-controller makes, and Of what it makes of configurations of one name.
const Managed = LabelManaged + "=true"

// Of selects what was made for a configuration, or for earlier ones of its name: Object.Owns tells which.
func Of(configuration string) string { return LabelName + "=" + configuration }

// KustomizationName is the name in the cluster of a kustomization of a configuration.
func KustomizationName(configuration, kustomization string) string {
	return configuration + "-" + kustomization
}

// AuthSecret is the name of the Secret by which the source of a configuration is read.
func AuthSecret(configuration string) string { return configuration + "-auth" }

// LoginSecret is the name of the Secret with the login of a registry. It has a name of its own since a Secret cannot change its type.
func LoginSecret(configuration string) string { return configuration + "-login" }

// TrustSecret is the name of the Secret with the authorities that vouch for a registry.
func TrustSecret(configuration string) string { return configuration + "-ca" }

// SourceKind is what Flux calls the source: Azure's blobs are a bucket there.
func SourceKind(spec fairlead.FluxSpec) string {
	if spec.SourceKind == fairlead.SourceAzureBlob {
		return fairlead.SourceBucket
	}
	return spec.SourceKind
}
