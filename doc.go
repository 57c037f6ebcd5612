// Package fairlead is the vocabulary that hub, agents, CLI and doctor share: Azure's own words for
// resources, errors and the messages that cross the wire. It imports the standard library only and
// holds no behaviour beyond parsing, formatting and validation of those words.
package fairlead

// Version is the version of the binary, of the agents' chart and of the agents' image: they are
// one artefact (docs/adr/0003-one-version.md). The build sets it with -ldflags -X.
var Version = "1.40.0-dev" //nolint:gochecknoglobals // the linker can only set a package variable
