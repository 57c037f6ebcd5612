package chart

import (
	"embed"
	"encoding/json"
	"fmt"
)

//go:embed all:clusterdiagnosticchecks
var precheckFS embed.FS

// The az client runs this chart before it connects a cluster. It asks for it by this name and version.
const (
	PrecheckName    = "clusterdiagnosticchecks"
	PrecheckVersion = "1.36.1"
)

// PrecheckHub is what the chart of the pre-check must know of the hub that serves it: the client tells it nothing.
type PrecheckHub struct {
	Registry   string   `json:"registry"`   // host, with port if it is not 443
	Repository string   `json:"repository"` // of the image
	Tag        string   `json:"tag"`        // of the image
	CA         string   `json:"ca"`         // PEM; empty for a certificate of a public authority
	Connect    string   `json:"connect"`    // URL that cluster connect needs
	Onboarding []string `json:"onboarding"` // URLs that connecting needs
	Login      string   `json:"login"`      // URL of sign-in
}

// Precheck returns the packed chart of the pre-check for one hub, the same bytes for the same hub.
func Precheck(hub PrecheckHub) ([]byte, error) {
	settings, err := json.Marshal(hub)
	if err != nil {
		return nil, fmt.Errorf("write the hub's settings for the pre-check: %w", err)
	}
	return archive(precheckFS, PrecheckName, file{"hub.json", settings})
}
