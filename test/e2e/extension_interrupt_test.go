package e2e_test

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// slow takes a while to become ready.
func slow(seconds int) map[string]string {
	return map[string]string{"pods.yaml": pods(kitPod("serve", ", readinessProbe: {httpGet: {port: 8080}, initialDelaySeconds: "+strconv.Itoa(seconds)+", periodSeconds: 1}"))}
}

// heldDeletion is a deletion that something holds up: it says what, and is done when that is gone.
func heldDeletion(y *yard) {
	y.offers("held", "1.0.0", map[string]string{"all.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, finalizers: [example.test/stays]}\n"})
	y.does("create", "held", "--extension-type", "test.held", "--release-namespace", "x-held", "--timeout", "10s")
	y.fails([]string{"ExtensionDeletionFailed", "still there after 10s: ConfigMap/x-held/held, kept by example.test/stays", "kubectl get ConfigMap held -n x-held -o yaml"}, "delete", "held", "--yes")
	shown := y.shown("held").Properties
	if why := shown.ErrorInfo; shown.ProvisioningState != "Failed" || why == nil || why.Code != "HelmOperationFailed" || why.Target != "ConfigMap/x-held/held" {
		y.t.Errorf("the hub shows %+v", shown)
	}
	loosened(y, "x-held")
	y.does("delete", "held", "--yes")
	y.nothingOf("held", "x-held")
}

// hubDownMeanwhile ends the hub in the middle of an installation: the cluster goes on, and tells what has become of it when the hub
// is back.
func hubDownMeanwhile(y *yard) {
	y.offers("steady", "1.0.0", slow(8))
	y.does("create", "steady", "--extension-type", "test.steady", "--release-namespace", "x-steady", "--no-wait")
	y.reaches("steady", ".status.operation.phase", "wait")
	if err := y.hub.Kill(); err != nil {
		y.t.Fatal(err)
	}
	y.reaches("steady", ".status.provisioningState", "Succeeded")
	y.startHub()
	y.is("steady", "Succeeded", time.Minute)
	y.eventually(time.Minute, func() string {
		if events := y.does("events", "steady", "-o", "json"); !strings.Contains(events, `"Ready"`) {
			return "what happened while the hub was away is not told: " + events
		}
		return ""
	})
	y.does("delete", "steady", "--yes")
	y.nothingOf("steady", "x-steady")
}

// agentKilledMeanwhile kills the agent in the middle of an installation: the next one does it again, and who waits learns nothing of it.
func agentKilledMeanwhile(y *yard) {
	y.outlives("sturdy", 10, func() {
		y.kubectl("delete", "pods", "-n", "azure-arc", "-l", "app.kubernetes.io/name=extension-manager", "--grace-period=0", "--force")
		y.reaches("sturdy", ".status.operation.attempt", "2")
	})
}

// apiServerKilledMeanwhile kills the cluster's API server again and again in the middle of an installation: the agent takes that for
// no failure of the chart, and who waits learns nothing of it.
func apiServerKilledMeanwhile(y *yard) {
	y.outlives("stern", 12, func() {
		for range 3 {
			y.killAPIServer()
		}
	})
}

// outlives installs what takes so many seconds to become ready, lets something happen meanwhile, and wants success and one release.
func (y *yard) outlives(name string, seconds int, meanwhile func()) {
	y.t.Helper()
	y.offers(name, "1.0.0", slow(seconds))
	result := make(chan rig.Result, 1)
	go func() {
		result <- y.call("create", name, "--extension-type", "test."+name, "--release-namespace", "x-"+name)
	}()
	y.reaches(name, ".status.operation.phase", "wait")
	meanwhile()
	if created := <-result; created.Code != 0 {
		y.t.Errorf("create ended with %d:\n%s%s", created.Code, created.Out, created.Err)
	}
	y.is(name, "Succeeded", time.Second)
	if statuses := y.kubectl("get", "secrets", "-n", "x-"+name, "-l", "owner=helm", "-o", "jsonpath={.items[*].metadata.labels.status}"); statuses != "deployed" {
		y.t.Errorf("Helm's record of the release is %q", statuses)
	}
	y.does("delete", name, "--yes")
	y.nothingOf(name, "x-"+name)
}

// killAPIServer ends the API server, which the bench starts again, and waits until the next one works.
func (y *yard) killAPIServer() {
	y.t.Helper()
	if err := y.cluster.Kill(y.t.Context(), "kube-apiserver"); err != nil {
		y.t.Fatal(err)
	}
	y.eventually(time.Minute, func() string {
		if _, err := y.cluster.Kubectl(y.t.Context(), "get", "--raw", "/readyz"); err != nil {
			return err.Error()
		}
		return ""
	})
}

// offlineMeanwhile asks for an extension of a cluster that nothing reaches, which then comes back and does it. The target test-offline
// lets it be away for an hour; the operation has ended long before that, and says why.
func offlineMeanwhile(y *yard) {
	y.offers("distant", "1.0.0", slow(1))
	if err := y.cluster.CutNetwork(y.t.Context(), y.cluster.HostAddress); err != nil {
		y.t.Fatal(err)
	}
	y.becomes("Offline", time.Minute)
	y.does("create", "distant", "--extension-type", "test.distant", "--release-namespace", "x-distant", "--no-wait")
	away := timeAway(y.t)
	select {
	case <-time.After(away):
	case <-y.t.Context().Done():
		y.t.Fatal("interrupted")
	}
	y.lost(away)
	if err := y.cluster.RestoreNetwork(y.t.Context(), y.cluster.HostAddress); err != nil {
		y.t.Fatal(err)
	}
	y.becomes("Connected", 2*time.Minute)
	y.is("distant", "Succeeded", 2*time.Minute)
	y.does("delete", "distant", "--yes")
	y.nothingOf("distant", "x-distant")
}

// timeAway is for how long the cluster is offline.
func timeAway(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("FAIRLEAD_TEST_OFFLINE")
	if text == "" {
		return 20 * time.Second
	}
	away, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("FAIRLEAD_TEST_OFFLINE: %v", err)
	}
	return away
}

// lost checks what is said of the extension of a cluster that is away.
func (y *yard) lost(away time.Duration) {
	y.t.Helper()
	const silence = 10 * time.Minute // after which docs/extensions.md promises the end of an operation
	if away < silence {
		y.is("distant", "Creating", time.Second)
		return
	}
	y.is("distant", "Failed", time.Second)
	if why := y.shown("distant").Properties.ErrorInfo; why == nil || why.Code != "AgentUnresponsive" || why.doctorID() != "EXT-01" {
		y.t.Errorf("the hub says %+v", why)
	}
}
