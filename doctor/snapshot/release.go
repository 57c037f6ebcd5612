package snapshot

import "time"

// Release is the newest revision of a Helm release.
type Release struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Revision  int    `json:"revision"`
	Status    string `json:"status"` // deployed, failed, pending-install …: Helm's word
	// Storage is where Helm keeps it: Secret or ConfigMap.
	Storage string `json:"storage"`
	// Object is the name of that Secret or ConfigMap.
	Object  string    `json:"object"`
	Updated time.Time `json:"updated"`
	// Deployed is the newest revision that was deployed once (deployed or superseded), 0 when none is left.
	Deployed int `json:"deployed,omitempty"`

	// Read is true when what follows could be read.
	Read         bool            `json:"read"`
	Chart        string          `json:"chart,omitempty"`
	ChartVersion string          `json:"chartVersion,omitempty"`
	Description  string          `json:"description,omitempty"`
	Values       map[string]any  `json:"values,omitempty"` // chart's defaults with the user's on top; secrets are replaced
	Objects      []ReleaseObject `json:"objects,omitempty"`
}

// ReleaseObject is one object of a release's manifest.
type ReleaseObject struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
}

// Release returns a release by name; namespace may be empty. Of several the one in namespace first, else the newest.
func (s *Snapshot) Release(namespace, name string) (Release, bool) {
	var found Release
	ok := false
	for _, r := range s.Releases {
		if r.Name == name && (namespace == "" || r.Namespace == namespace) && (!ok || r.Updated.After(found.Updated)) {
			found, ok = r, true
		}
	}
	return found, ok
}

// Value returns what a path of the values holds, such as ("global", "isProxyEnabled").
func (r Release) Value(path ...string) (any, bool) {
	var at any = r.Values
	for _, name := range path {
		inner, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = inner[name]; !ok {
			return nil, false
		}
	}
	return at, true
}

// Certificate is the public half of what a Secret holds.
type Certificate struct {
	Namespace string    `json:"namespace"`
	Secret    string    `json:"secret"`
	Key       string    `json:"key"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"notBefore"`
	NotAfter  time.Time `json:"notAfter"`
	IsCA      bool      `json:"isCa"`
	// PEM is the certificate itself, which is public.
	PEM string `json:"pem"`
	// Problem says why the key holds no certificate; then the rest is empty.
	Problem string `json:"problem,omitempty"`
}
