package check

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// helm returns the checks of Helm's releases and of what they install.
func helm() []doctor.Check {
	return []doctor.Check{
		helmPending(), helmJob(), helmNoRoom(), helmForeign(), helmSettings(), helmDownload(), helmRender(), helmExists(), helmFailed(), helmNameTaken(),
	}
}

// helmReleaseNeeds are what it takes to know the releases; a reason for a failure is inside.
func helmReleaseNeeds() []snapshot.Need {
	return []snapshot.Need{snapshot.Everywhere(snapshot.Releases), snapshot.Everywhere(snapshot.Payloads)}
}

// helmSourceNeeds are where else Helm's words are to be found.
func helmSourceNeeds() []snapshot.Need {
	return append(helmReleaseNeeds(), append(fluxObjectNeeds(), snapshot.Everywhere(snapshot.ExtensionConfigs))...)
}

// helmObject names an object of a release's manifest; templates may leave out the release's own namespace.
func helmObject(r snapshot.Release, o snapshot.ReleaseObject) doctor.Object {
	object := doctor.Object{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}
	if object.Namespace == "" {
		object.Namespace = r.Namespace
	}
	return object
}

// helmStorage is the Secret or ConfigMap of a release.
func helmStorage(r snapshot.Release) doctor.Object {
	return doctor.Object{Kind: r.Storage, Namespace: r.Namespace, Name: r.Object}
}

// helmSaid is something that Helm said, and where it is written.
type helmSaid struct {
	Text     string
	Source   string
	Object   doctor.Object // zero for a client's log
	Scope    string
	Time     time.Time
	Captures map[string]string

	// What Fairlead's agents add: the entry that it is, the release as NAMESPACE/NAME, the object at fault, and what they saw.
	ID      string
	Release string
	Target  doctor.Object
	Seen    []doctor.Evidence
}

func (h *helmSaid) evidence() doctor.Evidence {
	object := ""
	if h.Object.Kind != "" {
		object = h.Object.String()
	}
	return doctor.Evidence{Source: h.Source, Object: object, Text: strings.TrimSpace(h.Text), Time: h.Time}
}

// helmWords returns what Helm said wherever it failed and is still failed: releases, extensions, objects of Flux, a client's log.
func helmWords(s *snapshot.Snapshot) []helmSaid {
	var said []helmSaid
	for _, line := range extClientLines(s) {
		said = append(said, helmSaid{Text: line, Source: "client"})
	}
	for _, r := range s.Releases {
		if r.Status == "failed" && r.Description != "" {
			said = append(said, helmSaid{Text: r.Description, Source: "status", Object: helmStorage(r), Scope: helmSpace(r), Time: r.Updated})
		}
	}
	for _, status := range extStatuses(s) {
		for _, message := range status.Messages {
			if status.Failed || status.Exact == nil && strings.Contains(strings.ToLower(message), "error") {
				said = append(said, helmSaid{
					Text: message, Source: "status", Object: status.Object, Scope: status.Scope,
					ID: status.entry(), Release: status.Release, Target: status.target(), Seen: status.seen(),
				})
			}
		}
	}
	for _, o := range fluxObjects(s) {
		if o.failing() {
			said = append(said, helmSaid{Text: o.Ready.Message, Source: "status", Object: o.Object, Scope: o.Scope, Time: o.Ready.Since})
		}
	}
	return said
}

// helmSpace is where the objects of a release are.
func helmSpace(r snapshot.Release) string {
	if r.Name == fairlead.ReleaseName {
		return arcSpace
	}
	return r.Namespace
}

// helmAbout returns what Helm said of one entry, each text once.
func helmAbout(s *snapshot.Snapshot, id string) []helmSaid {
	var about []helmSaid
	for _, said := range helmWords(s) {
		found, captures, ok := explain.Classify(said.Text)
		if said.ID != "" {
			found, ok = said.ID, true
		}
		if !ok || found != id || slices.ContainsFunc(about, func(h helmSaid) bool { return h.Text == said.Text && h.Object == said.Object }) {
			continue
		}
		said.Captures = captures
		about = append(about, said)
	}
	return about
}

// helmFindings makes a finding of each thing that was said, and one of what was said in the same words in several places.
func helmFindings(all []helmSaid, build func(*helmSaid) doctor.Finding) []doctor.Finding {
	var found []doctor.Finding
	for i := range all {
		said := &all[i]
		same := slices.IndexFunc(found, func(f doctor.Finding) bool { return helmSame(f.Evidence[0].Text, said.Text) })
		if same < 0 {
			finding := build(said)
			finding.Scope, finding.Evidence = said.Scope, []doctor.Evidence{said.evidence()}
			for _, seen := range said.Seen {
				finding.Evidence = arcSay(finding.Evidence, seen)
			}
			if said.Target.Kind != "" && !slices.Contains(finding.Objects, said.Target) {
				finding.Objects = append(finding.Objects, said.Target)
			}
			found = append(found, finding)
			same = len(found) - 1
		} else {
			found[same].Evidence = arcSay(found[same].Evidence, said.evidence())
			if found[same].Scope != said.Scope {
				found[same].Scope = ""
			}
		}
		if said.Object.Kind != "" && !slices.Contains(found[same].Objects, said.Object) {
			found[same].Objects = append(found[same].Objects, said.Object)
		}
	}
	return found
}

// helmSame compares messages by their end, which is Helm's; what goes before is of whoever passes them on.
func helmSame(a, b string) bool {
	tidy := func(text string) string { return strings.Join(strings.Fields(text), " ") }
	a, b = tidy(a), tidy(b)
	if len(a) > len(b) {
		a, b = b, a
	}
	return a != "" && strings.Contains(b, regexp.MustCompile(`^(Error: )?(INSTALLATION|UPGRADE) FAILED: |^Error: `).ReplaceAllString(a, ""))
}
