package check

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func clientSubscription() doctor.Check {
	return doctor.Check{
		ID: "CLI-01", Severity: doctor.Medium, Needs: []snapshot.Need{arcConfigNeed()},
		Applies: func(s *snapshot.Snapshot) string {
			switch {
			case s.Client.Az == nil:
				return doctor.NeedsClient
			case s.Known(arcConfigNeed()) && arcConfig(s)[fairlead.KeySubscription] == "":
				return doctor.NotInstalled
			}
			return ""
		},
		Eval: judgeSubscription,
	}
}

func judgeSubscription(s *snapshot.Snapshot) []doctor.Finding {
	az, wanted := s.Client.Az, arcConfig(s)[fairlead.KeySubscription]
	switch {
	case wanted == "", strings.EqualFold(az.Subscription, wanted):
		return nil
	case az.Subscription == "":
		return []doctor.Finding{{
			Status: doctor.Unknown, Key: "notSignedIn", Evidence: arcSay(nil, doctor.Evidence{Source: "client", Text: az.AccountError}),
		}}
	}
	finding := doctor.Finding{
		Status: doctor.Warn, Key: "differs", Args: map[string]string{"selected": az.Subscription, "wanted": wanted},
		Objects:  []doctor.Object{arcObject("ConfigMap", fairlead.ClusterConfigMap)},
		Evidence: []doctor.Evidence{{Source: "client", Text: "az account show: " + az.Subscription}, {Source: "spec", Object: arcObject("ConfigMap", fairlead.ClusterConfigMap).String(), Text: fairlead.KeySubscription + ": " + wanted}},
		Remedies: []doctor.Remedy{{
			Key: "select", Risk: doctor.Manual, Commands: []string{"az account set --subscription " + arcQuote(wanted), "az account show"},
			Undo: []string{"az account set --subscription " + arcQuote(az.Subscription)},
		}},
	}
	if arcOwn(s) {
		finding.Severity = doctor.Low // az may be meant for Azure while fairlead is used for this cluster
	}
	return []doctor.Finding{finding}
}

func clientKubectl() doctor.Check {
	return doctor.Check{ID: "CLI-02", Severity: doctor.Medium, Offline: true, Applies: clientWithout, Eval: func(s *snapshot.Snapshot) []doctor.Finding {
		finding := doctor.Finding{Status: doctor.Fail, Key: "log", Remedies: []doctor.Remedy{{
			Key: "install", Risk: doctor.Manual, Commands: []string{"az aks install-cli --install-location ~/.azure/kubectl-client/kubectl", arcCommand(s, "connect")},
		}}}
		finding.Evidence, _ = clientSaid(s, "CLI-02")
		switch {
		case len(finding.Evidence) > 0:
		case clientHas(s, "connectedk8s") && s.Client.KubectlClient == "":
			finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Low, "absent"
		default:
			return nil
		}
		return []doctor.Finding{finding}
	}}
}

func clientHas(s *snapshot.Snapshot, extension string) bool {
	return s.Client.Az != nil && slices.ContainsFunc(s.Client.Az.Extensions, func(e snapshot.Extension) bool { return e.Name == extension })
}

func clientModule() doctor.Check {
	return doctor.Check{ID: "CLI-03", Severity: doctor.Medium, Offline: true, Applies: clientWithout, Eval: func(s *snapshot.Snapshot) []doctor.Finding {
		finding := doctor.Finding{Status: doctor.Fail, Key: "log"}
		finding.Evidence, _ = clientSaid(s, "CLI-03")
		broken := clientBroken(s)
		if len(broken) > 0 {
			finding.Key, finding.Args = "absent", map[string]string{"extensions": strings.Join(broken, ", ")}
		}
		if len(broken) == 0 && len(finding.Evidence) == 0 {
			return nil
		}
		if len(broken) == 0 {
			broken = []string{"connectedk8s", "k8s-configuration"}
		}
		remedy := doctor.Remedy{Key: "again", Risk: doctor.Manual}
		for _, verb := range []string{"remove", "add"} {
			for _, name := range broken {
				remedy.Commands = append(remedy.Commands, "az extension "+verb+" --name "+name)
			}
		}
		finding.Remedies = []doctor.Remedy{remedy}
		return []doctor.Finding{finding}
	}}
}

// clientBroken returns the extensions whose native module is not there.
func clientBroken(s *snapshot.Snapshot) []string {
	var names []string
	if s.Client.Az != nil {
		for _, e := range s.Client.Az.Extensions {
			if e.CryptoHash != nil && !*e.CryptoHash {
				names = append(names, e.Name)
			}
		}
	}
	return names
}

func clientExtension() doctor.Check {
	return doctor.Check{
		ID: "CLI-04", Severity: doctor.Low, Offline: true,
		Applies: func(s *snapshot.Snapshot) string {
			if s.Client.Az == nil {
				return doctor.NeedsClient
			}
			return ""
		},
		Eval: judgeExtensions,
	}
}

func judgeExtensions(s *snapshot.Snapshot) []doctor.Finding {
	table, err := arcKnownVersions()
	if err != nil {
		return nil
	}
	var found []doctor.Finding
	for _, e := range s.Client.Az.Extensions {
		newest := table.Extensions[e.Name]
		if !arcBehindBy(e.Version, newest, 0) {
			continue
		}
		found = append(found, doctor.Finding{
			Status: doctor.Warn, Key: "old", Args: map[string]string{"extension": e.Name, "version": e.Version, "newest": newest, "date": table.Date},
			Remedies: []doctor.Remedy{{Key: "update", Risk: doctor.Manual, Commands: []string{"az extension update --name " + e.Name}}},
		})
	}
	return found
}
