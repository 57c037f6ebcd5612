package config

import (
	"crypto/sha256"
	"encoding/json"
	"slices"

	"github.com/fairlead/fairlead"
)

// news knows what of the hub's wishes the cluster has got, by version, kind and name.
type news map[string][sha256.Size]byte

func nameOf(wanted fairlead.Configuration) string {
	return wanted.APIVersion + " " + wanted.Kind + " " + wanted.Name
}

// got notes that the cluster has what is wanted.
func (n news) got(wanted fairlead.Configuration) { n[nameOf(wanted)] = fingerprint(wanted) }

// has reports whether the cluster got the same before.
func (n news) has(wanted fairlead.Configuration) bool {
	got, there := n[nameOf(wanted)]
	return there && got == fingerprint(wanted)
}

// first returns the same wishes, and those first that the cluster has not got yet: each takes a few calls, and what is new is not to
// wait until a hundred others have been written once more.
func (n news) first(all []fairlead.Configuration) []fairlead.Configuration {
	fresh := slices.DeleteFunc(slices.Clone(all), n.has)
	return append(fresh, slices.DeleteFunc(slices.Clone(all), func(wanted fairlead.Configuration) bool { return !n.has(wanted) })...)
}

// fingerprint leaves out what is sealed: that is never the same twice, and the hashes beside it tell whether it says something else.
func fingerprint(wanted fairlead.Configuration) [sha256.Size]byte {
	wanted.Protected = ""
	if wanted.Registry != nil {
		wanted.Registry = &fairlead.RegistryCredentials{Hash: wanted.Registry.Hash}
	}
	text, err := json.Marshal(wanted)
	if err != nil { // the spec is no JSON, so nothing is ever made of it
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(text)
}
