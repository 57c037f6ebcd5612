package check

import (
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func clientReach() doctor.Check {
	return doctor.Check{ID: "CLI-06", Severity: doctor.Critical, Offline: true, Eval: judgeReach}
}

func judgeReach(s *snapshot.Snapshot) []doctor.Finding {
	if len(s.Client.Reach) == 0 {
		return []doctor.Finding{{Status: doctor.Skipped, Key: "notTried"}}
	}
	stage, lost := s.Client.Unreachable()
	if !lost {
		return nil
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "other", Args: map[string]string{"server": s.Client.Server, "context": s.Client.Context, "stage": stage.Name, "error": stage.Error},
		Evidence: []doctor.Evidence{{Source: "client", Text: stage.Name + ": " + stage.Error}},
		Remedies: []doctor.Remedy{{Key: "context", Risk: doctor.Manual, Commands: []string{"kubectl config get-contexts", "kubectl config use-context <target-cluster-name>"}}},
	}
	if slices.Contains([]string{"kubeconfig", "context", "dns", "tcp", "tls", "auth", "version"}, stage.Name) {
		finding.Key = stage.Name
	}
	remedy := doctor.Remedy{Risk: doctor.Manual, Commands: []string{"kubectl config view --minify"}}
	switch stage.Name {
	case "dns", "tcp":
		remedy.Key, remedy.Commands = "network", nil
	case "tls":
		remedy.Key = "certificate"
	case "auth":
		remedy.Key = "credentials"
	case "version":
		remedy.Key = "server"
	default:
		return []doctor.Finding{finding}
	}
	finding.Remedies = append([]doctor.Remedy{remedy}, finding.Remedies...)
	return []doctor.Finding{finding}
}

func clientRights() doctor.Check {
	return doctor.Check{
		ID: "CLI-05", Severity: doctor.High, Asked: true, Uses: append(arcReleaseNeeds(), snapshot.Everywhere(snapshot.Namespaces)),
		Applies: func(s *snapshot.Snapshot) string {
			evidence, _ := clientSaid(s, "CLI-05")
			if release, ok := arcRelease(s); ok && release.Status == "deployed" && len(evidence) == 0 {
				return "connected"
			}
			if !arcInstalled(s) && arcNeighbour(s) && len(evidence) == 0 {
				return doctor.NotInstalled
			}
			return ""
		},
		Eval: judgeRights,
	}
}

func judgeRights(s *snapshot.Snapshot) []doctor.Finding {
	evidence, _ := clientSaid(s, "CLI-05")
	denied := clientDenied(s)
	_, there := arcRelease(s)
	unsure := !there && !s.Known(snapshot.Everywhere(snapshot.Releases)) && !clientNoNamespace(s)
	args := map[string]string{"user": s.Client.User, "denied": strings.Join(denied, ", ")}
	switch {
	case len(evidence) > 0:
	case s.Client.Rights == nil && unsure:
		gap, _ := s.Missing(snapshot.Everywhere(snapshot.Releases))
		return []doctor.Finding{arcUnknown(gap)}
	case s.Client.Rights == nil:
		return []doctor.Finding{{Status: doctor.Unknown, Key: "notAnswered"}}
	case len(denied) == 0:
		return nil
	case unsure:
		return []doctor.Finding{{Status: doctor.Unknown, Key: "cannotSee", Args: args}}
	}
	finding := doctor.Finding{Status: doctor.Fail, Key: "denied", Args: args, Evidence: evidence, Remedies: []doctor.Remedy{clientGrant(s.Client.User)}}
	for _, right := range denied {
		finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "api", Text: "not allowed: " + right})
	}
	if len(denied) == 0 {
		finding.Key = "log"
	}
	return []doctor.Finding{finding}
}

// clientNoNamespace reports whether it is certain that the agents' namespace is not there, which tells without a look at the releases.
func clientNoNamespace(s *snapshot.Snapshot) bool {
	return s.Known(snapshot.Everywhere(snapshot.Namespaces)) && len(s.Namespaces) > 0 && !slices.ContainsFunc(s.Namespaces, isArcSpace)
}

func clientDenied(s *snapshot.Snapshot) []string {
	var denied []string
	for _, right := range s.Client.Rights {
		if right.Allowed {
			continue
		}
		text := right.Verb + " " + right.Resource
		if right.Group != "" {
			text += "." + right.Group
		}
		if right.Namespace != "" {
			text += " in " + right.Namespace
		}
		denied = append(denied, text)
	}
	return denied
}

// clientGrant is for an administrator to run.
func clientGrant(user string) doctor.Remedy {
	subject := "--user=<user>"
	if account, ok := strings.CutPrefix(user, "system:serviceaccount:"); ok {
		subject = "--serviceaccount=" + arcQuote(account)
	} else if user != "" {
		subject = "--user=" + arcQuote(user)
	}
	return doctor.Remedy{
		Key: "bind", Risk: doctor.Manual, Commands: []string{"kubectl create clusterrolebinding arc-onboarding --clusterrole=cluster-admin " + subject},
		Undo: []string{"kubectl delete clusterrolebinding arc-onboarding"},
	}
}
