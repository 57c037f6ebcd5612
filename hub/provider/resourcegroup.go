package provider

import (
	"regexp"

	"github.com/fairlead/fairlead/hub/resource"
)

// resourceGroups are kept by the engine alone: deleting one deletes its members with their work.
func resourceGroups(deps Deps) resource.Type {
	return resource.Type{
		Name:       "Microsoft.Resources/resourceGroups",
		Level:      resource.InSubscription,
		Permission: "Microsoft.Resources/subscriptions/resourceGroups",
		Names:      regexp.MustCompile(`^[A-Za-z0-9_().-]{0,89}[A-Za-z0-9_()-]$`),
		Locations:  deps.Locations,
	}
}
