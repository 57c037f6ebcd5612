package cli

import (
	"slices"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// way is a way to authenticate at a source: what it has of the protected settings and of the source's properties.
type way struct{ protected, properties []string }

// ways are those of a kind of source, which is read in one way at a time.
func ways(kind string) []way {
	local := way{properties: []string{"localAuthRef"}}
	switch kind {
	case fairlead.SourceGit:
		return []way{{[]string{fairlead.FluxSSHPrivateKey}, []string{"sshKnownHosts"}}, {[]string{fairlead.FluxHTTPSKey}, []string{"httpsUser", "httpsCACert"}}, local}
	case fairlead.SourceBucket:
		return []way{{[]string{fairlead.FluxBucketSecret}, []string{"accessKey"}}, local}
	case fairlead.SourceOCI:
		return []way{{[]string{fairlead.FluxOCIUser, fairlead.FluxOCIPassword}, nil}, local}
	}
	principal := []string{"servicePrincipal"}
	return []way{
		{[]string{fairlead.FluxBlobKey}, nil},
		{[]string{fairlead.FluxBlobSAS}, nil},
		{nil, []string{"managedIdentity"}},
		local,
		{[]string{fairlead.FluxSPSecret}, principal},
		{[]string{fairlead.FluxSPCertificate, fairlead.FluxSPPassword}, principal},
	}
}

// taken reports a way that a change of a source turns to: with a secret of it, or the property that is all of it.
func (w way) taken(source, protected client.Document) bool {
	if len(w.protected) == 0 {
		return slices.ContainsFunc(w.properties, func(name string) bool { return source[name] != nil })
	}
	return slices.ContainsFunc(w.protected, func(name string) bool { return protected[name] != nil })
}

// leaveOtherWays adds to a change that turns to a way to authenticate at the source that the other ways go. The hub would refuse two, and
// who gives a token means no longer the key from before.
func leaveOtherWays(kind string, properties client.Document) {
	source, protected := inner(properties, sourceProperty(kind)), inner(properties, "configurationProtectedSettings")
	all := ways(kind)
	at := slices.IndexFunc(all, func(one way) bool { return one.taken(source, protected) })
	if at < 0 {
		return
	}
	for _, other := range all {
		if !other.taken(source, protected) { // a second one the hub refuses
			other.leave(source, protected, all[at])
		}
	}
	properties[sourceProperty(kind)], properties["configurationProtectedSettings"] = source, protected
}

// leave says that a way goes, but for what is given, and what is of the way that takes its place.
func (w way) leave(source, protected client.Document, next way) {
	for _, name := range w.protected {
		protected[name] = nil
	}
	for _, name := range w.properties {
		if _, given := source[name]; !given && !slices.Contains(next.properties, name) {
			source[name] = nil
		}
	}
}

// inner is an object in a document, an empty one when it is not there.
func inner(of client.Document, name string) client.Document {
	if found, ok := of[name].(client.Document); ok {
		return found
	}
	return client.Document{}
}
