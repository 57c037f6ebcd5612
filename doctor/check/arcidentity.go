package check

import (
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func arcMissingIdentity() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-08", Severity: doctor.Critical, After: append([]string{"ARC-09"}, arcNetwork()...),
		Needs: []snapshot.Need{snapshot.In(arcSpace, snapshot.Secrets)},
		Uses: slices.Concat(arcPods(), arcWorkloadNeeds(), arcReleaseNeeds(), []snapshot.Need{
			snapshot.In(arcSpace, snapshot.IdentityRequests), arcConfigNeed(),
		}),
		Eval: judgeArcIdentity,
	})
}

func judgeArcIdentity(s *snapshot.Snapshot) []doctor.Finding {
	release, _ := arcRelease(s)
	args := map[string]string{"secret": fairlead.IdentitySecret, "namespace": arcSpace}
	switch {
	case !arcInstalled(s), !arcLacksSecret(s, fairlead.IdentitySecret):
		return nil
	case arcBusy(s, release):
		return []doctor.Finding{{Status: doctor.Pass, Key: "waiting", Args: args}}
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "missing", Scope: arcSpace, Args: args, After: arcOperatorAfter(s),
		Objects:  []doctor.Object{arcObject("Secret", fairlead.IdentitySecret)},
		Evidence: arcRequestEvidence(s),
		Remedies: []doctor.Remedy{
			{Key: "operator", Risk: doctor.Manual, Commands: []string{"kubectl get pods -n " + arcSpace, "kubectl logs -n " + arcSpace + " deployment/" + arcIdentityWorkload(s) + " --all-containers --tail=50"}},
			{Key: "reconnect", Risk: doctor.Manual, Commands: []string{arcCommand(s, "delete"), arcCommand(s, "connect")}},
		},
	}
	return []doctor.Finding{finding}
}

// arcIdentityWorkload is the Deployment whose log tells how the identity is obtained.
func arcIdentityWorkload(s *snapshot.Snapshot) string {
	if _, edge := arcDeployment(s, fairlead.EdgeAgent); edge {
		return fairlead.EdgeAgent
	}
	return fairlead.ClusterIdentityOperator
}

// arcRequestEvidence is what the agents themselves say of their request for an identity.
func arcRequestEvidence(s *snapshot.Snapshot) []doctor.Evidence {
	var all []doctor.Evidence
	for _, request := range s.Custom[snapshot.IdentityRequests] {
		status, _, err := unstructured.NestedMap(request.Object, "status")
		if err != nil || request.GetNamespace() != arcSpace {
			continue
		}
		var said []string
		for _, key := range []string{"state", "message", "error", "errorMessage"} {
			if text, ok := status[key].(string); ok && text != "" {
				said = append(said, text)
			}
		}
		object := arcObject("AzureClusterIdentityRequest", request.GetName())
		all = arcSay(all, doctor.Evidence{Source: "status", Object: object.String(), Text: strings.Join(said, ": ")})
	}
	return all
}

func arcUnobtained() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-09", Severity: doctor.High, After: arcNetwork(),
		Needs: []snapshot.Need{snapshot.In(arcSpace, snapshot.Secrets)},
		Uses: []snapshot.Need{
			snapshot.One(arcSpace, snapshot.Certificates, fairlead.IdentitySecret), snapshot.In(arcSpace, snapshot.IdentityRequests), arcConfigNeed(),
		},
		Logs: []snapshot.LogNeed{
			{Namespace: arcSpace, Prefix: fairlead.ClusterIdentityOperator + "-", Lines: 200}, {Namespace: arcSpace, Prefix: fairlead.EdgeAgent + "-", Lines: 200},
		},
		Eval: judgeArcObtaining,
	})
}

// judgeArcObtaining looks at the log only while there is no identity that is good for long: an attempt that failed before one that
// succeeded is no problem.
func judgeArcObtaining(s *snapshot.Snapshot) []doctor.Finding {
	if !arcInstalled(s) {
		return nil
	}
	missing := arcLacksSecret(s, fairlead.IdentitySecret)
	life, known := arcIdentityLife(s)
	if !missing && (!known || life.until.Sub(s.Taken) > arcExpirySoon) {
		return nil
	}
	evidence := arcObtainingErrors(s)
	if len(evidence) == 0 {
		return arcSilentOperator(s)
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "refused", Scope: arcSpace, After: arcOperatorAfter(s), Evidence: evidence,
		Objects: []doctor.Object{arcObject("Deployment", arcIdentityWorkload(s))},
		Remedies: []doctor.Remedy{
			{Key: "network", Risk: doctor.Manual, Commands: []string{"kubectl logs -n " + arcSpace + " deployment/" + arcIdentityWorkload(s) + " --all-containers --tail=50"}},
		},
	}
	if !missing && life.until.After(s.Taken) {
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "renewal"
	}
	return []doctor.Finding{finding}
}

// arcSilentOperator is the answer when no log names a failure: unknown when one could not be read, else there is nothing to add.
func arcSilentOperator(s *snapshot.Snapshot) []doctor.Finding {
	for _, need := range arcUnobtained().Logs {
		if gap, missing := s.MissingLog(need); missing {
			return []doctor.Finding{arcUnknown(gap)}
		}
	}
	if arcLacksSecret(s, fairlead.IdentitySecret) {
		return []doctor.Finding{arcBehind("ARC-08")}
	}
	return []doctor.Finding{arcBehind("ARC-10")}
}

// arcObtainingErrors returns lines that say why the certificate could not be had.
func arcObtainingErrors(s *snapshot.Snapshot) []doctor.Evidence {
	transport := regexp.MustCompile(`(?i)dial tcp|x509|tls: |TLS handshake|i/o timeout|no such host|connection (refused|reset)|deadline exceeded|proxyconnect|(status|code)\D{0,5}(401|403|407|5\d\d)|cannot obtain the identity certificate`)
	var evidence []doctor.Evidence
	for _, log := range s.Logs {
		if log.Namespace != arcSpace || !strings.HasPrefix(log.Pod, arcIdentityWorkload(s)+"-") {
			continue
		}
		for _, line := range slices.Backward(strings.Split(strings.TrimSpace(log.Text), "\n")) {
			if transport.MatchString(line) {
				object := doctor.Object{Kind: "Pod", Namespace: log.Namespace, Name: log.Pod, Container: log.Container}
				evidence = arcSay(evidence, doctor.Evidence{Source: "log", Object: object.String(), Text: strings.TrimSpace(line)})
				break
			}
		}
	}
	for line := range strings.SplitSeq(s.Client.Log, "\n") {
		if regexp.MustCompile(`(?i)unable to (pull|retrieve) MSI certificate`).MatchString(line) {
			evidence = arcSay(evidence, doctor.Evidence{Source: "client", Text: strings.TrimSpace(line)})
		}
	}
	return evidence
}
