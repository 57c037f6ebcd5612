package check

import (
	"regexp"
	"strings"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// helmMessage builds a check that goes by what Helm said.
func helmMessage(id string, after []string, build func(*snapshot.Snapshot, *helmSaid) doctor.Finding) doctor.Check {
	return doctor.Check{
		ID: id, Severity: doctor.High, After: after, Uses: append(helmSourceNeeds(), snapshot.Everywhere(snapshot.ConfigMaps)),
		Eval: func(s *snapshot.Snapshot) []doctor.Finding {
			found := helmFindings(helmAbout(s, id), func(said *helmSaid) doctor.Finding { return build(s, said) })
			return unlessUnseen(s, found, helmSourceNeeds()...)
		},
	}
}

// helmArgs takes what the patterns captured; texts show a dash where they caught nothing.
func helmArgs(captures map[string]string, names ...string) map[string]string {
	args := map[string]string{}
	for _, name := range names {
		args[name] = captures[name]
		if args[name] == "" {
			args[name] = "-"
		}
	}
	return args
}

func helmDownload() doctor.Check {
	return helmMessage("HLM-06", nil, func(_ *snapshot.Snapshot, said *helmSaid) doctor.Finding {
		host := regexp.MustCompile(`(?:https?|oci)://([A-Za-z0-9._-]+(?::[0-9]+)?)`).FindStringSubmatch(said.Text)
		finding := doctor.Finding{
			Status: doctor.Fail, Key: "download", Args: map[string]string{"host": "-"}, After: extNetworkCause(said.Text),
			Remedies: []doctor.Remedy{{Key: "open", Args: map[string]string{"host": "-"}, Risk: doctor.Manual, Commands: []string{"fairlead doctor NET --probe"}}},
		}
		if host != nil {
			finding.Args["host"], finding.Remedies[0].Args["host"] = host[1], host[1]
		}
		if regexp.MustCompile(`\b40[134]\b|unauthorized|denied|not found`).MatchString(said.Text) {
			finding.Key, finding.After = "answered", nil
			finding.Remedies = []doctor.Remedy{{Key: "reference", Risk: doctor.Manual}}
		}
		return finding
	})
}

func helmRender() doctor.Check {
	return helmMessage("HLM-07", nil, func(_ *snapshot.Snapshot, said *helmSaid) doctor.Finding {
		finding := doctor.Finding{
			Status: doctor.Fail, Key: "render", Args: helmArgs(said.Captures, "template", "line", "message", "value"),
			Remedies: []doctor.Remedy{{Key: "value", Risk: doctor.Manual}},
		}
		looked := regexp.MustCompile(`lookup "[^"]*" "([A-Za-z]+)" "([a-z0-9.-]*)" "([A-Za-z0-9.:-]+)"`).FindStringSubmatch(strings.ReplaceAll(said.Text, `\"`, `"`))
		switch {
		case looked != nil:
			finding.Key = "lookup"
			finding.Args["kind"], finding.Args["namespace"], finding.Args["name"] = looked[1], looked[2], looked[3]
			finding.Remedies = []doctor.Remedy{{Key: "lookup", Risk: doctor.Manual, Commands: []string{"kubectl get " + strings.ToLower(looked[1]) + " " + looked[3] + helmIn(looked[2])}}}
		case strings.Contains(said.Text, "execution error at"):
			finding.Key = "required"
		}
		return finding
	})
}

func helmIn(namespace string) string {
	if namespace == "" {
		return ""
	}
	return " -n " + namespace
}

func helmExists() doctor.Check {
	return helmMessage("HLM-09", nil, func(s *snapshot.Snapshot, said *helmSaid) doctor.Finding {
		finding := doctor.Finding{
			Status: doctor.Fail, Key: "exists", Args: helmArgs(said.Captures, "kind", "name", "namespace"),
			Remedies: []doctor.Remedy{{Key: "see", Risk: doctor.Manual}},
		}
		text := strings.ReplaceAll(said.Text, `\"`, `"`)
		m := regexp.MustCompile(`([A-Za-z]+) "([A-Za-z0-9.:-]+)" in namespace "([a-z0-9.-]*)" exists and cannot be imported`).FindStringSubmatch(text)
		if m == nil {
			finding.Key = "existsSomewhere"
			return finding
		}
		object := doctor.Object{Kind: m[1], Namespace: m[3], Name: m[2]}
		finding.Objects = []doctor.Object{object}
		finding.Args = map[string]string{"kind": m[1], "name": m[2], "namespace": m[3], "owner": helmOwner(s, object, text)}
		if m[3] == "" {
			finding.Args["namespace"] = "-"
		}
		if finding.Args["owner"] != "" {
			finding.Key = "owned"
		}
		which := strings.ToLower(m[1]) + " " + m[2] + helmIn(m[3])
		finding.Remedies = []doctor.Remedy{
			{Key: "delete", Risk: doctor.Manual, Commands: []string{"kubectl get " + which + " -o yaml > backup.yaml", "kubectl delete " + which}},
			{Key: "adopt", Risk: doctor.Manual, Commands: helmAdopt(which, text)},
		}
		return finding
	})
}

// helmOwner names the release that an object belongs to.
func helmOwner(s *snapshot.Snapshot, o doctor.Object, message string) string {
	if release := extOwners(s)[o]; release != "" && release != extSomeRelease {
		return strings.TrimPrefix(release, "/")
	}
	for i := range s.ConfigMaps {
		c := &s.ConfigMaps[i]
		if o.Kind == "ConfigMap" && c.Namespace == o.Namespace && c.Name == o.Name && c.Annotations["meta.helm.sh/release-name"] != "" {
			return c.Annotations["meta.helm.sh/release-namespace"] + "/" + c.Annotations["meta.helm.sh/release-name"]
		}
	}
	if m := regexp.MustCompile(`key "meta\.helm\.sh/release-name" must equal "[^"]*": current value is "([^"]+)"`).FindStringSubmatch(message); m != nil {
		return m[1]
	}
	return ""
}

// helmAdopt makes the commands that let the release take the object over.
func helmAdopt(which, message string) []string {
	value := func(key, missing string) string {
		m := regexp.MustCompile(`"meta\.helm\.sh/` + key + `"[^;]*?must (?:be set to|equal) "([a-z0-9.-]+)"`).FindStringSubmatch(message)
		if m == nil {
			return missing
		}
		return m[1]
	}
	return []string{
		"kubectl label --overwrite " + which + " app.kubernetes.io/managed-by=Helm",
		"kubectl annotate --overwrite " + which + " meta.helm.sh/release-name=" + value("release-name", "<release>") +
			" meta.helm.sh/release-namespace=" + value("release-namespace", "<namespace>"),
	}
}

func helmNameTaken() doctor.Check {
	return helmMessage("HLM-10", []string{"ARC-02", "FLX-04", "FLX-02", "HLM-08", "HLM-01"}, func(s *snapshot.Snapshot, _ *helmSaid) doctor.Finding {
		finding := doctor.Finding{
			Status: doctor.Fail, Key: "taken", Args: map[string]string{"releases": "-"},
			Remedies: []doctor.Remedy{{Key: "uninstall", Risk: doctor.Ask, Commands: []string{"helm list --all-namespaces --all"}}},
		}
		var names []string
		for _, r := range s.Releases {
			if r.Status != "deployed" && r.Status != "superseded" {
				names = append(names, r.Namespace+"/"+r.Name)
				finding.Objects = append(finding.Objects, helmStorage(r))
				finding.Remedies[0].Commands = append(finding.Remedies[0].Commands, "helm uninstall "+r.Name+" -n "+r.Namespace)
			}
		}
		if len(names) > 0 {
			finding.Args["releases"] = strings.Join(names, ", ")
		}
		return finding
	})
}
