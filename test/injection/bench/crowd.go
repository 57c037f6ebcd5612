package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

const (
	atOnce    = 16
	replicas  = 20               // of each Deployment
	teams     = 25               // namespaces
	patience  = 10 * time.Minute // until all pods are there and ready
	labelOf   = "bench=crowd"
	onlyNames = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
)

// crowd is what makes a cluster large: nodes without a kubelet, and Deployments whose pods are made and counted by the real controllers.
// The bench plays the kubelets and says that the pods run.
type crowd struct{ nodes, pods int }

func (c crowd) gather(ctx context.Context, cluster *engine.Cluster, server *api, progress io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	fmt.Fprintf(progress, "making %d nodes and %d pods\n", c.nodes, c.pods)
	taint := map[string]string{"key": "bench", "value": "crowd", "effect": "NoSchedule"} // the fixtures stay on the node that runs
	err := sideBySide(c.nodes, func(i int) error {
		return cluster.AddNode(ctx, engine.FakeNode{Name: nodeName(i), Taints: []map[string]string{taint}})
	})
	if err != nil {
		return err
	}
	if _, err := cluster.KubectlInput(ctx, strings.NewReader(c.manifest()), "create", "-f", "-"); err != nil {
		return err
	}
	return c.live(ctx, server, progress)
}

func nodeName(i int) string { return fmt.Sprintf("berth-%03d", i) }

func (c crowd) manifest() string {
	var text strings.Builder
	for i := range teams {
		fmt.Fprintf(&text, "apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {bench: crowd}}\n---\n", team(i))
	}
	for i := range c.pods / replicas {
		fmt.Fprintf(&text, workload, i, team(i%teams), replicas, nodeName(i%c.nodes))
	}
	return text.String()
}

func team(i int) string { return fmt.Sprintf("team-%02d", i) }

// workload is a Deployment with a Service and a Secret as most have them: a number, a namespace, replicas, a node.
const workload = `apiVersion: apps/v1
kind: Deployment
metadata: {name: ferry-%[1]d, namespace: %[2]s, labels: {bench: crowd, app.kubernetes.io/name: ferry, app.kubernetes.io/instance: ferry-%[1]d}}
spec:
  replicas: %[3]d
  selector: {matchLabels: {app.kubernetes.io/instance: ferry-%[1]d}}
  template:
    metadata:
      labels: {bench: crowd, app.kubernetes.io/name: ferry, app.kubernetes.io/instance: ferry-%[1]d, app.kubernetes.io/part-of: harbour, app.kubernetes.io/version: 1.2.3}
      annotations: {prometheus.io/scrape: "true", prometheus.io/port: "9090"}
    spec:
      nodeName: %[4]s
      tolerations: [{key: bench, operator: Exists}]
      containers:
        - name: ferry
          image: registry.example.com/harbour/ferry:1.2.3
          args: [serve, --listen=:8080, --timetable=/etc/ferry/timetable.yaml, --log-format=json]
          ports: [{containerPort: 8080, name: http}]
          env:
            - {name: DATABASE_URL, value: "postgres://ferry:quay-4711-Xy@db.%[2]s.svc:5432/ferry?sslmode=require"}
            - {name: LOG_LEVEL, value: info}
            - {name: REGION, value: westeurope}
            - {name: CACHE_ADDRESS, value: "cache.%[2]s.svc:6379"}
            - {name: API_TOKEN, valueFrom: {secretKeyRef: {name: ferry-%[1]d, key: token}}}
            - {name: FEATURES, value: "booking,boarding,timetable,freight"}
            - {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: "http://collector.telemetry.svc:4317"}
          readinessProbe: {httpGet: {path: /ready, port: http}}
          livenessProbe: {httpGet: {path: /live, port: http}}
          resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {memory: 128Mi}}
        - name: proxy
          image: registry.example.com/harbour/proxy:4.5.6
          args: [--upstream=127.0.0.1:8080, --admin=127.0.0.1:15000]
          env:
            - {name: SERVICE_CLUSTER, value: ferry-%[1]d}
            - {name: CONCURRENCY, value: "2"}
            - {name: TRUST_DOMAIN, value: cluster.local}
          resources: {requests: {cpu: 5m, memory: 16Mi}, limits: {memory: 64Mi}}
---
apiVersion: v1
kind: Service
metadata: {name: ferry-%[1]d, namespace: %[2]s, labels: {bench: crowd}}
spec: {selector: {app.kubernetes.io/instance: ferry-%[1]d}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Secret
metadata: {name: ferry-%[1]d, namespace: %[2]s, labels: {bench: crowd}}
stringData: {token: quay-4711-Xy}
---
`

// live says of each pod that it runs, until the controllers count all of them as available.
func (c crowd) live(ctx context.Context, server *api, progress io.Writer) error {
	var begun atomic.Int64
	for {
		if err := startPods(ctx, server, &begun); err != nil {
			return err
		}
		available, err := availablePods(ctx, server)
		if err != nil {
			return err
		}
		fmt.Fprintf(progress, "%d pods run, %d of %d count as available\n", begun.Load(), available, c.pods)
		if available >= c.pods {
			return nil
		}
		if err := pause(ctx, 5*time.Second); err != nil {
			return fmt.Errorf("%d of %d pods count as available: %w", available, c.pods, err)
		}
	}
}

func startPods(ctx context.Context, server *api, begun *atomic.Int64) error {
	var pods struct {
		Items []struct {
			Metadata struct{ Namespace, Name string }
		}
	}
	if err := server.get(ctx, "/api/v1/pods?labelSelector="+labelOf+"&fieldSelector=status.phase%3DPending&limit=1000", onlyNames, &pods); err != nil {
		return err
	}
	return sideBySide(len(pods.Items), func(i int) error {
		pod := pods.Items[i].Metadata
		path := "/api/v1/namespaces/" + pod.Namespace + "/pods/" + pod.Name + "/status"
		return server.patch(ctx, path, map[string]any{"status": runs(int(begun.Add(1)))})
	})
}

// sideBySide does something n times, a few at once, and returns the first error.
func sideBySide(n int, do func(int) error) error {
	var next atomic.Int64
	var workers sync.WaitGroup
	failed := make(chan error, atOnce)
	for range atOnce {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	workers.Wait()
	close(failed)
	return <-failed
}

// runs is the status of the n-th pod.
func runs(n int) map[string]any {
	now := time.Now().UTC().Format(time.RFC3339)
	container := func(name, image string) map[string]any {
		return map[string]any{
			"name": name, "image": image, "imageID": image + "@sha256:" + strings.Repeat("5d8f", 16), "ready": true, "started": true, "restartCount": 0,
			"containerID": fmt.Sprintf("containerd://%064d", n), "state": map[string]any{"running": map[string]any{"startedAt": now}},
		}
	}
	var conditions []any
	for _, kind := range []string{"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"} {
		conditions = append(conditions, map[string]any{"type": kind, "status": "True", "lastTransitionTime": now})
	}
	address := fmt.Sprintf("10.%d.%d.%d", 128+n>>14, n>>7&127, 1+n&127)
	return map[string]any{
		"phase": "Running", "startTime": now, "qosClass": "Burstable", "conditions": conditions, "hostIP": "127.0.0.1", "podIP": address, "podIPs": []any{map[string]any{"ip": address}},
		"containerStatuses": []any{container("ferry", "registry.example.com/harbour/ferry:1.2.3"), container("proxy", "registry.example.com/harbour/proxy:4.5.6")},
	}
}

func availablePods(ctx context.Context, server *api) (int, error) {
	var deployments struct {
		Items []struct {
			Status struct{ AvailableReplicas json.Number }
		}
	}
	if err := server.get(ctx, "/apis/apps/v1/deployments?labelSelector="+labelOf, "application/json", &deployments); err != nil {
		return 0, err
	}
	all := 0
	for _, d := range deployments.Items {
		n, _ := d.Status.AvailableReplicas.Int64() // left out when there are none
		all += int(n)
	}
	return all, nil
}
