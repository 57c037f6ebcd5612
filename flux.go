package fairlead

import "time"

// What the hub wants of a Flux configuration is a custom resource of this kind in namespace azure-arc. Its status is
// fluxconfig-agent's and fluxconfig-controller's.
const (
	FluxConfigVersion = "clusterconfig.azure.com/v1beta1"
	FluxConfigKind    = "FluxConfig"
	// FluxConfigFinalizer stays on a FluxConfig until what it made is gone.
	FluxConfigFinalizer = "clusterconfig.azure.com/fluxconfig-controller"
	// FluxSecretPrefix begins the name of the Secret with a configuration's protected settings, one key a setting.
	FluxSecretPrefix = "flux-settings-"
	// FluxExtensionType is the extension that runs Flux and our agents for it, FluxExtension its name where it is installed by
	// itself, FluxNamespace where it runs.
	FluxExtensionType = "microsoft.flux"
	FluxExtension     = "flux"
	FluxNamespace     = "flux-system"
	// FluxChartRepository is where the hub's own registry has the chart, with the hub's version as its tag.
	FluxChartRepository = "charts/" + FluxExtensionType
	// FluxImageSetting is the one setting that the hub gives the chart by itself: HOST of the registry that has ImageRepository.
	FluxImageSetting = "systemDefaultValues.image.repository"
)

// OpFluxStatus is the operation by which config-agent reports, relative to DataPlanePath.
const OpFluxStatus = "fluxConfigurations/postStatuses" // POST []FluxReport, from config-agent

// The kinds of sources, as sourceKind names them. OCIRepository is newer than the API version that most clients speak.
const (
	SourceGit       = "GitRepository"
	SourceBucket    = "Bucket"
	SourceAzureBlob = "AzureBlob"
	SourceOCI       = "OCIRepository"
)

// FluxSpec is the spec of a FluxConfig: the properties of a fluxConfiguration as its API has them, without what the hub adds
// when it shows one. Exactly the source that SourceKind names is set.
type FluxSpec struct {
	// Generation counts the hub's changes of this configuration; a status says which it is about.
	Generation    int64  `json:"generation"`
	CorrelationID string `json:"correlationId,omitempty"`

	Scope      string `json:"scope"`     // ScopeCluster or ScopeNamespace
	Namespace  string `json:"namespace"` // where the Flux objects are; made when it is missing
	SourceKind string `json:"sourceKind"`
	Suspend    bool   `json:"suspend"`

	GitRepository *FluxGit    `json:"gitRepository,omitempty"`
	Bucket        *FluxBucket `json:"bucket,omitempty"`
	AzureBlob     *FluxBlob   `json:"azureBlob,omitempty"`
	OCIRepository *FluxOCI    `json:"ociRepository,omitempty"`

	Kustomizations map[string]FluxKustomization `json:"kustomizations,omitempty"`
	// ProtectedSettings names the Secret with what authenticates to the source: httpsKey, sshPrivateKey, bucket keys and so on.
	// Nil when there are none.
	ProtectedSettings *ProtectedSettings `json:"protectedSettings,omitempty"`
	// WaitForReconciliation makes the operation end with the first reconciliation instead of with the objects' creation.
	WaitForReconciliation bool `json:"waitForReconciliation,omitempty"`
}

// FluxRhythm is how often a source or a kustomization is looked at and how long one look may take, in seconds; 0 means 600.
type FluxRhythm struct {
	SyncIntervalInSeconds int64 `json:"syncIntervalInSeconds,omitempty"`
	TimeoutInSeconds      int64 `json:"timeoutInSeconds,omitempty"`
}

// FluxGit is a Git repository, over https or ssh. The hub writes git@HOST:PATH as ssh://git@HOST/PATH, which Flux wants.
type FluxGit struct {
	FluxRhythm
	URL           string      `json:"url"`
	RepositoryRef *FluxGitRef `json:"repositoryRef,omitempty"`
	SSHKnownHosts string      `json:"sshKnownHosts,omitempty"` // base64 of known_hosts lines
	HTTPSUser     string      `json:"httpsUser,omitempty"`
	// HTTPSCACert is base64 of PEM.
	HTTPSCACert string `json:"httpsCACert,omitempty"` //nolint:tagliatelle // the original's name
	// LocalAuthRef names a Secret in the configuration's namespace that is used as it is.
	LocalAuthRef string `json:"localAuthRef,omitempty"`
}

// FluxGitRef says which commit of a repository; of several Flux takes commit, then semver, tag and branch.
type FluxGitRef struct {
	Branch string `json:"branch,omitempty"`
	Tag    string `json:"tag,omitempty"`
	SemVer string `json:"semver,omitempty"`
	Commit string `json:"commit,omitempty"`
}

// FluxBucket is a bucket of an S3-compatible store. The access key is plain, its secret protected (bucketSecretKey).
type FluxBucket struct {
	FluxRhythm
	URL          string `json:"url"`
	BucketName   string `json:"bucketName"`
	Insecure     bool   `json:"insecure,omitempty"`
	AccessKey    string `json:"accessKey,omitempty"`
	LocalAuthRef string `json:"localAuthRef,omitempty"`
}

// FluxBlob is a container of Azure Blob storage. What authenticates is protected.
type FluxBlob struct {
	FluxRhythm
	URL              string                `json:"url"`
	ContainerName    string                `json:"containerName"`
	LocalAuthRef     string                `json:"localAuthRef,omitempty"`
	ManagedIdentity  *FluxManagedIdentity  `json:"managedIdentity,omitempty"`
	ServicePrincipal *FluxServicePrincipal `json:"servicePrincipal,omitempty"`
}

// FluxManagedIdentity names the identity of the cluster's nodes that reads the store.
type FluxManagedIdentity struct {
	ClientID string `json:"clientId,omitempty"`
}

// FluxServicePrincipal is an application that reads the store; its secret or certificate is protected.
type FluxServicePrincipal struct {
	ClientID                   string `json:"clientId,omitempty"`
	TenantID                   string `json:"tenantId,omitempty"`
	ClientCertificateSendChain bool   `json:"clientCertificateSendChain,omitempty"`
}

// FluxOCI is an artifact in an OCI registry.
type FluxOCI struct {
	FluxRhythm
	URL           string      `json:"url"` // oci://HOST/PATH
	RepositoryRef *FluxOCIRef `json:"repositoryRef,omitempty"`
	Insecure      bool        `json:"insecure,omitempty"`
	LocalAuthRef  string      `json:"localAuthRef,omitempty"`
	// TLSCACert is base64 of PEM of authorities that vouch for the registry.
	TLSCACert string `json:"tlsCACert,omitempty"` //nolint:tagliatelle // as httpsCACert
}

// FluxOCIRef says which artifact; of several Flux takes digest, then semver and tag.
type FluxOCIRef struct {
	Tag    string `json:"tag,omitempty"`
	SemVer string `json:"semver,omitempty"`
	Digest string `json:"digest,omitempty"`
}

// FluxKustomization is a folder of the source that is applied. DependsOn are names of kustomizations of the same configuration.
type FluxKustomization struct {
	FluxRhythm
	Path                   string         `json:"path"`
	DependsOn              []string       `json:"dependsOn,omitempty"`
	RetryIntervalInSeconds int64          `json:"retryIntervalInSeconds,omitempty"` // 0 means as often as SyncIntervalInSeconds
	Prune                  bool           `json:"prune,omitempty"`
	Force                  bool           `json:"force,omitempty"`
	Wait                   *bool          `json:"wait,omitempty"` // for readiness of what is applied; nil means true
	PostBuild              *FluxPostBuild `json:"postBuild,omitempty"`
}

// FluxPostBuild replaces ${NAME} in what is applied.
type FluxPostBuild struct {
	Substitute     map[string]string    `json:"substitute,omitempty"`
	SubstituteFrom []FluxSubstituteFrom `json:"substituteFrom,omitempty"`
}

// FluxSubstituteFrom is a ConfigMap or a Secret of names and values.
type FluxSubstituteFrom struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Optional bool   `json:"optional,omitempty"`
}

// The compliance states of a configuration and of each of its objects, in the words of the original.
const (
	FluxCompliant    = "Compliant"
	FluxNonCompliant = "Non-Compliant"
	FluxPending      = "Pending"
	FluxSuspended    = "Suspended"
)

// FluxState is the status of a FluxConfig, and what is reported of it to the hub. ProvisioningState has the words of extensions.
type FluxState struct {
	ObservedGeneration   int64        `json:"observedGeneration"`
	ProvisioningState    string       `json:"provisioningState"`
	ComplianceState      string       `json:"complianceState"`
	SourceSyncedCommitID string       `json:"sourceSyncedCommitId,omitempty"` // REF@sha1:… or as the source has it
	SourceUpdatedAt      *time.Time   `json:"sourceUpdatedAt,omitempty"`
	RepositoryPublicKey  string       `json:"repositoryPublicKey,omitempty"`
	ErrorMessage         string       `json:"errorMessage,omitempty"`
	Statuses             []FluxObject `json:"statuses,omitempty"`
	StatusUpdatedAt      time.Time    `json:"statusUpdatedAt"`
}

// FluxObject is one object in the cluster that the configuration made or that its kustomizations applied.
type FluxObject struct {
	Name            string          `json:"name"`
	Namespace       string          `json:"namespace,omitempty"`
	Kind            string          `json:"kind"`
	ComplianceState string          `json:"complianceState"`
	AppliedBy       *FluxReference  `json:"appliedBy,omitempty"`
	Conditions      []FluxCondition `json:"statusConditions,omitempty"`
	HelmRelease     *FluxHelm       `json:"helmReleaseProperties,omitempty"`
}

// FluxReference names an object of a kind that is known from where it stands.
type FluxReference struct {
	Name      string `json:"name"`
	Namespace string `json:"namespace,omitempty"`
}

// FluxCondition is a condition of an object.
type FluxCondition struct {
	Type               string    `json:"type"`
	Status             string    `json:"status"`
	Reason             string    `json:"reason,omitempty"`
	Message            string    `json:"message,omitempty"`
	LastTransitionTime time.Time `json:"lastTransitionTime"`
}

// FluxHelm is what a HelmRelease says of its release.
type FluxHelm struct {
	LastRevisionApplied int64          `json:"lastRevisionApplied"`
	FailureCount        int64          `json:"failureCount"`
	InstallFailureCount int64          `json:"installFailureCount"`
	UpgradeFailureCount int64          `json:"upgradeFailureCount"`
	HelmChartRef        *FluxReference `json:"helmChartRef,omitempty"`
}

// The codes of the error of a failed operation; the outer one is CodeResourceOperationFailure.
const (
	CodeFluxCreationFailed = "FluxConfigurationCreationFailed"
	CodeFluxUpdateFailed   = "FluxConfigurationUpdateFailed"
	CodeFluxDeletionFailed = "FluxConfigurationDeletionFailed"
	// CauseFluxExtension is that the extension that runs Flux is not there, or could not be installed.
	CauseFluxExtension = "FluxExtensionNotReady"
	// CauseFlux is what the cluster says in FluxState.ErrorMessage.
	CauseFlux = "FluxConfigurationFailed"
)

// FluxReport is one entry of OpFluxStatus. Unknown says that the hub did not ask for this configuration, or not any more.
type FluxReport struct {
	Name    string    `json:"name"`
	State   FluxState `json:"state"`
	Unknown bool      `json:"unknown,omitempty"`
}

// The protected settings of a Flux configuration, in the words of the original. The original's clients send them as base64; the hub
// decodes that, so that a cluster gets each as it is to be used: a key in PEM, a password, a certificate in PEM or PKCS#12.
const (
	FluxHTTPSKey      = "httpsKey"
	FluxSSHPrivateKey = "sshPrivateKey"
	FluxBucketSecret  = "bucketSecretKey"
	FluxBlobKey       = "accountKey"
	FluxBlobSAS       = "sasToken"
	FluxSPSecret      = "clientSecret"
	FluxSPCertificate = "clientCertificate"
	FluxSPPassword    = "clientCertificatePassword"
	FluxOCIUser       = "ociUser"
	FluxOCIPassword   = "ociPassword"
)
