package hub

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/token"
)

// Welcome is what somebody needs to know to use a hub that has just begun to accept connections.
// CAFile and Fingerprint are empty when the hub serves a certificate of somebody else's authority.
// Administrator is there at first start only.
type Welcome struct {
	URL           string
	TenantID      string
	CAFile        string
	Fingerprint   string
	Administrator *Administrator
}

// Administrator is the credential of the hub's first principal. Secret is empty when it was written
// to File instead.
type Administrator struct {
	AppID    string
	Secret   token.Secret
	File     string
	TenantID string
}

// credentialFile is what fairlead login --credential-file reads.
type credentialFile struct {
	Hub      string       `json:"hub"`
	CAFile   string       `json:"caFile,omitempty"`
	TenantID string       `json:"tenantId"`
	AppID    string       `json:"appId"`
	Secret   token.Secret `json:"secret"`
}

// writeCredential puts the secret into a file that only its owner can read, and so out of the welcome.
func (w *Welcome) writeCredential(file string) error {
	name, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("write administrator's credential: %w", err)
	}
	text, err := json.MarshalIndent(credentialFile{ //nolint:gosec // the one file that is for the secret
		Hub: w.URL, CAFile: w.CAFile, TenantID: w.TenantID, AppID: w.Administrator.AppID, Secret: w.Administrator.Secret,
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("write administrator's credential: %w", err)
	}
	if err := authority.WriteFile(name, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write administrator's credential to %s: %w", name, err)
	}
	w.Administrator.Secret, w.Administrator.File = "", name
	return nil
}
