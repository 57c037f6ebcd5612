package check

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func arcOpenShift() doctor.Check {
	return doctor.Check{
		ID: "ARC-13", Severity: doctor.High, Asked: true,
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.ClusterVersions)},
		Uses:  append(arcPods(), snapshot.Everywhere(snapshot.SecurityContexts), arcConfigNeed()),
		Applies: func(s *snapshot.Snapshot) string {
			if !arcInstalled(s) && arcNeighbour(s) {
				return doctor.NotInstalled
			}
			return ""
		},
		Eval: judgeOpenShift,
	}
}

func judgeOpenShift(s *snapshot.Snapshot) []doctor.Finding {
	if !s.Coverage[snapshot.ClusterVersions].Served {
		return []doctor.Finding{{Status: doctor.Skipped, Key: doctor.OtherPlatform}}
	}
	var found []doctor.Finding
	version := openShiftVersion(s)
	if version != "" && openShiftTooOld(version) {
		object := doctor.Object{Kind: "ClusterVersion", Name: "version"}
		finding := doctor.Finding{
			Status: doctor.Fail, Key: "tooOld", Args: map[string]string{"version": version}, Objects: []doctor.Object{object},
			Evidence: []doctor.Evidence{{Source: "status", Object: object.String(), Text: "version " + version}},
			Remedies: []doctor.Remedy{{Key: "upgrade", Risk: doctor.Manual, Commands: []string{"oc adm upgrade"}}},
		}
		if arcAvailable(s) { // it is unsupported, and it works
			finding.Status, finding.Severity = doctor.Warn, doctor.Medium
		}
		found = append(found, finding)
	}
	return append(found, judgeSecurityContexts(s)...)
}

// openShiftVersion is the newest version that the cluster was brought to.
func openShiftVersion(s *snapshot.Snapshot) string {
	for _, object := range s.Custom[snapshot.ClusterVersions] {
		history, _, err := unstructured.NestedSlice(object.Object, "status", "history")
		if err != nil {
			continue
		}
		for _, entry := range history {
			if fields, ok := entry.(map[string]any); ok && fields["state"] == "Completed" {
				version, _ := fields["version"].(string) // one that is no text is none
				return version
			}
		}
		if version, _, err := unstructured.NestedString(object.Object, "status", "desired", "version"); err == nil {
			return version
		}
	}
	return ""
}

// openShiftTooOld knows the first release of each minor version that the agents run on; all since 4.8 do.
func openShiftTooOld(version string) bool {
	var numbers [3]int
	for i, part := range strings.SplitN(version, ".", len(numbers)) {
		digits, _, _ := strings.Cut(part, "-")
		number, err := strconv.Atoi(digits)
		if err != nil {
			return false
		}
		numbers[i] = number
	}
	first := map[int]int{5: 41, 6: 35, 7: 18}
	switch {
	case numbers[0] != 4:
		return numbers[0] < 4
	case first[numbers[1]] > 0:
		return numbers[2] < first[numbers[1]]
	}
	return numbers[1] < 5
}

// judgeSecurityContexts looks for the account in SecurityContextConstraints. That it is in none proves nothing while the pod runs: a RoleBinding
// can allow it, too.
func judgeSecurityContexts(s *snapshot.Snapshot) []doctor.Finding {
	_, wanted := arcDeployment(s, arcProxy)
	need := snapshot.Everywhere(snapshot.SecurityContexts)
	gap, missing := s.Missing(need)
	switch {
	case arcInstalled(s) && !wanted, arcProxyRuns(s):
		return nil
	case missing:
		return []doctor.Finding{arcUnknown(gap)}
	case s.Coverage[snapshot.SecurityContexts].Served && !arcAllowed(s):
	default:
		return nil
	}
	finding := doctor.Finding{
		Status: doctor.Fail, Key: "account", Args: map[string]string{"account": arcAccount()}, Objects: []doctor.Object{{Kind: "SecurityContextConstraints", Name: "privileged"}},
		Remedies: []doctor.Remedy{arcAllow(s)},
	}
	if !wanted {
		finding.Status, finding.Severity, finding.Key = doctor.Warn, doctor.Medium, "accountBefore"
	}
	return []doctor.Finding{finding}
}

func arcAccount() string { return "system:serviceaccount:" + arcSpace + ":" + arcProxyAccount }

func arcProxyRuns(s *snapshot.Snapshot) bool {
	d, there := arcDeployment(s, arcProxy)
	return there && d.Status.AvailableReplicas > 0
}

func arcAllowed(s *snapshot.Snapshot) bool {
	groups := []string{"system:serviceaccounts:" + arcSpace, "system:serviceaccounts", "system:authenticated"}
	for _, scc := range s.Custom[snapshot.SecurityContexts] {
		hostPath, said, err := unstructured.NestedBool(scc.Object, "allowHostDirVolumePlugin")
		if err != nil || said && !hostPath {
			continue
		}
		if slices.Contains(arcMembers(scc, "users"), arcAccount()) || slices.ContainsFunc(arcMembers(scc, "groups"), func(g string) bool { return slices.Contains(groups, g) }) {
			return true
		}
	}
	return false
}

func arcMembers(scc unstructured.Unstructured, field string) []string {
	members, _, err := unstructured.NestedStringSlice(scc.Object, field)
	if err != nil {
		return nil
	}
	return members
}

func arcAllow(s *snapshot.Snapshot) doctor.Remedy {
	remedy := doctor.Remedy{
		Key: "allow", Risk: doctor.Ask, Commands: []string{"oc adm policy add-scc-to-user privileged " + arcAccount()},
		Undo: []string{"oc adm policy remove-scc-from-user privileged " + arcAccount()},
	}
	for _, scc := range s.Custom[snapshot.SecurityContexts] {
		body, err := json.Marshal(map[string]any{"users": append(arcMembers(scc, "users"), arcAccount())})
		if scc.GetName() == "privileged" && err == nil {
			remedy.Actions = []doctor.Action{{
				Verb: doctor.MergePatch, APIVersion: "security.openshift.io/v1", Resource: "securitycontextconstraints", Name: "privileged", Body: body, Backup: true,
			}}
		}
	}
	return remedy
}
