package injection_test

import (
	"slices"
	"testing"

	"github.com/fairlead/fairlead/test/injection/stage"
)

// callers are people who may not see everything, by the rights that they are given.
func callers() map[string]string {
	const view = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everywhere}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: everywhere, namespace: default}]
`
	return map[string]string{
		"nothing": "",
		"one-namespace": `apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: one-namespace, namespace: azure-arc}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
subjects: [{kind: ServiceAccount, name: one-namespace, namespace: default}]
`,
		"everywhere": view,
		"without-secrets": `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: without-secrets}
rules:
  - {apiGroups: [""], resources: [pods, pods/log, nodes, namespaces, services, configmaps, events, resourcequotas, limitranges], verbs: [get, list]}
  - {apiGroups: [apps, batch, discovery.k8s.io, networking.k8s.io, admissionregistration.k8s.io, apiextensions.k8s.io], resources: ["*"], verbs: [get, list]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: without-secrets}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: without-secrets}
subjects: [{kind: ServiceAccount, name: without-secrets, namespace: default}]
`,
	}
}

// runCallers compares what people with fewer rights are told with what the administrator is told: neither health nor failures
// may be made up.
func (b *bench) runCallers() {
	faults := []func(*bench){scale("config-agent", "0"), deleteSecret("azure-identity-certificate"), appIsThere(missingSecret()), scaleNames("0")}
	files := map[string]string{}
	for name, rights := range callers() {
		if rights != "" {
			b.apply(rights)
		}
		files[name] = b.kubeconfig(name, func(_, user map[string]any) { user["as"] = "system:serviceaccount:default:" + name })
	}
	b.t.Run("Healthy", func(t *testing.T) { b.on(t).compareCallers(files) })
	b.t.Run("Broken", func(t *testing.T) {
		on := b.on(t)
		defer func() {
			for _, heal := range []func(*bench){scaleNames("1"), dropApp, scale("config-agent", "1"), restoreSecrets} {
				heal(on)
			}
		}()
		for _, inject := range faults {
			inject(on)
		}
		on.eventually(patience, func() string {
			report := on.doctor()
			for _, id := range []string{"ARC-08", "ARC-04", "HLM-05", "NET-01"} {
				if len(report.Of(id)) == 0 || report.Of(id)[0].Status != "fail" {
					return id + " is not there yet:\n" + report.Problems()
				}
			}
			return ""
		})
		on.compareCallers(files)
	})
}

func (b *bench) compareCallers(files map[string]string) {
	full := statuses(b.doctor("--show", "all"))
	for name, file := range files {
		b.t.Run(name, func(t *testing.T) {
			defer b.on(t).record("SELF-01")
			report := b.on(t).doctor("--show", "all", "--kube-config", file)
			for id, status := range statuses(report) {
				switch bad := full[id] == "fail" || full[id] == "warn"; {
				case bad && status == "pass":
					t.Errorf("%s is %s, and is said to pass: %s", id, full[id], report.Of(id)[0].Reason)
				case bad && status == "skipped" && report.Of(id)[0].CausedBy == "":
					t.Errorf("%s is %s, and is said not to apply: %s", id, full[id], report.Of(id)[0].Reason)
				case !bad && (status == "fail" || status == "warn"):
					t.Errorf("%s is %s, and is said to %s: %s", id, full[id], status, report.Of(id)[0].Reason)
				}
			}
			b.on(t).tellsLimits(report, full)
		})
	}
}

// tellsLimits wants it said that not everything was seen.
func (b *bench) tellsLimits(report stage.Report, full map[string]string) {
	b.t.Helper()
	if got := statuses(report)["SELF-01"]; got != "unknown" {
		b.t.Errorf("SELF-01 is %q: nobody is told what was not seen", got)
	}
	want := []int{2}
	if slices.Contains([]string{full["ARC-08"], full["ARC-04"]}, "fail") {
		want = append(want, 1) // who sees one of the failures is told
	}
	if !slices.Contains(want, report.Code) {
		b.t.Errorf("exit code %d, want one of %v:\n%s", report.Code, want, report.Problems())
	}
}

// statuses returns the worst status of each id.
func statuses(report stage.Report) map[string]string {
	order := []string{"", "skipped", "pass", "unknown", "warn", "fail"}
	worst := map[string]string{}
	for _, f := range report.Findings {
		if slices.Index(order, f.Status) > slices.Index(order, worst[f.ID]) {
			worst[f.ID] = f.Status
		}
	}
	return worst
}
