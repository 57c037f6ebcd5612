package fairlead

// Names of what lives in a connected cluster. They are those of Azure Arc-enabled Kubernetes,
// because guides, runbooks and the az client look for them.
const (
	AgentNamespace      = "azure-arc"
	ReleaseNamespace    = "azure-arc-release"
	ReleaseName         = "azure-arc"
	ChartName           = "azure-arc-k8sagents"
	ClusterConfigMap    = "azure-clusterconfig"
	IdentitySecret      = "azure-identity-certificate"
	OnboardingKeySecret = "azure-arc-connect-privatekey" //nolint:gosec // the name of a Secret, not a secret
	OnboardingKeyField  = "privateKey"                   // PKCS#1 PEM, as az writes it
	ChartRepository     = "azurearck8s/batch1/stable/v2/" + ChartName
	ImageRepository     = "azurearck8s/fairlead"

	// What cluster connect needs: the certificates between its two agents, and the policy of the cluster's owner.
	KubeAADProxySecret = "kube-aad-proxy-certificate" //nolint:gosec // the name of a Secret, not a secret
	ConnectPolicy      = "cluster-connect-policy"
)

// The agents, by the names of their Deployments.
const (
	ClusterIdentityOperator = "clusteridentityoperator"
	ClusterMetadataOperator = "cluster-metadata-operator"
	ConfigAgent             = "config-agent"
	ControllerManager       = "controller-manager"
	MetricsAgent            = "metrics-agent"
	ClusterConnectAgent     = "clusterconnect-agent"
	KubeAADProxy            = "kube-aad-proxy"
	ExtensionManager        = "extension-manager"
	ExtensionEvents         = "extension-events-collector"
	FluxLogsAgent           = "flux-logs-agent"
	EdgeAgent               = "edge-agent" // all of the above in one pod: profile edge

	// Extension microsoft.flux brings these, into its own namespace.
	FluxConfigAgent      = "fluxconfig-agent"
	FluxConfigController = "fluxconfig-controller"

	// On clusters of type managedClusters two pods in kube-system do the same.
	ExtensionAgent    = "extension-agent"
	ExtensionOperator = "extension-operator"
)

// Keys of ConfigMap azure-clusterconfig.
const (
	KeySubscription  = "AZURE_SUBSCRIPTION_ID"
	KeyResourceGroup = "AZURE_RESOURCE_GROUP"
	KeyResourceName  = "AZURE_RESOURCE_NAME"
	KeyTenant        = "AZURE_TENANT_ID"
	KeyRegion        = "AZURE_REGION"
	KeyEnvironment   = "AZURE_ENVIRONMENT"
	KeyClusterType   = "CLUSTER_TYPE" // ClusterConnected or ClusterManaged
	KeyAutoUpdate    = "AZURE_ARC_AUTOUPDATE"
	KeyDataPlane     = "CONFIG_DP_ENDPOINT" // base URL of the hub's data plane
	KeyDistribution  = "KUBERNETES_DISTRO"
	KeyInfra         = "KUBERNETES_INFRA"
)

// Values of KeyClusterType.
const (
	ClusterConnected = "ConnectedClusters"
	ClusterManaged   = "ManagedClusters"
)

// CommandLineApp is the application id under which the command line signs people in.
const CommandLineApp = "7a6f2f0e-3f0d-4d39-9d0b-5f1a7c0be7f4"
