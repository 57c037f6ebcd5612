package check

import (
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/explain"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// fluxFeature can never pass: only Azure knows the features of a subscription.
func fluxFeature() doctor.Check {
	return doctor.Check{
		ID: "FLX-05", Severity: doctor.Medium,
		Uses:         []snapshot.Need{snapshot.Everywhere(snapshot.ExtensionConfigs), snapshot.Everywhere(snapshot.Nodes)},
		AppliesNeeds: []snapshot.Need{snapshot.Everywhere(snapshot.Nodes), snapshot.Everywhere(snapshot.ExtensionConfigs)},
		Applies: func(s *snapshot.Snapshot) string {
			switch {
			case !extensionOnAKS(s):
				return doctor.OtherPlatform
			case !slices.ContainsFunc(extStatuses(s), func(e extStatus) bool { return e.flux() && e.Failed }):
				return doctor.NeedsAzure
			}
			return ""
		},
		Eval: func(*snapshot.Snapshot) []doctor.Finding {
			return []doctor.Finding{{
				Status: doctor.Unknown, Key: "onlyAzure",
				Remedies: []doctor.Remedy{
					{Key: "show", Risk: doctor.Manual, Commands: []string{"az feature show --namespace Microsoft.ContainerService --name AKS-ExtensionManager"}},
					{Key: "register", Risk: doctor.Manual, Commands: []string{"az feature register --namespace Microsoft.ContainerService --name AKS-ExtensionManager"}},
				},
			}}
		},
	}
}

func fluxIntercepted() doctor.Check {
	return doctor.Check{
		ID: "FLX-06", Severity: doctor.High, Asked: true, Logs: fluxTokenLogs(),
		Uses: []snapshot.Need{
			snapshot.Everywhere(snapshot.ExtensionConfigs), snapshot.Everywhere(snapshot.DaemonSets), snapshot.Everywhere(snapshot.PodIdentityExempt), snapshot.Everywhere(snapshot.Definitions),
			snapshot.In(extSystem, snapshot.Pods), snapshot.In(arcSpace, snapshot.Pods),
		},
		AppliesNeeds: []snapshot.Need{snapshot.Everywhere(snapshot.DaemonSets)},
		Applies: func(s *snapshot.Snapshot) string {
			if len(fluxPodIdentity(s)) > 0 || len(fluxTokenRefused(s)) > 0 {
				return ""
			}
			return doctor.NotInstalled
		},
		Eval: judgeFluxToken,
	}
}

func fluxTokenLogs() []snapshot.LogNeed {
	const lines = 1000
	return []snapshot.LogNeed{
		{Namespace: extSystem, Prefix: "extension-agent-", Lines: lines}, {Namespace: arcSpace, Prefix: "extension-manager-", Lines: lines},
	}
}

// fluxPodIdentity returns what shows that pod identity is installed: its DaemonSet, its definition.
func fluxPodIdentity(s *snapshot.Snapshot) []doctor.Object {
	var found []doctor.Object
	for i := range s.DaemonSets {
		d := &s.DaemonSets[i]
		named := d.Name == "nmi" || strings.HasSuffix(d.Name, "-nmi")
		if named || slices.ContainsFunc(d.Spec.Template.Spec.Containers, func(c corev1.Container) bool { return c.Name == "nmi" }) {
			found = append(found, doctor.Object{Kind: "DaemonSet", Namespace: d.Namespace, Name: d.Name})
		}
	}
	for i := range s.Definitions {
		if name := s.Definitions[i].GetName(); name == "azureidentities.aadpodidentity.k8s.io" {
			found = append(found, doctor.Object{Kind: "CustomResourceDefinition", Name: name})
		}
	}
	return found
}

// fluxTokenRefused returns the last line of each log that says that the agent got no token, unless it got one later.
func fluxTokenRefused(s *snapshot.Snapshot) []doctor.Evidence {
	var found []doctor.Evidence
	for _, log := range s.Logs {
		if log.Previous || !slices.ContainsFunc(fluxTokenLogs(), func(n snapshot.LogNeed) bool { return n.Matches(log) }) {
			continue
		}
		talk, refused, number := extRead(log, extMoment(s, log)), extLine{}, 0
		for text := range strings.SplitSeq(log.Text, "\n") {
			number++
			if id, _, ok := explain.Classify(text); ok && id == "FLX-06" {
				refused = extParse(number, text, extMoment(s, log))
			}
		}
		if refused.Number > 0 && !talk.Answered.after(refused) {
			found = append(found, doctor.Evidence{Source: "log", Object: talk.Pod.String(), Text: refused.Text, Time: refused.Time})
		}
	}
	return found
}

func judgeFluxToken(s *snapshot.Snapshot) []doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "intercepted", Objects: fluxPodIdentity(s), Evidence: fluxTokenRefused(s),
		Remedies: []doctor.Remedy{{Key: "upgrade", Risk: doctor.Manual, Commands: []string{
			"az k8s-extension update -g <resource-group> -c <cluster-name> -n flux -t <connectedClusters or managedClusters>",
		}}},
	}
	if len(finding.Objects) > 0 && !fluxExempt(s) {
		finding.Evidence = append(finding.Evidence, fluxUnpopulated(s)...)
	}
	if len(finding.Evidence) == 0 {
		return nil
	}
	if len(finding.Objects) == 0 {
		finding.Key = "noIdentity"
	}
	return []doctor.Finding{finding}
}

// fluxExempt reports whether the agents' pods are excepted from pod identity.
func fluxExempt(s *snapshot.Snapshot) bool {
	for i := range s.Custom[snapshot.PodIdentityExempt] {
		if space := s.Custom[snapshot.PodIdentityExempt][i].GetNamespace(); space == extSystem || space == arcSpace || space == extFlux {
			return true
		}
	}
	return false
}

// fluxUnpopulated returns what a failed extension says of a status that nobody wrote.
func fluxUnpopulated(s *snapshot.Snapshot) []doctor.Evidence {
	var found []doctor.Evidence
	for _, status := range extStatuses(s) {
		for _, message := range status.about("FLX-06") {
			found = append(found, doctor.Evidence{Source: "status", Object: status.Object.String(), Text: message})
		}
	}
	return found
}

func fluxKubelet() doctor.Check {
	check := fluxPart(doctor.Check{
		ID: "FLX-07", Severity: doctor.Medium, Eval: judgeFluxKubelet,
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.OCIRepositories), snapshot.Everywhere(snapshot.HelmRepositories)},
		Uses:  append(helmReleaseNeeds(), snapshot.Everywhere(snapshot.ExtensionConfigs), snapshot.Everywhere(snapshot.Nodes)),
	})
	present := check.Applies
	check.Applies = func(s *snapshot.Snapshot) string {
		if reason := present(s); reason != "" {
			return reason
		}
		if !extensionOnAKS(s) {
			return doctor.OtherPlatform
		}
		return ""
	}
	check.AppliesNeeds = append(check.AppliesNeeds, snapshot.Everywhere(snapshot.Nodes))
	return check
}

func judgeFluxKubelet(s *snapshot.Snapshot) []doctor.Finding {
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "absent", Remedies: []doctor.Remedy{{Key: "install", Risk: doctor.Manual, Commands: []string{
			"az k8s-extension create --resource-group <resource-group> --cluster-name <cluster-name> --cluster-type managedClusters --name flux" +
				" --extension-type microsoft.flux --config useKubeletIdentity=true",
		}}},
	}
	for _, o := range fluxObjects(s) {
		if o.failing() && fluxRegistryRefuses(&o) {
			finding.Objects = append(finding.Objects, o.Object)
			finding.Evidence = arcSay(finding.Evidence, o.evidence(o.Ready.Message))
		}
	}
	set, known := fluxSetting(s, "useKubeletIdentity")
	switch {
	case len(finding.Objects) == 0, strings.EqualFold(set, "true"):
		return nil // with the setting in place the object itself is the finding: FLX-10
	case !known:
		var gaps []snapshot.Gap
		for _, need := range append(helmReleaseNeeds(), snapshot.Everywhere(snapshot.ExtensionConfigs)) {
			if gap, missing := s.Missing(need); missing {
				gaps = append(gaps, gap)
			}
		}
		if len(gaps) > 0 {
			return []doctor.Finding{arcUnknown(gaps...)}
		}
	}
	return []doctor.Finding{finding}
}

// fluxRegistryRefuses reports whether a source in Azure's registry is refused for who asks.
func fluxRegistryRefuses(o *fluxObject) bool {
	if o.Object.Kind != "OCIRepository" && o.Object.Kind != "HelmRepository" {
		return false
	}
	return extText(o.meta, "spec", "provider") == "azure" && strings.Contains(extText(o.meta, "spec", "url"), ".azurecr.") &&
		regexp.MustCompile(`(?i)\b40[13]\b|unauthorized|denied|authenticat|credential|token|identity`).MatchString(o.Ready.Message)
}

// fluxSetting looks for a setting of the extension, in its release and in its own object, and says whether either could be read.
func fluxSetting(s *snapshot.Snapshot, name string) (string, bool) {
	known := false
	for _, r := range s.Releases {
		if !fluxRelease(r) || !r.Read {
			continue
		}
		known = true
		if value := fluxFind(r.Values, name); value != "" {
			return value, true
		}
	}
	for i := range s.Custom[snapshot.ExtensionConfigs] {
		u := &s.Custom[snapshot.ExtensionConfigs][i]
		if status := (extStatus{Object: doctor.Object{Name: u.GetName()}, Type: extText(u, "spec", "extensionType")}); !status.flux() {
			continue
		}
		known = true
		if value := fluxFind(u.Object["spec"], name); value != "" {
			return value, true
		}
	}
	return "", known
}

// fluxFind looks for a key at any depth; settings may be written with dots.
func fluxFind(value any, name string) string {
	inner, _ := value.(map[string]any)
	for key, value := range inner {
		if strings.EqualFold(key, name) || strings.HasSuffix(strings.ToLower(key), "."+strings.ToLower(name)) {
			switch value := value.(type) {
			case bool:
				if value {
					return "true"
				}
				return "false"
			case string:
				return value
			}
		}
		if found := fluxFind(value, name); found != "" {
			return found
		}
	}
	return ""
}
