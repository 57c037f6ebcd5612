package snapshot

// Client is what doctor learned about the machine and the person that ask.
type Client struct {
	Context string `json:"context,omitempty"`
	Server  string `json:"server,omitempty"`
	User    string `json:"user,omitempty"`
	// Reach is the way to the API server, stage by stage, up to the first that failed.
	Reach []Stage `json:"reach,omitempty"`
	// Rights are what onboarding needs and whether this person has it; nil when it was not asked.
	Rights []Right `json:"rights,omitempty"`
	// Proxies are the proxy variables of the environment; secrets are replaced.
	Proxies map[string]string `json:"proxies,omitempty"`
	Az      *Az               `json:"az,omitempty"`
	// KubectlClient is the kubectl that connectedk8s of az would use: KUBECTL_CLIENT_PATH or its own folder's; empty when neither is there.
	KubectlClient string `json:"kubectlClient,omitempty"`
	// Log is a client's log that was given to doctor; secrets are replaced.
	Log string `json:"log,omitempty"`
}

// Stage is one step on the way to the API server: kubeconfig, dns, tcp, tls, auth or version.
type Stage struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

// Right is one thing that onboarding does in the cluster.
type Right struct {
	Verb      string `json:"verb"`
	Group     string `json:"group,omitempty"`
	Resource  string `json:"resource"`
	Namespace string `json:"namespace,omitempty"`
	Allowed   bool   `json:"allowed"`
}

// Az is the az command line on this machine. It is nil in Client when there is none.
type Az struct {
	Path         string      `json:"path"`
	Subscription string      `json:"subscription,omitempty"` // of az account show
	AccountError string      `json:"accountError,omitempty"`
	Extensions   []Extension `json:"extensions,omitempty"`
}

// Extension is one extension of az, read from its folder.
type Extension struct {
	Name    string `json:"name"`
	Version string `json:"version,omitempty"`
	// CryptoHash is whether the native module Crypto.Hash._MD5 is there; only told when the extension carries Crypto at all.
	CryptoHash *bool `json:"cryptoHash,omitempty"`
}

// Unreachable returns the stage at which the API server could not be reached.
func (c Client) Unreachable() (Stage, bool) {
	for _, stage := range c.Reach {
		if !stage.OK {
			return stage, true
		}
	}
	return Stage{}, false
}
