package check

import (
	"crypto/x509"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshNotice is how long before its end an authority is spoken of.
const meshNotice = 30 * 24 * time.Hour

func meshAuthority() doctor.Check {
	return doctor.Check{
		ID: "OSM-27", Severity: doctor.High, Eval: judgeMeshAuthority, Needs: []snapshot.Need{meshSecretNeed()},
		Uses: []snapshot.Need{snapshot.In(meshSpace, snapshot.Secrets), snapshot.In(meshSpace, snapshot.MeshConfigs)},
	}
}

func judgeMeshAuthority(s *snapshot.Snapshot) []doctor.Finding {
	object := meshObject("Secret", meshSecret)
	finding := doctor.Finding{Status: doctor.Fail, Objects: []doctor.Object{object}, Args: map[string]string{"secret": meshSecret, "namespace": meshSpace}}
	finding.Remedies = []doctor.Remedy{{Key: "rotate", Risk: doctor.Manual, Commands: []string{
		"kubectl get secrets -n " + meshSpace, "osm version", // it may be the Secret itself that is missing
	}}}
	authorities := meshAuthorities(s)
	if len(authorities) == 0 {
		return meshNoAuthority(s, finding)
	}
	newest := slices.MaxFunc(authorities, func(a, b *x509.Certificate) int { return a.NotAfter.Compare(b.NotAfter) })
	left := newest.NotAfter.Sub(s.Taken)
	finding.Args["date"], finding.Args["days"] = newest.NotAfter.UTC().Format(time.DateOnly), strconv.Itoa(int(left.Hours()/24))
	finding.Evidence = meshSeen("spec", object, meshDescribe(newest))
	validity := meshValidity(s)
	finding.Args["validity"] = validity.String()
	switch {
	case left <= 0:
		finding.Key = "expired"
	case left < meshNotice:
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "expiring"
	case validity > left:
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "outlived"
	default:
		return nil
	}
	return []doctor.Finding{finding}
}

// meshNoAuthority is no problem where another program than the mesh issues its certificates.
func meshNoAuthority(s *snapshot.Snapshot, finding doctor.Finding) []doctor.Finding {
	if meshElsewhereIssued(s) {
		return []doctor.Finding{{Status: doctor.Skipped, Key: "elsewhere"}}
	}
	finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "missing"
	for i := range s.Secrets {
		if s.Secrets[i].Namespace == meshSpace && s.Secrets[i].Name == meshSecret {
			finding.Status, finding.Severity, finding.Key = doctor.Fail, doctor.High, "unreadable"
		}
	}
	return []doctor.Finding{finding}
}

// meshElsewhereIssued reads the controller's flag --certificate-manager.
func meshElsewhereIssued(s *snapshot.Snapshot) bool {
	d := meshController().find(s)
	if d == nil {
		return false
	}
	for i := range d.Spec.Template.Spec.Containers {
		args := d.Spec.Template.Spec.Containers[i].Args
		for j, arg := range args {
			value, ok := strings.CutPrefix(arg, "--certificate-manager=")
			if arg == "--certificate-manager" && j+1 < len(args) {
				value, ok = args[j+1], true
			}
			if ok {
				return value == "vault" || value == "cert-manager"
			}
		}
	}
	return false
}

// meshValidity is how long a certificate of a sidecar is good for.
func meshValidity(s *snapshot.Snapshot) time.Duration {
	config := meshConfig(s)
	if config == nil {
		return 0
	}
	text, _, err := unstructured.NestedString(config.Object, "spec", "certificate", "serviceCertValidityDuration")
	if err != nil {
		return 0 // OSM-20 tells of it
	}
	validity, err := time.ParseDuration(text)
	if err != nil {
		return 0
	}
	return validity
}
