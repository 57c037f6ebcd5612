package fairlead

import (
	"cmp"
	"net"
	"net/url"
	"strings"
	"time"
)

// What the hub wants of an extension is a custom resource of this kind in namespace azure-arc. Its status is extension-manager's.
const (
	ExtensionConfigVersion = "clusterconfig.azure.com/v1beta1"
	ExtensionConfigKind    = "ExtensionConfig"
	// ExtensionFinalizer stays on an ExtensionConfig until what it installed is gone.
	ExtensionFinalizer = "clusterconfig.azure.com/extension-manager"
	// ExtensionSecretPrefix begins the name of the Secret with an extension's protected settings, one key a setting.
	ExtensionSecretPrefix = "extension-settings-"
	// ExtensionRegistryPrefix begins the name of the Secret with credentials for the registry of an extension's chart.
	ExtensionRegistryPrefix = "extension-registry-"
)

// The scopes of an extension: all of the cluster with a release in ReleaseNamespace, or one namespace.
const (
	ScopeCluster   = "cluster"
	ScopeNamespace = "namespace"
)

// ExtensionSpec is the spec of an ExtensionConfig. The hub has resolved version and chart; nothing is left to decide.
type ExtensionSpec struct {
	// Generation counts the hub's changes of this extension; a status says which it is about.
	Generation int64 `json:"generation"`
	// CorrelationID is that of the request behind this generation.
	CorrelationID string `json:"correlationId,omitempty"`

	ExtensionType           string `json:"extensionType"`
	ReleaseTrain            string `json:"releaseTrain,omitempty"`
	AutoUpgradeMinorVersion bool   `json:"autoUpgradeMinorVersion"`
	Version                 string `json:"version"` // of the chart, exactly

	Scope            string `json:"scope"`            // ScopeCluster or ScopeNamespace
	ReleaseName      string `json:"releaseName"`      // of the Helm release; the extension's name
	ReleaseNamespace string `json:"releaseNamespace"` // with ScopeNamespace the target namespace

	Chart ExtensionChart `json:"chart"`
	// Settings become Helm values: keys are dotted paths as of helm --set, values are text that is a number, true, false or null
	// where it looks like one.
	Settings map[string]string `json:"settings,omitempty"`
	// ProtectedSettings names the Secret with further settings, which win over Settings. Nil when there are none.
	ProtectedSettings *ProtectedSettings `json:"protectedSettings,omitempty"`

	// Adopt lets the extension take over a release, or objects, that exist already.
	Adopt bool `json:"adopt,omitempty"`
	// TimeoutSeconds bounds the waiting for readiness; 0 means DefaultExtensionTimeout.
	TimeoutSeconds int `json:"timeoutSeconds,omitempty"`
	// KeepFailedUpgrade leaves a failed upgrade as it is. Otherwise the last good revision is restored.
	KeepFailedUpgrade bool `json:"keepFailedUpgrade,omitempty"`
}

// DefaultExtensionTimeout is how long objects of an extension may take to become ready.
const DefaultExtensionTimeout = 10 * time.Minute

// ExtensionChart is where a chart comes from: "oci://HOST/PATH", or the URL of a classic repository with the chart's name in it.
type ExtensionChart struct {
	Repository string `json:"repository"`
	Name       string `json:"name,omitempty"` // in a classic repository only
	// Digest of the chart's archive (.tgz) as sha256:…, where the hub knows it; another one is refused.
	Digest string `json:"digest,omitempty"`
	// CABundle is PEM of authorities that vouch for the repository besides the usual ones, such as the hub's own.
	CABundle string `json:"caBundle,omitempty"`
}

// Host is the host and port that a chart is fetched from over TLS, and empty when it is not fetched so: credentials are for that
// one alone.
func (c ExtensionChart) Host() string {
	place, err := url.Parse(c.Repository)
	if err != nil || place.Hostname() == "" || place.Scheme != "oci" && place.Scheme != "https" {
		return ""
	}
	return strings.ToLower(net.JoinHostPort(place.Hostname(), cmp.Or(place.Port(), "443")))
}

// ProtectedSettings refers to a Secret. Hash changes when a value does and tells nothing of it.
type ProtectedSettings struct {
	SecretName string `json:"secretName"`
	Hash       string `json:"hash"`
}

// The provisioning states of an extension, in the words of the original.
const (
	ExtensionCreating  = "Creating"
	ExtensionUpdating  = "Updating"
	ExtensionDeleting  = "Deleting"
	ExtensionSucceeded = "Succeeded"
	ExtensionFailed    = "Failed"
	// ExtensionGone is reported once when an extension that the hub had deleted has left nothing behind.
	ExtensionGone = "Deleted"
)

// ExtensionState is the status of an ExtensionConfig, and what is reported of it to the hub.
type ExtensionState struct {
	ObservedGeneration int64             `json:"observedGeneration"`
	ProvisioningState  string            `json:"provisioningState"`
	CurrentVersion     string            `json:"currentVersion,omitempty"` // of the release that runs
	ReleaseRevision    int               `json:"releaseRevision,omitempty"`
	Statuses           []ExtensionStatus `json:"statuses,omitempty"`
	ErrorInfo          *ExtensionError   `json:"errorInfo,omitempty"`
	// Operation is the journal: what is being done, nil when nothing is.
	Operation *ExtensionOperation `json:"operation,omitempty"`
	// Drift are objects that differ from what was installed.
	Drift []ExtensionDrift `json:"drift,omitempty"`
	Time  time.Time        `json:"time"`
}

// ExtensionStatus is one line of properties.statuses. Level is Error, Warning or Information.
type ExtensionStatus struct {
	Code          string    `json:"code"`
	DisplayStatus string    `json:"displayStatus"`
	Level         string    `json:"level"`
	Message       string    `json:"message"`
	Time          time.Time `json:"time"`
}

// ExtensionError says why an operation failed. Code is one of the causes below. Message holds the guides' own words, so that who
// searches for them finds them. Target is the object at fault as KIND/NAMESPACE/NAME, Evidence what was read where, Remedies what
// to type. No text holds a protected setting.
type ExtensionError struct {
	Code     string   `json:"code"`
	Message  string   `json:"message"`
	Target   string   `json:"target,omitempty"`
	Cause    string   `json:"cause,omitempty"`
	Evidence []string `json:"evidence,omitempty"`
	Remedies []string `json:"remedies,omitempty"`
	// DoctorID is the entry of doctor's catalogue that explains it, such as HLM-07.
	DoctorID string `json:"doctorId,omitempty"`
}

// The causes of failed operations.
const (
	CauseReadinessTimeout   = "ReadinessTimeout"      // HLM-01: objects did not become ready in time
	CauseBackoffLimit       = "BackoffLimitExceeded"  // HLM-02: a Job gave up
	CauseChartDownload      = "ChartDownloadFailed"   // HLM-06
	CauseRendering          = "RenderingFailed"       // HLM-07
	CauseOperationRunning   = "OperationInProgress"   // HLM-08: of somebody else
	CauseResourceExists     = "ResourceAlreadyExists" // HLM-09
	CauseReleaseNameInUse   = "ReleaseNameInUse"      // HLM-10
	CauseNamespaceGoing     = "NamespaceTerminating"
	CauseRejected           = "RequestRejected"      // by admission, quota or the API server's validation
	CauseAgentSilent        = "AgentUnresponsive"    // EXT-01: Unable to get a response from the agent in time
	CauseStatusNotPopulated = "StatusNotPopulated"   // the agent is there, its status is not
	CauseInvalidSettings    = "InvalidSettings"      // settings cannot be read as values
	CauseUnreachable        = "APIServerUnreachable" // the cluster's own API server did not answer
	CauseOther              = "HelmOperationFailed"
)

// The codes of the outer error of a failed operation; the detail holds the cause.
const (
	CodeResourceOperationFailure = "ResourceOperationFailure"
	CodeExtensionCreationFailed  = "ExtensionCreationFailed"
	CodeExtensionUpdateFailed    = "ExtensionUpdateFailed"
	CodeExtensionDeletionFailed  = "ExtensionDeletionFailed"
)

// ExtensionOperation is what extension-manager is doing, written before it begins. Kind is install, upgrade, rollback or
// uninstall; Phase is the step that runs.
type ExtensionOperation struct {
	ID        string    `json:"id"`
	Kind      string    `json:"kind"`
	Phase     string    `json:"phase"`
	Holder    string    `json:"holder"` // the process
	Attempt   int       `json:"attempt"`
	StartedAt time.Time `json:"startedAt"`
	Deadline  time.Time `json:"deadline"`
}

// ExtensionDrift is an object of a release that is not as it was installed. What is missing or which fields differ.
type ExtensionDrift struct {
	Object string `json:"object"` // KIND/NAMESPACE/NAME
	What   string `json:"what"`
}

// ExtensionReport is one entry of OpExtensionStatus. Unknown says that the hub did not ask for this extension, or not any more.
type ExtensionReport struct {
	Name    string         `json:"name"`
	State   ExtensionState `json:"state"`
	Unknown bool           `json:"unknown,omitempty"`
}

// ExtensionEvent is one thing that happened to an extension, from extension-events-collector. Level is Error, Warning or
// Information. Sequence orders the events of one cluster and never repeats, so that what is sent twice is kept once.
type ExtensionEvent struct {
	Extension  string    `json:"extension"`
	Generation int64     `json:"generation,omitempty"`
	Sequence   int64     `json:"sequence"`
	Time       time.Time `json:"time"`
	Level      string    `json:"level"`
	Reason     string    `json:"reason"` // one word, such as Pulled, Rendered, Applied, Waiting, Ready, BackOff
	Object     string    `json:"object,omitempty"`
	Message    string    `json:"message"`
}
