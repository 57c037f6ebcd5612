// Package bundle keeps a snapshot in one file that people can send: a tar archive packed with gzip. Beside the snapshot, which
// doctor judges, it has logs and events as text for people, and a manifest of what could not be read and what was
// removed. Everything in it went through package redact before.
package bundle

import (
	"time"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// Names of the files in a bundle.
const (
	manifestName = "manifest.json"
	snapshotName = "snapshot.json"
	eventsName   = "events.txt"
	reportName   = "report.txt"
	hubName      = "hub.json"
	logFolder    = "logs/"
)

const (
	// Format is the version of the layout; a reader refuses a newer one.
	Format = 1

	maxPacked   = 512 << 20 // bytes of a file that is read
	maxSnapshot = 512 << 20 // bytes of a snapshot, unpacked
	maxFiles    = 10_000
)

// Manifest says what a bundle holds and lacks.
type Manifest struct {
	Format  int       `json:"format"`
	Version string    `json:"version"` // of the fairlead that made it
	Taken   time.Time `json:"taken"`
	Context string    `json:"context,omitempty"`
	Server  string    `json:"server,omitempty"`
	// Failed is what could not be read, each with its reason.
	Failed []Failure `json:"failed"`
	// Removed counts the secrets that were replaced, by kind.
	Removed map[string]int `json:"removed"`
	Files   []string       `json:"files"`
}

// Failure is one thing that is missing from a bundle.
type Failure struct {
	What   string `json:"what"`
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// Contents are what a bundle is made from. Report and Hub may be empty.
type Contents struct {
	Snapshot *snapshot.Snapshot
	Version  string
	Removed  map[string]int
	Report   string // doctor's text
	Hub      []byte // the hub's view of the cluster as JSON, secrets replaced
	// Failed is what went wrong besides what the snapshot itself has written down.
	Failed []Failure
}

// failures lists what the snapshot lacks.
func failures(s *snapshot.Snapshot) []Failure {
	found := []Failure{}
	for _, coverage := range s.Coverage {
		for _, gap := range coverage.Gaps {
			found = append(found, Failure{What: gap.Need.String(), Reason: gap.Reason, Detail: gap.Detail})
		}
	}
	for _, log := range s.Logs {
		if log.Error != "" {
			found = append(found, Failure{What: "log of " + log.Namespace + "/" + log.Pod + " " + log.Container, Reason: log.Reason, Detail: log.Error})
		}
	}
	return found
}
