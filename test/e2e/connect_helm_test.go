package e2e_test

import (
	"os"
	"path/filepath"

	"github.com/fairlead/fairlead/test/e2e/rig/helm"
)

// tugChart is a chart with something to wait for.
func tugChart() map[string]string {
	return map[string]string{
		"Chart.yaml":  "apiVersion: v2\nname: tug\nversion: 1.0.0\n",
		"values.yaml": "lines: \"2\"\n",
		"templates/tug.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app: tug}}
  template:
    metadata: {labels: {app: tug}}
    spec:
      terminationGracePeriodSeconds: 1
      containers: [{name: kit, image: "` + kitImage + `", args: [lines, {{ .Values.lines | quote }}]}]
`,
	}
}

// helmReleases installs, upgrades and uninstalls a chart through the hub, and each waits for what it has changed.
func helmReleases(w *ways) {
	dir := w.t.TempDir()
	for name, text := range tugChart() {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			w.t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	release := helm.Release{Kubeconfig: w.hub.kubeconfig, Namespace: w.hub.namespace, Name: "tug"}
	if err := release.Install(w.t.Context(), dir, nil); err != nil {
		w.t.Fatal(err)
	}
	if err := release.Upgrade(w.t.Context(), dir, map[string]any{"lines": "3"}); err != nil {
		w.t.Fatal(err)
	}
	if got := w.kubectl("get", "deployment", "tug", "-n", w.hub.namespace, "-o", "jsonpath={.status.availableReplicas} {.spec.template.spec.containers[0].args[1]}"); got != "1 3" {
		w.t.Errorf("the release is %q", got)
	}
	if err := release.Uninstall(); err != nil {
		w.t.Error(err)
	}
	if left := w.kubectl("get", "deployments,secrets", "-n", w.hub.namespace, "-o", "name"); left != "" {
		w.t.Errorf("left are %s", left)
	}
}
