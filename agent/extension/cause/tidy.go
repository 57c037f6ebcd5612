package cause

import "github.com/fairlead/fairlead"

// Tidy returns an error that was found elsewhere without the values of protected settings, and not longer than the hub takes it.
func Tidy(found fairlead.ExtensionError, secrets []string) fairlead.ExtensionError {
	return tidy(found, secrets)
}
