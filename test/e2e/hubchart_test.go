package e2e_test

import (
	"bufio"
	"encoding/json"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
	"github.com/fairlead/fairlead/test/e2e/rig/helm"
)

const (
	house     = "hub-house" // the namespace
	houseHub  = "fairlead-hub"
	housePod  = houseHub + "-0"
	housePort = "30443"
)

// houseManifest has the namespace, whose pods have to keep to the strictest of Kubernetes' levels, and a volume. Volumes of
// type local get their group from kubelet, as those of a cloud do.
const houseManifest = `apiVersion: v1
kind: Namespace
metadata: {name: ` + house + `, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: ` + house + `}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  persistentVolumeReclaimPolicy: Retain
  storageClassName: by-hand
  local: {path: FOLDER}
  nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/os, operator: In, values: [linux]}]}]}}
`

// housed is a stage with a second hub, in a pod.
type housed struct {
	*stage
	release helm.Release
	archive string
	values  map[string]any
	secret  string // the administrator's
	empty   string // objects of the namespace before the chart
}

// hubInAPod is the life of a hub that its own chart installs, from `fairlead hub chart` to `helm uninstall`.
func hubInAPod(s *stage) {
	h := newHoused(s)
	if out, err := s.cluster.KubectlInput(s.t.Context(), strings.NewReader(strings.ReplaceAll(houseManifest, "FOLDER", s.t.TempDir())), "apply", "-f", "-"); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
	h.isStrict()
	h.empty = h.objects()
	h.install()
	h.signsIn()
	h.isSound()
	h.keepsItsState()
	h.rollsWithItsSettings()
	h.logsForCollectors()
	h.leavesItsClaim()
	s.kubectl("delete", "namespace/"+house, "persistentvolume/"+house, "--wait=false") // the node goes next
}

func newHoused(s *stage) *housed {
	s.t.Helper()
	dir := s.t.TempDir()
	h := &housed{stage: s.on(s.t), archive: filepath.Join(dir, "hub.tgz")}
	h.release = helm.Release{Kubeconfig: s.cluster.Kubeconfig, Namespace: house, Name: houseHub}
	s.must("hub", "chart", "--file", h.archive)
	said := s.run("image", "save", "--registry", "registry.example.test", "--output", filepath.Join(dir, "hub.tar")).Err
	reference, _, _ := strings.Cut(said, " ")
	if err := s.cluster.LoadImage(s.t.Context(), filepath.Join(dir, "hub.tar")); err != nil {
		s.t.Fatal(err)
	}
	h.values = map[string]any{
		"url":         "https://" + s.cluster.NodeAddress + ":" + housePort,
		"image":       map[string]any{"repository": reference[:strings.LastIndexByte(reference, ':')]},
		"persistence": map[string]any{"storageClassName": "by-hand", "size": "1Gi"},
		"service":     map[string]any{"type": "NodePort", "nodePort": 30443},
	}
	h.cli = rig.CLI{Binary: s.cli.Binary, ConfigDir: filepath.Join(dir, "config"), Kubeconfig: s.cluster.Kubeconfig}
	return h
}

// isStrict shows that the namespace's level is in force: without it, the rest would say nothing about the chart.
func (h *housed) isStrict() {
	h.t.Helper()
	out, err := h.cluster.Kubectl(h.t.Context(), "run", "careless", "-n", house, "--image=careless", "--dry-run=server")
	if err == nil || !strings.Contains(err.Error(), "violates PodSecurity") {
		h.t.Fatalf("a careless pod was not refused: %v %s", err, out)
	}
}

// objects lists what is in the namespace, but for events.
func (h *housed) objects() string {
	h.t.Helper()
	return h.kubectl("get", "all,configmaps,secrets,serviceaccounts,persistentvolumeclaims,endpointslices,controllerrevisions,"+
		"ingresses,networkpolicies,poddisruptionbudgets,roles,rolebindings", "-n", house, "-o", "name")
}

func (h *housed) install() {
	h.t.Helper()
	if err := h.release.Install(h.t.Context(), h.archive, h.values); err != nil {
		h.t.Fatalf("%v\n%s", err, h.kubectl("describe", "pods,persistentvolumeclaims", "-n", house))
	}
}

func (h *housed) inPod(args ...string) string {
	h.t.Helper()
	return h.kubectl(append([]string{"exec", "-n", house, housePod, "--", "/fairlead"}, args...)...)
}

// signsIn does what the chart's notes say: a new secret by exec, the fingerprint from the log.
func (h *housed) signsIn() {
	h.t.Helper()
	var administrator struct{ AppID, Password string }
	if err := json.Unmarshal([]byte(h.inPod("hub", "reset-administrator", "-o", "json")), &administrator); err != nil {
		h.t.Fatal(err)
	}
	h.secret = administrator.Password
	h.answers()
	h.must("login", "--hub", h.values["url"].(string), "--ca-fingerprint", h.fingerprint(), "--service-principal", //nolint:forcetypeassert // set above
		"--username", administrator.AppID, "--password", h.secret)
	h.must("group", "create", "-n", "harbour", "-l", "local")
}

// answers waits until kube-proxy has learnt of a pod that is ready.
func (h *housed) answers() {
	h.t.Helper()
	h.eventually(30*time.Second, func() string {
		dialer := net.Dialer{Timeout: time.Second}
		conn, err := dialer.DialContext(h.t.Context(), "tcp", net.JoinHostPort(h.cluster.NodeAddress, housePort))
		if err != nil {
			return err.Error()
		}
		_ = conn.Close() // nothing was said
		return ""
	})
}

func (h *housed) fingerprint() string {
	h.t.Helper()
	for _, record := range h.log() {
		if found, ok := record["fingerprint"].(string); ok && record["msg"] == "hub is ready" {
			return found
		}
	}
	h.t.Fatal("the log does not name the fingerprint")
	return ""
}

// log is the pod's log. Each line has to be one of JSON.
func (h *housed) log() []map[string]any {
	h.t.Helper()
	var records []map[string]any
	for lines := bufio.NewScanner(strings.NewReader(h.kubectl("logs", "-n", house, housePod))); lines.Scan(); {
		var record map[string]any
		if err := json.Unmarshal(lines.Bytes(), &record); err != nil {
			h.t.Errorf("no JSON in the log: %s", lines.Text())
		}
		records = append(records, record)
	}
	return records
}

// isSound asks the hub itself, in its pod.
func (h *housed) isSound() {
	h.t.Helper()
	var checks []struct{ Check, Status, Found, Next string }
	if err := json.Unmarshal([]byte(h.inPod("hub", "check", "-o", "json")), &checks); err != nil {
		h.t.Fatal(err)
	}
	for _, check := range checks {
		if check.Status == "fail" || check.Status == "warn" && check.Check != "connections" && check.Check != "disk" {
			h.t.Errorf("%+v", check)
		}
	}
}

// pod says which pod there is, and "" while it is not ready.
func (h *housed) pod() string {
	out, err := h.cluster.Kubectl(h.t.Context(), "get", "pod", housePod, "-n", house, "-o",
		`jsonpath={.metadata.uid} {.status.conditions[?(@.type=="Ready")].status}`)
	if uid, ready, _ := strings.Cut(out, " "); err == nil && ready == "True" {
		return uid
	}
	return ""
}

// keepsItsState takes the pod away. Whoever trusted the hub before still does.
func (h *housed) keepsItsState() {
	h.t.Helper()
	old, authority := h.pod(), h.fingerprint()
	h.kubectl("delete", "pod", housePod, "-n", house, "--timeout=30s")
	h.eventually(30*time.Second, func() string {
		if found := h.pod(); found == "" || found == old {
			return "no new pod is ready"
		}
		return ""
	})
	h.answers()
	h.must("group", "show", "-n", "harbour")
	if found := h.fingerprint(); found != authority {
		h.t.Errorf("the authority is %s, and was %s", found, authority)
	}
}

func (h *housed) rollsWithItsSettings() {
	h.t.Helper()
	old := h.pod()
	values := maps.Clone(h.values)
	values["logLevel"] = "debug"
	if err := h.release.Upgrade(h.t.Context(), h.archive, values); err != nil {
		h.t.Fatal(err)
	}
	if found := h.pod(); found == old || found == "" {
		h.t.Errorf("after the upgrade the pod is %q, and was %q", found, old)
	}
	h.answers()
	h.must("group", "show", "-n", "harbour")
}

// logsForCollectors looks at the log of the pod that is to tell most.
func (h *housed) logsForCollectors() {
	h.t.Helper()
	h.log()
	if strings.Contains(h.kubectl("logs", "-n", house, housePod), h.secret) {
		h.t.Error("the administrator's secret is in the log")
	}
	for _, process := range processesWith(h.t, h.secret) {
		h.t.Errorf("the administrator's secret is in the arguments of %s", process)
	}
	if restarts := h.kubectl("get", "pod", housePod, "-n", house, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"); restarts != "0" {
		h.t.Errorf("the hub was restarted %s times", restarts)
	}
}

// processesWith lists the processes of this machine, those of its pods included, whose arguments hold a text.
func processesWith(t *testing.T, text string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil || len(files) == 0 {
		t.Fatal("no process can be seen", err)
	}
	var found []string
	for _, file := range files {
		arguments, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(arguments), text) { // a process may have ended
			found = append(found, filepath.Dir(file))
		}
	}
	return found
}

func (h *housed) leavesItsClaim() {
	h.t.Helper()
	if err := h.release.Uninstall(); err != nil {
		h.t.Fatal(err)
	}
	claim := "persistentvolumeclaim/data-" + housePod
	h.eventually(30*time.Second, func() string {
		if left := h.objects(); left != strings.TrimSpace(h.empty+"\n"+claim) && left != strings.TrimSpace(claim+"\n"+h.empty) {
			return "left are:\n" + left
		}
		return ""
	})
}
