package check

import (
	"slices"
	"strconv"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// arcExpirySoon is when a certificate that lives for 90 days and is renewed after half of them should long be a newer one.
const arcExpirySoon = 30 * 24 * time.Hour

// arcLife is how long the identity is good, and who says so.
type arcLife struct {
	from, until time.Time
	evidence    doctor.Evidence
}

func arcExpiry() doctor.Check {
	return arcAgent(doctor.Check{
		ID: "ARC-10", Severity: doctor.High, After: append([]string{"NET-07", "ARC-09"}, arcNetwork()...),
		Uses: slices.Concat(arcPods(), arcWorkloadNeeds(), []snapshot.Need{
			snapshot.In(arcSpace, snapshot.Secrets), snapshot.One(arcSpace, snapshot.Certificates, fairlead.IdentitySecret),
			snapshot.In(arcSpace, snapshot.IdentityRequests), arcConfigNeed(),
		}),
		Eval: judgeArcExpiry,
	})
}

func judgeArcExpiry(s *snapshot.Snapshot) []doctor.Finding {
	if arcLacksSecret(s, fairlead.IdentitySecret) {
		return []doctor.Finding{arcBehind("ARC-08")}
	}
	life, known := arcIdentityLife(s)
	if !known {
		return []doctor.Finding{arcUnreadLife(s)}
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "expired", Scope: arcSpace, After: append([]string{"NET-07"}, arcOperatorAfter(s)...),
		Args:     map[string]string{"date": life.until.UTC().Format(time.RFC3339), "secret": fairlead.IdentitySecret},
		Objects:  []doctor.Object{arcObject("Secret", fairlead.IdentitySecret)},
		Evidence: []doctor.Evidence{life.evidence},
		Remedies: []doctor.Remedy{{Key: "reconnect", Risk: doctor.Manual, Commands: []string{arcCommand(s, "delete"), arcCommand(s, "connect")}}},
	}
	switch left := life.until.Sub(s.Taken); {
	case left <= 0:
	case life.from.After(s.Taken):
		finding.Key, finding.Args["date"] = "notYetValid", life.from.UTC().Format(time.RFC3339)
		finding.Remedies = []doctor.Remedy{{Key: "clock", Risk: doctor.Manual, Commands: []string{"date -u", "timedatectl status"}}}
	case left < arcExpirySoon:
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "soon"
		finding.Args["days"] = strconv.Itoa(int(left.Hours() / 24))
		finding.Remedies = append([]doctor.Remedy{{Key: "operator", Risk: doctor.Manual, Commands: []string{
			"kubectl logs -n " + arcSpace + " deployment/" + arcIdentityWorkload(s) + " --all-containers --tail=50",
		}}}, finding.Remedies...)
	default:
		return nil
	}
	return []doctor.Finding{finding}
}

// arcUnreadLife says why nobody can tell how long the identity is good.
func arcUnreadLife(s *snapshot.Snapshot) doctor.Finding {
	var gaps []snapshot.Gap
	for _, need := range []snapshot.Need{snapshot.In(arcSpace, snapshot.Secrets), snapshot.One(arcSpace, snapshot.Certificates, fairlead.IdentitySecret)} {
		if gap, missing := s.Missing(need); missing {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) > 0 {
		return arcUnknown(gaps...)
	}
	finding := doctor.Finding{
		Status: doctor.Unknown, Key: "noCertificate", Args: map[string]string{"secret": fairlead.IdentitySecret},
		Objects: []doctor.Object{arcObject("Secret", fairlead.IdentitySecret)},
	}
	for _, c := range s.Certificates {
		if c.Namespace == arcSpace && c.Secret == fairlead.IdentitySecret {
			finding.Evidence = arcSay(finding.Evidence, doctor.Evidence{Source: "spec", Object: finding.Objects[0].String(), Text: c.Key + ": " + c.Problem})
		}
	}
	return finding
}

// arcIdentityLife asks the certificate, then the annotations beside it, then the agents' own report.
func arcIdentityLife(s *snapshot.Snapshot) (arcLife, bool) {
	object := arcObject("Secret", fairlead.IdentitySecret)
	if leaf, ok := arcLeaf(s); ok {
		return arcLife{from: leaf.NotBefore, until: leaf.NotAfter, evidence: doctor.Evidence{
			Source: "spec", Object: object.String(),
			Text: leaf.Subject + ", valid from " + leaf.NotBefore.UTC().Format(time.RFC3339) + " to " + leaf.NotAfter.UTC().Format(time.RFC3339),
		}}, true
	}
	const annotation = "clusterconfig.azure.com/not-after"
	if notes, ok := arcSecret(s, fairlead.IdentitySecret); ok {
		if until, err := time.Parse(time.RFC3339, notes[annotation]); err == nil {
			return arcLife{until: until, evidence: doctor.Evidence{Source: "spec", Object: object.String(), Text: annotation + ": " + notes[annotation]}}, true
		}
	}
	return arcReportedLife(s)
}

// arcReportedLife reads AzureClusterIdentityRequest, whose field has had more than one name.
func arcReportedLife(s *snapshot.Snapshot) (arcLife, bool) {
	for _, request := range s.Custom[snapshot.IdentityRequests] {
		for _, field := range []string{"expirationTime", "certificateExpirationTime", "expiryTime"} {
			text, _, err := unstructured.NestedString(request.Object, "status", field)
			until, wrong := time.Parse(time.RFC3339, text)
			if err != nil || wrong != nil || request.GetNamespace() != arcSpace {
				continue
			}
			object := arcObject("AzureClusterIdentityRequest", request.GetName())
			return arcLife{until: until, evidence: doctor.Evidence{Source: "status", Object: object.String(), Text: field + ": " + text}}, true
		}
	}
	return arcLife{}, false
}

// arcLeaf returns the identity itself; the chain beside it holds the authority's certificates, which live longer.
func arcLeaf(s *snapshot.Snapshot) (snapshot.Certificate, bool) {
	var leaf snapshot.Certificate
	found := false
	for _, c := range s.Certificates {
		if c.Namespace != arcSpace || c.Secret != fairlead.IdentitySecret || c.Problem != "" || c.NotAfter.IsZero() {
			continue
		}
		switch {
		case !found, leaf.IsCA && !c.IsCA:
			leaf, found = c, true
		case leaf.IsCA == c.IsCA && c.NotBefore.After(leaf.NotBefore):
			leaf = c
		}
	}
	return leaf, found
}
