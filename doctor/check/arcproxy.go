package check

import (
	"encoding/json"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
	"github.com/fairlead/fairlead/doctor/workload"
)

const (
	arcEnforce      = "pod-security.kubernetes.io/enforce"
	arcProxyAccount = "azure-arc-kube-aad-proxy-sa"
)

// arcProxyCheck is a check that is skipped where there is no kube-aad-proxy.
func arcProxyCheck(check doctor.Check) doctor.Check {
	check = arcAgent(check)
	check.Applies = func(s *snapshot.Snapshot) string {
		if _, there := arcDeployment(s, arcProxy); there {
			return ""
		}
		if arcInstalled(s) {
			return doctor.FeatureOff
		}
		return doctor.NotInstalled
	}
	check.AppliesNeeds = []snapshot.Need{snapshot.In(arcSpace, snapshot.Deployments)}
	return check
}

func arcProxyRefused() doctor.Check {
	return arcProxyCheck(doctor.Check{
		ID: "ARC-11", Severity: doctor.High, After: []string{"ARC-13"}, Needs: arcPods(),
		Uses: append(arcWorkloadNeeds(), snapshot.Everywhere(snapshot.Namespaces)), Eval: judgeArcProxy,
	})
}

func judgeArcProxy(s *snapshot.Snapshot) []doctor.Finding {
	found := arcGather(arcOf(s, "ARC-11"), func(t workload.Trouble) string {
		if strings.Contains(t.Message, "violates PodSecurity") {
			return "podSecurity"
		}
		return "policy"
	})
	for i := range found {
		f := &found[i]
		f.Objects = append(f.Objects, arcObject("ServiceAccount", arcProxyAccount))
		f.Remedies = []doctor.Remedy{{Key: "exempt", Risk: doctor.Manual, Commands: []string{
			"oc adm policy add-scc-to-user privileged system:serviceaccount:" + arcSpace + ":" + arcProxyAccount,
		}}}
		if f.Key == "podSecurity" {
			f.Remedies = []doctor.Remedy{arcRelax(s)}
		}
	}
	return found
}

// arcRelax lifts Pod Security's level of the agents' namespace and knows how it was.
func arcRelax(s *snapshot.Snapshot) doctor.Remedy {
	label := "kubectl label namespace " + arcSpace + " " + arcEnforce
	undo := label + "-"
	for i := range s.Namespaces {
		if level := s.Namespaces[i].Labels[arcEnforce]; s.Namespaces[i].Name == arcSpace && level != "" {
			undo = label + "=" + level + " --overwrite"
		}
	}
	return doctor.Remedy{
		Key: "relax", Risk: doctor.Ask, Commands: []string{label + "=privileged --overwrite"}, Undo: []string{undo},
		Actions: []doctor.Action{{
			Verb: doctor.MergePatch, APIVersion: "v1", Resource: "namespaces", Name: arcSpace,
			Body: json.RawMessage(`{"metadata":{"labels":{"` + arcEnforce + `":"privileged"}}}`),
		}},
	}
}

func arcProxyCertificate() doctor.Check {
	return arcProxyCheck(doctor.Check{
		ID: "ARC-12", Severity: doctor.High, After: append([]string{"ARC-08", "ARC-09", "ARC-10"}, arcNetwork()...),
		Needs: append(arcPods(), snapshot.In(arcSpace, snapshot.Secrets)),
		Uses:  append(arcWorkloadNeeds(), snapshot.In(arcSpace, snapshot.ArcCertificates), arcConfigNeed()), Eval: judgeArcProxyCertificate,
	})
}

func judgeArcProxyCertificate(s *snapshot.Snapshot) []doctor.Finding {
	troubles := arcOf(s, "ARC-12")
	lacks := arcLacksSecret(s, arcProxySecret) && arcMountsProxySecret(s)
	if len(troubles) == 0 && !lacks {
		return nil
	}
	finding := doctor.Finding{Status: doctor.Warn, Severity: doctor.Medium, Key: "missing", Scope: arcSpace, Objects: []doctor.Object{arcObject("Deployment", arcProxy)}}
	if len(troubles) > 0 {
		finding = arcGroup("stuck", troubles)
	}
	finding.Args = map[string]string{"secret": arcProxySecret}
	finding.Objects = append(finding.Objects, arcObject("Secret", arcProxySecret))
	finding.Evidence = append(finding.Evidence, arcCertificateEvidence(s)...)
	if c := s.Coverage[snapshot.ArcCertificates]; c == nil || c.Served {
		finding.Remedies = []doctor.Remedy{{Key: "look", Risk: doctor.Manual, Commands: []string{"kubectl describe arccertificates.clusterconfig.azure.com -n " + arcSpace}}}
	}
	finding.Remedies = append(finding.Remedies, doctor.Remedy{
		Key: "again", Risk: doctor.Manual, Commands: []string{arcCommand(s, "delete"), "az connectedk8s connect -n <another-cluster-name> -g <resource-group>"},
	})
	return []doctor.Finding{finding}
}

// arcMountsProxySecret reports whether this version of kube-aad-proxy wants the Secret at all.
func arcMountsProxySecret(s *snapshot.Snapshot) bool {
	d, there := arcDeployment(s, arcProxy)
	if !there {
		return false
	}
	for i := range d.Spec.Template.Spec.Volumes {
		volume := &d.Spec.Template.Spec.Volumes[i]
		if volume.Secret != nil && volume.Secret.SecretName == arcProxySecret {
			return volume.Secret.Optional == nil || !*volume.Secret.Optional
		}
	}
	return false
}

func arcCertificateEvidence(s *snapshot.Snapshot) []doctor.Evidence {
	var all []doctor.Evidence
	for _, certificate := range s.Custom[snapshot.ArcCertificates] {
		status, there, err := unstructured.NestedMap(certificate.Object, "status")
		if err != nil || !there || certificate.GetNamespace() != arcSpace || certificate.GetName() != arcProxy {
			continue
		}
		text, err := json.Marshal(status)
		if err != nil {
			continue
		}
		all = append(all, doctor.Evidence{Source: "status", Object: arcObject("ArcCertificate", arcProxy).String(), Text: string(text)})
	}
	return slices.Clip(all)
}
