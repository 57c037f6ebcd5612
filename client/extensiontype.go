package client

import "github.com/fairlead/fairlead"

// UpgradeWave are the clusters with a tag.
type UpgradeWave struct {
	Tag   string `json:"tag"`
	Value string `json:"value"`
}

// UpgradeWindow is a time of the week in which upgrades may begin. Without days it is every day's.
type UpgradeWindow struct {
	Days     []string `json:"days,omitempty"` // Monday to Sunday
	Start    string   `json:"start"`          // 02:00
	Duration string   `json:"duration"`       // 4h0m0s
	TimeZone string   `json:"timeZone"`       // Europe/Berlin
}

// ExtensionTypeID returns the path of a registered type.
func ExtensionTypeID(name string) fairlead.ResourceID {
	return fairlead.ResourceID{Namespace: ConfigurationProvider, Types: []string{"extensionTypes"}, Names: []string{name}}
}
