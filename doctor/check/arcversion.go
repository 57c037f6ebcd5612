package check

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

//go:embed arcversion.yaml
var arcVersions []byte

// arcTable is what arcversion.yaml holds.
type arcTable struct {
	Date       string            `json:"date"`
	Agents     string            `json:"agents"`
	Extensions map[string]string `json:"extensions"`
}

// arcKnownVersions reads the table; a test reads it too, so it can be read.
func arcKnownVersions() (arcTable, error) {
	var table arcTable
	if err := yaml.UnmarshalStrict(arcVersions, &table); err != nil {
		return table, fmt.Errorf("read the table of versions: %w", err)
	}
	return table, nil
}

// arcMinor reads major and minor version off a text such as v1.29.3-preview.
func arcMinor(version string) (major, minor int, ok bool) {
	parts := regexp.MustCompile(`^v?(\d{1,6})\.(\d{1,6})(?:[.+-].*)?$`).FindStringSubmatch(version)
	if parts == nil {
		return 0, 0, false
	}
	major, err := strconv.Atoi(parts[1])
	minor, err2 := strconv.Atoi(parts[2])
	return major, minor, err == nil && err2 == nil
}

// arcBehindBy reports whether a version is of an older major, or more than allowed minors behind. One that cannot be read is not.
func arcBehindBy(version, newest string, allowed int) bool {
	major, minor, ok := arcMinor(version)
	newestMajor, newestMinor, known := arcMinor(newest)
	if !ok || !known {
		return false
	}
	return major < newestMajor || major == newestMajor && newestMinor-minor > allowed
}

func arcOldAgents() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-16", Severity: doctor.Medium, Needs: []snapshot.Need{arcConfigNeed()}, Uses: arcReleaseNeeds(), Eval: judgeArcVersion,
	})
}

func judgeArcVersion(s *snapshot.Snapshot) []doctor.Finding {
	version := arcAgentVersion(s)
	if _, _, ok := arcMinor(version); !ok {
		if gap, missing := s.Missing(snapshot.Everywhere(snapshot.Payloads)); missing {
			return []doctor.Finding{arcUnknown(gap)}
		}
		return []doctor.Finding{{Status: doctor.Unknown, Key: "noVersion", Args: map[string]string{"version": version}}}
	}
	const allowed = 2 // minor versions that the support policy leaves
	newest, since := fairlead.Version, ""
	if !arcOwn(s) {
		table, err := arcKnownVersions()
		if err != nil {
			return nil
		}
		newest, since = table.Agents, table.Date
	}
	if !arcBehindBy(version, newest, allowed) {
		return nil
	}
	finding := doctor.Finding{
		Status: doctor.Warn, Key: "old", Scope: arcSpace, Args: map[string]string{"version": version, "newest": newest, "date": since},
		Objects:  []doctor.Object{arcObject("ConfigMap", fairlead.ClusterConfigMap)},
		Remedies: []doctor.Remedy{{Key: "upgrade", Risk: doctor.Manual, Commands: []string{arcCommand(s, "upgrade")}}},
	}
	if since == "" {
		finding.Key = "olderThanDoctor"
	}
	return []doctor.Finding{finding}
}

// arcAgentVersion is the chart's version, which is the agents', or what they were told that they are.
func arcAgentVersion(s *snapshot.Snapshot) string {
	if release, ok := arcRelease(s); ok && release.ChartVersion != "" {
		return release.ChartVersion
	}
	return arcConfig(s)["AZURE_ARC_AGENT_VERSION"]
}

func arcSlowImages() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-15", Severity: doctor.Low, Needs: []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments)},
		Uses: append(arcReleaseNeeds(), snapshot.In(arcSpace, snapshot.Events)), Eval: judgeArcPulls,
	})
}

// judgeArcPulls sees an onboarding that ran into its time-out and whose pods came up later.
func judgeArcPulls(s *snapshot.Snapshot) []doctor.Finding {
	const long, veryLong = time.Minute, 5 * time.Minute
	release, _ := arcRelease(s)
	slowest, evidence := arcSlowestPull(s)
	ranOut := regexp.MustCompile(`(?i)tim(ed?|ing) ?out|deadline exceeded`).MatchString(release.Description)
	args := map[string]string{"duration": slowest.Round(time.Second).String()}
	switch {
	case release.Status == "failed" && arcAvailable(s) && (ranOut || slowest > long):
		finding := doctor.Finding{
			Status: doctor.Warn, Key: "finishedLate", Scope: arcSpace, Args: args, Evidence: evidence,
			Objects:  []doctor.Object{{Kind: release.Storage, Namespace: release.Namespace, Name: release.Object}},
			Remedies: []doctor.Remedy{{Key: "again", Risk: doctor.Manual, Commands: []string{arcCommand(s, "connect", "--onboarding-timeout", "3600")}}},
		}
		if ranOut {
			finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "status", Object: finding.Objects[0].String(), Text: release.Description, Time: release.Updated})
		}
		return []doctor.Finding{finding}
	case slowest > veryLong:
		return []doctor.Finding{{Status: doctor.Pass, Key: "slow", Args: args, Evidence: evidence}}
	}
	return nil
}

// arcSlowestPull reads how long the agents' images took, with the time that they waited for each other.
func arcSlowestPull(s *snapshot.Snapshot) (time.Duration, []doctor.Evidence) {
	took := regexp.MustCompile(`Successfully pulled image .* in ([0-9a-zµ.]+)(?: \(([0-9a-zµ.]+) including waiting\))?`)
	var slowest time.Duration
	var evidence []doctor.Evidence
	for i := range s.Events {
		event := &s.Events[i]
		parts := took.FindStringSubmatch(event.Message)
		if parts == nil || event.InvolvedObject.Namespace != arcSpace {
			continue
		}
		for _, text := range slices.Backward(parts[1:]) {
			duration, err := time.ParseDuration(text)
			if err != nil || duration <= slowest {
				continue
			}
			slowest = duration
			object := arcObject(event.InvolvedObject.Kind, event.InvolvedObject.Name)
			evidence = []doctor.Evidence{{Source: "event", Object: object.String(), Text: event.Message, Time: workload.Moment(event)}}
		}
	}
	return slowest, evidence
}
