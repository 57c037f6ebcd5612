package cli

import (
	"regexp"

	"github.com/fairlead/fairlead"
)

// The names and versions that a hub takes. They are looked at here first, so that a typing error is told as one, and of the
// right flag.
const (
	clusterName = `^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$`
	versionForm = `^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`
	groupName   = `^[A-Za-z0-9_]([A-Za-z0-9_().-]{0,88}[A-Za-z0-9_()-])?$`
)

func checkClusterName(name string) error {
	if regexp.MustCompile(clusterName).MatchString(name) {
		return nil
	}
	return usagef("--name/-n: a connected cluster cannot be called %.100q: a name has 1 to 63 letters, digits, '-', '_' and '.' and begins with a letter or digit", name)
}

// checkGroupFlag takes no group for an answer: the defaults name it, or it narrows nothing.
func checkGroupFlag(name string) error {
	if name == "" {
		return nil
	}
	return checkGroupName(name)
}

func checkGroupName(name string) error {
	if regexp.MustCompile(groupName).MatchString(name) {
		return nil
	}
	return usagef("a resource group cannot be called %.100q: a name has 1 to 90 letters, digits, '-', '_', '.', '(' and ')', begins with a letter, digit or '_' and does not end with '.'", name)
}

// checkVersion takes an empty version, which stands for the newest.
func checkVersion(text string) error {
	if text == "" || regexp.MustCompile(versionForm).MatchString(text) {
		return nil
	}
	return usagef("--agent-version: %.100q is not a version such as %s", text, fairlead.Version)
}
