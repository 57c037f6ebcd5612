package check

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"time"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// meshSecret is where the mesh keeps its certificate authority.
const meshSecret = "osm-ca-bundle" //nolint:gosec // the name of a Secret, not a secret

func meshHookNeeds() []snapshot.Need {
	return []snapshot.Need{meshController().hookNeed(), meshInjector().hookNeed()}
}

func meshSecretNeed() snapshot.Need {
	return snapshot.One(meshSpace, snapshot.Certificates, meshSecret)
}

func meshBundlePresent() doctor.Check {
	return doctor.Check{
		ID: "OSM-15", Severity: doctor.High, Needs: meshHookNeeds(), Uses: append(meshWorkloadNeeds(), meshSecretNeed()),
		Eval: func(s *snapshot.Snapshot) []doctor.Finding { return meshEachBundle(s, meshPart.judgePresent) },
	}
}

func meshBundleRight() doctor.Check {
	return doctor.Check{
		ID: "OSM-16", Severity: doctor.High, Needs: meshHookNeeds(),
		Uses: append(meshWorkloadNeeds(), meshSecretNeed(), snapshot.Everywhere(snapshot.ProbeFromPod)),
		Eval: func(s *snapshot.Snapshot) []doctor.Finding { return meshEachBundle(s, meshPart.judgeRight) },
	}
}

// meshEachBundle judges the webhooks of both programs. When one of them could not be judged that is said, unless the other is a problem.
func meshEachBundle(s *snapshot.Snapshot, judge func(meshPart, *snapshot.Snapshot, meshHook) []doctor.Finding) []doctor.Finding {
	var problems, rest []doctor.Finding
	for _, part := range []meshPart{meshController(), meshInjector()} {
		for _, finding := range part.eachHook(s, judge) {
			if finding.Problem() {
				problems = append(problems, finding)
			} else {
				rest = append(rest, finding)
			}
		}
	}
	if len(problems) > 0 || len(rest) == 0 {
		return problems
	}
	return rest[:1]
}

func (p meshPart) eachHook(s *snapshot.Snapshot, judge func(meshPart, *snapshot.Snapshot, meshHook) []doctor.Finding) []doctor.Finding {
	if id := p.masked(s); id != "" {
		return []doctor.Finding{meshBehind(id)}
	}
	hooks := meshHooks(s, p)
	if len(hooks) == 0 {
		return []doctor.Finding{meshBehind(p.hook)}
	}
	var found []doctor.Finding
	for _, hook := range hooks {
		found = append(found, judge(p, s, hook)...)
	}
	return found
}

// meshCertificates parses what a bundle holds; the error says why it holds none.
func meshCertificates(bundle []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	var problem error
	for {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			break
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			problem = err
			continue
		}
		found = append(found, certificate)
	}
	if len(found) == 0 && problem == nil {
		problem = errors.New("there is no PEM block in it")
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, problem
}

// meshUsable returns the reason key for which no certificate of a bundle can vouch for anybody, "" when one can.
func meshUsable(bundle []*x509.Certificate, now time.Time) (key string, example *x509.Certificate) {
	for _, certificate := range bundle {
		example = certificate
		switch {
		case !certificate.IsCA:
			key = "notCA"
		case now.After(certificate.NotAfter):
			key = "expired"
		case now.Before(certificate.NotBefore):
			key = "notYet"
		default:
			return "", certificate
		}
	}
	return key, example
}

// judgePresent asks more than the guide, which counts characters: a bundle has to hold a certificate authority of today.
func (p meshPart) judgePresent(s *snapshot.Snapshot, hook meshHook) []doctor.Finding {
	finding := doctor.Finding{Status: doctor.Fail, Args: p.args(), Objects: []doctor.Object{hook.object()}, Remedies: []doctor.Remedy{p.restart()}}
	finding.Args["config"], finding.Args["webhook"] = hook.config, hook.name
	certificates, err := meshCertificates(hook.client.CABundle)
	switch {
	case len(bytes.TrimSpace(hook.client.CABundle)) == 0:
		finding.Key = "empty"
		finding.Evidence = meshSeen("spec", hook.object(), "clientConfig.caBundle is empty")
	case err != nil:
		finding.Key = "notPEM"
		finding.Args["problem"] = err.Error()
		finding.Evidence = meshSeen("spec", hook.object(), "clientConfig.caBundle: "+err.Error())
	default:
		key, certificate := meshUsable(certificates, s.Taken)
		if key == "" {
			return nil
		}
		finding.Key = key
		finding.Args["subject"], finding.Args["date"] = certificate.Subject.String(), certificate.NotAfter.UTC().Format(time.DateOnly)
		finding.Evidence = meshSeen("spec", hook.object(), "clientConfig.caBundle: "+meshDescribe(certificate))
		if key == "expired" && meshSame(certificates, meshAuthorities(s)) {
			finding.After = []string{"OSM-27"}
		}
	}
	return []doctor.Finding{finding}
}

func meshDescribe(certificate *x509.Certificate) string {
	return certificate.Subject.String() + ", valid from " + certificate.NotBefore.UTC().Format(time.RFC3339) + " to " + certificate.NotAfter.UTC().Format(time.RFC3339)
}

// meshAuthorities are the certificates in the mesh's Secret.
func meshAuthorities(s *snapshot.Snapshot) []*x509.Certificate {
	var found []*x509.Certificate
	for _, kept := range s.Certificates {
		if kept.Namespace != meshSpace || kept.Secret != meshSecret || kept.Key != "ca.crt" {
			continue
		}
		if certificates, err := meshCertificates([]byte(kept.PEM)); err == nil {
			found = append(found, certificates...)
		}
	}
	return found
}

// meshSame reports whether two bundles share an authority: the same key under the same name, also when it was signed anew.
func meshSame(bundle, authorities []*x509.Certificate) bool {
	for _, one := range bundle {
		for _, other := range authorities {
			if bytes.Equal(one.RawSubject, other.RawSubject) && bytes.Equal(one.RawSubjectPublicKeyInfo, other.RawSubjectPublicKeyInfo) {
				return true
			}
		}
	}
	return false
}

// judgeRight believes what the program showed to a probe first, and the mesh's Secret next.
func (p meshPart) judgeRight(s *snapshot.Snapshot, hook meshHook) []doctor.Finding {
	bundle, err := meshCertificates(hook.client.CABundle)
	if err != nil {
		return []doctor.Finding{meshBehind("OSM-15")}
	}
	if key, _ := meshUsable(bundle, s.Taken); key != "" {
		return []doctor.Finding{meshBehind("OSM-15")}
	}
	roots := x509.NewCertPool()
	for _, certificate := range bundle {
		roots.AddCert(certificate)
	}
	if stage := p.shown(s); stage != nil {
		if err := stage.Verify(roots, p.answer+"."+meshSpace+".svc", s.Taken); err != nil {
			return []doctor.Finding{p.unverified(hook, bundle, "probe", err.Error())}
		}
		return nil
	}
	return p.compared(s, hook, bundle, roots)
}

// shown returns what the program's Service presented to a probe, nil when no probe got so far.
func (p meshPart) shown(s *snapshot.Snapshot) *wire.Stage {
	if s.Probe == nil || s.Probe.Pod == nil || s.Probe.Pod.Result == nil {
		return nil
	}
	for _, target := range s.Probe.Pod.Result.Targets {
		if stage := target.Stage(wire.StageTLS); target.Name == p.answer && stage != nil && len(stage.Chain) > 0 {
			return stage
		}
	}
	return nil
}

func (p meshPart) compared(s *snapshot.Snapshot, hook meshHook, bundle []*x509.Certificate, roots *x509.CertPool) []doctor.Finding {
	authorities := meshAuthorities(s)
	gap, missing := s.Missing(meshSecretNeed())
	switch {
	case len(authorities) == 0 && missing && gap.Reason != snapshot.NotAsked:
		return []doctor.Finding{meshUnknown(s, meshSecretNeed())}
	case len(authorities) == 0:
		return []doctor.Finding{{Status: doctor.Skipped, Key: doctor.NeedsProbe}}
	case meshSame(bundle, authorities):
		return nil
	}
	if key, _ := meshUsable(authorities, s.Taken); key != "" {
		return []doctor.Finding{meshBehind("OSM-27")}
	}
	for _, authority := range authorities {
		if _, err := authority.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: s.Taken, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err == nil {
			return nil
		}
	}
	return []doctor.Finding{p.unverified(hook, bundle, "spec", "Secret "+meshSecret+" holds "+meshDescribe(authorities[0]))}
}

func (p meshPart) unverified(hook meshHook, bundle []*x509.Certificate, source, text string) doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "foreign", Args: p.args(), Objects: []doctor.Object{hook.object()}, Remedies: []doctor.Remedy{p.restart()},
		Evidence: append(meshSeen("spec", hook.object(), "clientConfig.caBundle: "+meshDescribe(bundle[0])), meshSeen(source, hook.object(), text)...),
	}
	finding.Args["config"], finding.Args["subject"], finding.Args["detail"] = hook.config, bundle[0].Subject.String(), text
	return finding
}
