package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"time"
)

// ferry is a chart of the kit with everything in it: settings, a protected one, a Job, and a pod to wait for. Its version 2.0.0
// does not start, and writes its password into the log.
func ferry() map[string]string {
	return map[string]string{
		"settings.yaml": `apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {version: {{ .Chart.Version | quote }}, route: {{ .Values.route | quote }}}
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData: {password: {{ .Values.password | quote }}}
`,
		"migrate.yaml": `apiVersion: batch/v1
kind: Job
metadata: {name: {{ .Release.Name }}-{{ .Chart.Version | replace "." "-" }}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: migrate, image: "` + kitImage + `", args: [bytes, "0"]}]
`,
		"pods.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {matchLabels: {app: ferry}}
  template:
    metadata: {labels: {app: ferry, version: {{ .Chart.Version | quote }}}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: kit
        image: "` + kitImage + `"
        {{- if eq .Chart.Version "2.0.0" }}
        args: [exit, "3", {{ printf "cannot log in with %s" .Values.password | quote }}]
        {{- else }}
        args: [serve]
        {{- end }}
        readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
`,
	}
}

const ferryNamespace = "test-ferry"

// life is that of an extension from its type to its end.
func life(y *yard) {
	for _, version := range []string{"1.0.0", "1.1.0", "2.0.0"} {
		y.offers("ferry", version, ferry())
	}
	if versions := y.must("extension-type", "versions", "test.ferry", "-o", "json"); !strings.Contains(versions, "2.0.0") {
		y.t.Errorf("the type has versions %s", versions)
	}
	y.created()
	y.upgraded()
	y.reconfigured()
	y.rolledBack()
	y.keptSecrets()
	y.does("delete", "ferry", "--yes")
	y.nothingOf("ferry", ferryNamespace)
	y.fails([]string{"ResourceNotFound"}, "show", "ferry")
}

// secretFile is a file with protected settings.
func (y *yard) secretFile(value string) string {
	y.t.Helper()
	file := filepath.Join(y.t.TempDir(), "secrets.json")
	if err := os.WriteFile(file, []byte(`{"password": "`+value+`"}`), 0o600); err != nil {
		y.t.Fatal(err)
	}
	return file
}

func (y *yard) created() {
	y.t.Helper()
	y.does("create", "ferry", "--extension-type", "test.ferry", "--version", "1.0.0", "--config", "route=harbour", "--config-protected-file", y.secretFile(password), "--timeout", "60s", "--debug")
	y.runs("1.0.0", "harbour", password)
	shown := y.shown("ferry").Properties
	if value, there := shown.ConfigurationProtectedSettings["password"]; !there || value != nil || shown.ConfigurationSettings["route"] != "harbour" {
		y.t.Errorf("the settings are shown as %v and %v", shown.ConfigurationSettings, shown.ConfigurationProtectedSettings)
	}
	if table := y.must("k8s-extension", "list", "-g", "default", "-c", edge, "-t", "connectedClusters", "-o", "table"); !strings.Contains(table, "ferry") || !strings.Contains(table, "Succeeded") {
		y.t.Errorf("the list is\n%s", table)
	}
	if done := y.kubectl("get", "job", "ferry-1-0-0", "-n", ferryNamespace, "-o", "jsonpath={.status.succeeded}"); done != "1" {
		y.t.Errorf("it succeeded before its Job was done: %q", done)
	}
}

// runs checks what the hub says and what the cluster has.
func (y *yard) runs(version, route, secret string) {
	y.t.Helper()
	if got := y.shown("ferry").Properties; got.ProvisioningState != "Succeeded" || got.CurrentVersion != version || got.ErrorInfo != nil {
		y.t.Errorf("the hub shows %+v", got)
	}
	y.has(version, route, secret)
}

func (y *yard) has(version, route, secret string) {
	y.t.Helper()
	settings := y.kubectl("get", "configmap", "ferry", "-n", ferryNamespace, "-o", "jsonpath={.data.version} {.data.route}")
	pods := y.kubectl("get", "deployment", "ferry", "-n", ferryNamespace, "-o", "jsonpath={.spec.template.metadata.labels.version} {.status.readyReplicas}")
	if settings != version+" "+route || pods != version+" 1" {
		y.t.Errorf("the cluster has %q and pods %q, want version %s and %s", settings, pods, version, route)
	}
	if got := y.kubectl("get", "secret", "ferry", "-n", ferryNamespace, "-o", "go-template={{.data.password | base64decode}}"); got != secret {
		y.t.Error("the chart has another password than it was given")
	}
	if deployed := y.kubectl("get", "secrets", "-n", ferryNamespace, "-l", "owner=helm,name=ferry,status=deployed", "-o", "name"); len(strings.Fields(deployed)) != 1 {
		y.t.Errorf("as deployed Helm has %q", deployed)
	}
}

func (y *yard) upgraded() {
	y.t.Helper()
	y.does("update", "ferry", "--version", "1.1.0", "--auto-upgrade", "false")
	y.runs("1.1.0", "harbour", password)
}

func (y *yard) reconfigured() {
	y.t.Helper()
	y.does("update", "ferry", "--config", "route=island")
	y.runs("1.1.0", "island", password)
	y.does("update", "ferry", "--config-protected-file", y.secretFile(renewed))
	y.runs("1.1.0", "island", renewed)
}

// rolledBack lets an upgrade fail: what ran before runs again, and the extension says so.
func (y *yard) rolledBack() {
	y.t.Helper()
	y.fails([]string{"ExtensionUpdateFailed", "; version 1.1.0 runs again", "cannot log in with <protected setting>", "fairlead explain HLM-05"},
		"update", "ferry", "--version", "2.0.0", "--timeout", "15s")
	shown := y.shown("ferry").Properties
	if shown.ProvisioningState != "Failed" || shown.CurrentVersion != "1.1.0" || shown.ErrorInfo == nil {
		y.t.Fatalf("the hub shows %+v", shown)
	}
	if shown.ErrorInfo.Code != "ReadinessTimeout" || shown.ErrorInfo.Target != "Deployment/"+ferryNamespace+"/ferry" {
		y.t.Errorf("the error is %+v", shown.ErrorInfo)
	}
	if text := shown.ErrorInfo.text(); strings.Contains(text, "kubectl describe pod") || strings.Contains(text, "--previous") {
		y.t.Errorf("it sends people to a pod that the roll-back has ended:\n%s", text)
	}
	y.has("1.1.0", "island", renewed)
	events := y.does("events", "ferry", "-o", "json")
	y.lacks(events, []string{"RollingBack", "Waiting", "Pod ferry-"})
	y.does("update", "ferry", "--version", "1.1.0", "--timeout", "60s")
	y.runs("1.1.0", "island", renewed)
}

// nothingOf checks that an extension has left nothing behind.
func (y *yard) nothingOf(name, namespace string) {
	y.t.Helper()
	y.eventually(30*time.Second, func() string { // pods take a moment to end
		if left := y.kubectl("get", "deployments,jobs,pods,secrets,persistentvolumeclaims", "-n", namespace, "-o", "name"); left != "" {
			return "left are " + left
		}
		return ""
	})
	if left := y.kubectl("get", "extensionconfigs,secrets", "-n", "azure-arc", "-o", "name"); strings.Contains(left+"\n", "/"+name+"\n") || strings.Contains(left, "extension-settings-"+name) {
		y.t.Errorf("in azure-arc are left %s", left)
	}
}
