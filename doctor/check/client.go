package check

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// client returns the checks of the machine and the person that ask.
func client() []doctor.Check {
	return []doctor.Check{
		clientSubscription(), clientKubectl(), clientModule(), clientExtension(), clientRights(), clientReach(), clientChart(), clientLocations(),
		clientOverage(), clientProvisioning(),
	}
}

// clientSaid returns the lines of the client's log that speak of one entry, and what they name.
func clientSaid(s *snapshot.Snapshot, id string) ([]doctor.Evidence, map[string]string) {
	const enough = 3
	var evidence []doctor.Evidence
	var names map[string]string
	for line := range strings.Lines(s.Client.Log) {
		found, captures, ok := explain.Classify(line)
		if !ok || found != id || len(evidence) == enough {
			continue
		}
		if names == nil {
			names = captures
		}
		text := strings.TrimSpace(line)
		if !slices.ContainsFunc(evidence, func(e doctor.Evidence) bool { return e.Text == text }) {
			evidence = append(evidence, doctor.Evidence{Source: "client", Text: text})
		}
	}
	return evidence, names
}

// clientWithout is the reason to skip a check of az when neither it nor a log of it is here.
func clientWithout(s *snapshot.Snapshot) string {
	if s.Client.Az == nil && s.Client.Log == "" {
		return doctor.NeedsClient
	}
	return ""
}

// clientLogged is a check that only a client's log can show; without one it is skipped for a reason.
func clientLogged(id, without string, judge func(evidence []doctor.Evidence, names map[string]string, s *snapshot.Snapshot) doctor.Finding) doctor.Check {
	return doctor.Check{
		ID: id, Severity: doctor.Medium, Offline: true,
		Applies: func(s *snapshot.Snapshot) string {
			if s.Client.Log == "" {
				return without
			}
			return ""
		},
		Eval: func(s *snapshot.Snapshot) []doctor.Finding {
			evidence, names := clientSaid(s, id)
			if len(evidence) == 0 {
				if without == doctor.NeedsAzure {
					return []doctor.Finding{{Status: doctor.Skipped, Key: doctor.NeedsAzure}}
				}
				return nil
			}
			finding := judge(evidence, names, s)
			finding.Status, finding.Evidence = doctor.Fail, evidence
			return []doctor.Finding{finding}
		},
	}
}

func clientChart() doctor.Check {
	return clientLogged("CLI-07", doctor.NeedsClient, func(_ []doctor.Evidence, names map[string]string, _ *snapshot.Snapshot) doctor.Finding {
		finding := doctor.Finding{
			Key: "chart", Args: map[string]string{"host": names["host"]},
			Remedies: []doctor.Remedy{
				{Key: "open", Risk: doctor.Manual, Commands: []string{"curl -sSI https://mcr.microsoft.com/v2/", "curl -sSI https://k8connecthelm.azureedge.net/"}},
				{Key: "proxy", Risk: doctor.Manual, Commands: []string{"export HTTPS_PROXY=<proxy-url>", "export HTTP_PROXY=<proxy-url>", "export NO_PROXY=<addresses-that-need-no-proxy>"}},
			},
		}
		if names["host"] == "" {
			finding.Key = "chartSomewhere"
		}
		return finding
	})
}

func clientLocations() doctor.Check {
	return clientLogged("CLI-08", doctor.NeedsClient, func(_ []doctor.Evidence, _ map[string]string, s *snapshot.Snapshot) doctor.Finding {
		return doctor.Finding{
			Key: "unreadable",
			Remedies: []doctor.Remedy{{Key: "object", Risk: doctor.Manual, Commands: []string{
				"az ad sp show --id bc313c14-388c-4e7d-a58e-70017303ee3b --query objectId -o tsv",
				arcCommand(s, "enable-features", "--custom-locations-oid <object-id>", "--features cluster-connect custom-locations"),
			}}},
		}
	})
}

func clientOverage() doctor.Check {
	check := clientLogged("CLI-09", doctor.NeedsAzure, func([]doctor.Evidence, map[string]string, *snapshot.Snapshot) doctor.Finding {
		return doctor.Finding{
			Key:      "groups",
			Remedies: []doctor.Remedy{{Key: "principal", Risk: doctor.Manual, Commands: []string{"az ad sp create-for-rbac --name <another-name>"}}},
		}
	})
	check.After = []string{"NET-05"}
	return check
}

func clientProvisioning() doctor.Check {
	return clientLogged("CLI-10", doctor.NeedsAzure, func(_ []doctor.Evidence, _ map[string]string, s *snapshot.Snapshot) doctor.Finding {
		return doctor.Finding{
			Key: "provisioning",
			Remedies: []doctor.Remedy{
				{Key: "wait", Risk: doctor.Manual},
				{Key: "again", Risk: doctor.Manual, Commands: []string{arcCommand(s, "delete"), arcCommand(s, "connect")}},
			},
		}
	})
}
