package clustertest_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/clustertest"
	"github.com/fairlead/fairlead/test/cluster/image"
)

const probeImage = "fairlead.test/probe:1"

func TestFullNode(t *testing.T) {
	c := clustertest.Start(t, clustertest.FullNode(), clustertest.Hostnames("hub.fairlead.test"))
	before := observe(t, c.Cluster)
	c.LoadImage(probeTar(t, probeImage))
	c.Apply(probeManifest)
	kubectl(t, c, "rollout", "status", "deployment/probe", "--timeout=60s")
	served(t, c)

	t.Run("Logs", func(t *testing.T) {
		if out := kubectl(t, c, "logs", "deployment/probe"); !strings.Contains(out, "probe serves on :8080") {
			t.Errorf("kubectl logs = %q", out)
		}
	})
	t.Run("ResolvesServices", func(t *testing.T) {
		for name, want := range map[string]string{"kubernetes.default": "10.96.0.1", "kube-dns.kube-system.svc.cluster.local": "10.96.0.10", "hub.fairlead.test": c.HostAddress} {
			if out := inPod(t, c, "resolve", name); !strings.Contains(out, "["+want+"]") {
				t.Errorf("%s resolves to %q, want %s", name, out, want)
			}
		}
	})
	t.Run("AnswersAtOnceForOtherNames", func(t *testing.T) { answersAtOnce(t, c) })
	t.Run("ReachesServices", func(t *testing.T) {
		if out := inPod(t, c, "fetch", "http://probe.default:80/through-service"); out != "answer of the probe\n" {
			t.Errorf("answer = %q", out)
		}
	})
	t.Run("HostReachesNodePort", func(t *testing.T) {
		if err := get("http://" + c.NodeAddress + ":30080/"); err != nil {
			t.Error(err)
		}
	})
	t.Run("APIServerKilled", func(t *testing.T) { apiServerComesBack(t, c) })
	t.Run("CutNetwork", func(t *testing.T) { cutNetwork(t, c) })
	t.Run("PullsFromTrustedRegistry", func(t *testing.T) { pullsFromTrustedRegistry(t, c) })
	t.Run("SecondNodeSideBySide", func(t *testing.T) {
		if second := clustertest.Start(t, clustertest.FullNode()); second.HostAddress == c.HostAddress {
			t.Errorf("both clusters have %s", c.HostAddress)
		}
	})
	t.Run("LeavesNothing", func(t *testing.T) {
		if err := c.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		before.assertGone(t)
	})
}

// served waits until kube-proxy, which writes its rules once a second at most, leads to the pod that is ready.
func served(t *testing.T, c *clustertest.Cluster) {
	t.Helper()
	err := get("http://" + c.NodeAddress + ":30080/")
	for deadline := time.Now().Add(30 * time.Second); err != nil && time.Now().Before(deadline); err = get("http://" + c.NodeAddress + ":30080/") {
		<-time.After(100 * time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func inPod(t *testing.T, c *clustertest.Cluster, args ...string) string {
	t.Helper()
	return kubectl(t, c, append([]string{"exec", "deployment/probe", "--", "/probe"}, args...)...)
}

func answersAtOnce(t *testing.T, c *clustertest.Cluster) {
	begin := time.Now()
	out, err := c.TryKubectl("exec", "deployment/probe", "--", "/probe", "resolve", "registry.example.com")
	if err == nil || !strings.Contains(err.Error(), "no such host") {
		t.Errorf("resolve = %q, %v, want no such host", out, err)
	}
	if took := time.Since(begin); took > 3*time.Second {
		t.Errorf("the answer took %s", took)
	}
}

func cutNetwork(t *testing.T, c *clustertest.Cluster) {
	listener, err := net.Listen("tcp", net.JoinHostPort(c.HostAddress, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.NotFoundHandler()}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	url := "http://" + listener.Addr().String() + "/"

	inPod(t, c, "fetch", url)
	c.CutNetwork(c.HostAddress)
	c.CutNetwork(c.HostAddress)
	if out, err := c.TryKubectl("exec", "deployment/probe", "--", "/probe", "fetch", url); err == nil {
		t.Errorf("a pod reaches the host through the cut: %q", out)
	}
	if err := get("http://" + c.NodeAddress + ":30080/"); err == nil {
		t.Error("the host reaches a pod through the cut")
	}
	c.RestoreNetwork(c.HostAddress)
	inPod(t, c, "fetch", url)
}

func get(url string) error {
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("status %s", response.Status)
	}
	return nil
}

// probeTar builds the pods' program and packs it.
func probeTar(t *testing.T, reference string) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "probe")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", binary, "./testdata/probe")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build probe: %v\n%s", err, out)
	}
	packed := filepath.Join(dir, "probe.tar")
	probe := image.Scratch{Reference: reference, Files: map[string]string{"/probe": binary}, Entrypoint: []string{"/probe", "serve", ":8080"}}
	if err := probe.WriteFile(packed); err != nil {
		t.Fatal(err)
	}
	return packed
}

const probeManifest = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: probe, namespace: default}
spec:
  selector: {matchLabels: {app: probe}}
  template:
    metadata: {labels: {app: probe}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: probe
          image: fairlead.test/probe:1
          imagePullPolicy: Never
          securityContext: {runAsUser: 65532, allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
          resources: {limits: {memory: 64Mi}, requests: {cpu: 10m}}
          readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: probe, namespace: default}
spec:
  type: NodePort
  selector: {app: probe}
  ports: [{port: 80, targetPort: 8080, nodePort: 30080}]
`
