package agent_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/fluxlogs"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/settings"
)

// written are the logs of a cluster without a node, where no kubelet has any. All else that flux-logs-agent meets here is real.
type written struct {
	mu     sync.Mutex
	opened int
	open   int
}

func (w *written) counts() (opened, open int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.opened, w.open
}

// FollowLog gives some lines of one pod, and then none until somebody reads no more. Those of the chart's own Deployments wait for a node.
func (w *written) FollowLog(ctx context.Context, of kube.Container, _ time.Time, _ int64) (io.ReadCloser, error) {
	if of.Pod != "source-controller-1" {
		return nil, errors.New("the container is waiting to start")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.opened++
	w.open++
	reader, writer := io.Pipe()
	go func() {
		for i, text := range []string{
			`{"level":"info","msg":"starting manager"}`,
			`{"level":"info","msg":"server-side apply completed","controllerKind":"Kustomization","namespace":"shops","name":"web-apps"}`,
			`{"level":"info","msg":"server-side apply completed","controllerKind":"Kustomization","namespace":"elsewhere","name":"web-apps"}`,
			`{"level":"error","msg":"failed","controllerKind":"GitRepository","namespace":"shops","name":"web","error":"clone https://reader:swordfish-17@git.example.org/x: refused"}`,
		} {
			at := time.Now().Add(time.Duration(i) * time.Millisecond).UTC().Format(time.RFC3339Nano)
			if _, err := fmt.Fprintln(writer, at, text); err != nil {
				break
			}
		}
		<-ctx.Done()
		_ = writer.Close()
		w.mu.Lock()
		defer w.mu.Unlock()
		w.open--
	}()
	return reader, nil
}

// startFluxLogs starts flux-logs-agent with the rights that the charts give it.
func (c *cluster) startFluxLogs(logs fluxlogs.Logs) *safeBuffer {
	c.t.Helper()
	out := &safeBuffer{}
	log := slog.New(slog.NewTextHandler(out, nil))
	client, err := kube.Connect(c.as(fairlead.AgentNamespace, "azure-arc-flux-logs-agent-sa"))
	if err != nil {
		c.t.Fatal(err)
	}
	read, err := settings.FromEnvironment(c.environment())
	if err != nil {
		c.t.Fatal(err)
	}
	holder := &identity.Holder{Kube: client, Namespace: fairlead.AgentNamespace, Log: log}
	hub, err := dataplane.New(read, holder, log, prometheus.NewRegistry())
	if err != nil {
		c.t.Fatal(err)
	}
	running := &fluxlogs.Agent{
		Kube: client, Logs: logs, Hub: hub, Holder: holder, Namespace: fairlead.AgentNamespace, Log: log, Ready: func(error) {},
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return holder.Run(ctx) })
	group.Go(func() error { return running.Run(ctx) })
	c.t.Cleanup(func() {
		cancel()
		_ = group.Wait() // the end of ctx
		if text := out.String(); strings.Contains(text, "forbidden") || c.t.Failed() {
			c.t.Errorf("log of flux-logs-agent:\n%s", text)
		}
	})
	return out
}

// From the controllers' logs to the hub, while there are configurations and no longer.
func TestLogsOfFluxGoToTheHub(t *testing.T) {
	h := newHub(t, "flux-logs")
	c := newCluster(t, h, "standard")
	c.installFlux()
	c.startForFlux()
	c.apply("/api/v1/namespaces/flux-system/pods/source-controller-1", controllerPod("source-controller"))
	c.apply("/api/v1/namespaces/flux-system/pods/other-1", controllerPod("other"))
	logs := &written{}
	c.startFluxLogs(logs)
	eventually(t, "an identity", 60*time.Second, func() bool { return c.get(identitySecret) != nil })
	if opened, _ := logs.counts(); opened != 0 {
		t.Errorf("%d logs are read without a configuration", opened)
	}
	h.offerFlux("web", webConfiguration(1), func(one *fairlead.Configuration) {
		one.Protected = c.seal(map[string]string{fairlead.FluxHTTPSKey: "swordfish-17"})
	})
	h.eventually("two lines", 60*time.Second, func(h *hub) bool { return len(h.logs) >= 2 })
	h.set(func(h *hub) {
		told := slices.IndexFunc(h.logs, func(l fairlead.FluxLog) bool { return l.Level == fairlead.FluxLogError })
		if len(h.logs) != 2 || told != 1 || h.logs[0].Name != "web-apps" || h.logs[0].Pod != "source-controller-1" || h.logs[0].Controller != "source-controller" ||
			h.logs[1].Configuration != "web" || strings.Contains(h.logs[1].Error, "swordfish") || !strings.Contains(h.logs[1].Error, "git.example.org/x: refused") {
			t.Errorf("told %+v", h.logs)
		}
	})
	h.offerFlux("web", webConfiguration(2), func(one *fairlead.Configuration) { one.Deleted = true })
	eventually(t, "no log is read any more", 90*time.Second, func() bool {
		opened, open := logs.counts()
		return opened > 0 && open == 0
	})
}

// controllerPod is a pod that nothing schedules.
func controllerPod(name string) map[string]any {
	return map[string]any{
		"apiVersion": "v1", "kind": "Pod", "metadata": map[string]any{"name": name + "-1", "namespace": fairlead.FluxNamespace, "labels": map[string]any{"app": name}},
		"spec": map[string]any{"automountServiceAccountToken": false, "serviceAccountName": "source-controller", "containers": []map[string]any{{"name": "manager", "image": "x"}}},
	}
}
