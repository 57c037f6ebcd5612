package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/image"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	kitImage  = "fairlead.test/kit:1"
	clusterID = "/providers/Microsoft.Kubernetes/connectedClusters/"
	userRole  = "Azure Arc Enabled Kubernetes Cluster User Role"
)

// way is how kubectl gets to the cluster.
type way struct {
	name       string
	kubeconfig string
	cache      string // kubectl's, of discovery
	server     string
	namespace  string // to change things in
	program    string
	config     *rest.Config
}

// person is somebody who signs in at the hub.
type person struct {
	cli        rig.CLI
	object     string // id
	kubeconfig string // of get-credentials
}

// ways are the two that are compared: straight to the API server, and through the hub, as the same user with the same rights.
type ways struct {
	*stage

	direct, hub way
	pia         person
	upgrade     []string // variables that choose what kubectl upgrades connections to
}

func (w *ways) on(t *testing.T) *ways {
	copied := *w
	copied.stage = w.stage.on(t)
	return &copied
}

// hire makes a service principal with a role on the cluster and signs it in.
func (s *stage) hire(name, role string) person {
	s.t.Helper()
	var made struct{ AppID, Password string }
	if err := json.Unmarshal([]byte(s.must("ad", "sp", "create-for-rbac", "-n", name, "-o", "json")), &made); err != nil {
		s.t.Fatal(err)
	}
	dir := s.t.TempDir()
	p := person{cli: rig.CLI{Binary: s.cli.Binary, ConfigDir: filepath.Join(dir, "config"), Kubeconfig: filepath.Join(dir, "kubeconfig")}}
	p.kubeconfig = p.cli.Kubeconfig
	p.object = strings.TrimSpace(s.must("ad", "sp", "show", "--id", made.AppID, "--query", "id", "-o", "tsv"))
	s.grant(p, role)
	as := s.as(p)
	as.must("login", "--hub", s.hub.URL(), "--ca-file", s.hub.CAFile(), "--service-principal", "-u", made.AppID, "-p", made.Password)
	return p
}

// as is the stage with somebody else at the command line.
func (s *stage) as(p person) *stage {
	copied := *s
	copied.cli = p.cli
	return &copied
}

func (s *stage) grant(p person, role string) {
	s.t.Helper()
	s.must("role", "assignment", "create", "--assignee-object-id", p.object, "--assignee-principal-type", "ServicePrincipal", "--role", role, "--scope", s.show().ID)
}

func (s *stage) revoke(p person, role string) {
	s.t.Helper()
	s.must("role", "assignment", "delete", "--assignee", p.object, "--role", role, "--scope", s.show().ID)
}

// newWays makes somebody who may do everything in the cluster, and both ways for them.
func newWays(s *stage) *ways {
	s.t.Helper()
	w := &ways{stage: s, pia: s.hire("pia", userRole)}
	s.kubectl("create", "clusterrolebinding", "pia", "--clusterrole=cluster-admin", "--user="+w.pia.object)
	s.as(w.pia).must("connectedk8s", "get-credentials", "-n", edge, "-g", "default")
	w.hub = s.wayOf("hub", w.pia.kubeconfig, "way-hub")
	w.direct = s.wayOf("direct", s.impersonating(w.pia), "way-api")
	s.kubectl("create", "namespace", w.hub.namespace)
	s.kubectl("create", "namespace", w.direct.namespace)
	return w
}

// impersonating is a kubeconfig straight to the API server with which the administrator acts as somebody.
func (s *stage) impersonating(p person) string {
	s.t.Helper()
	config, err := clientcmd.LoadFromFile(s.cluster.Kubeconfig)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		user.Impersonate, user.ImpersonateUserExtra = p.object, map[string][]string{"oid": {p.object}}
	}
	file := filepath.Join(s.t.TempDir(), "direct")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		s.t.Fatal(err)
	}
	return file
}

func (s *stage) wayOf(name, kubeconfig, namespace string) way {
	s.t.Helper()
	loaded, err := clientcmd.LoadFromFile(kubeconfig)
	if err != nil {
		s.t.Fatal(err)
	}
	loaded.Contexts[loaded.CurrentContext].Namespace = namespace
	if err := clientcmd.WriteToFile(*loaded, kubeconfig); err != nil {
		s.t.Fatal(err)
	}
	config, err := clientcmd.NewDefaultClientConfig(*loaded, nil).ClientConfig()
	if err != nil {
		s.t.Fatal(err)
	}
	config.QPS = -1
	program, err := s.cluster.Program()
	if err != nil {
		s.t.Fatal(err)
	}
	return way{name: name, kubeconfig: kubeconfig, cache: s.t.TempDir(), server: config.Host, namespace: namespace, program: program, config: config}
}

// command is kubectl on this way. It is asked to end, and made to a while later, when ctx ends.
func (w way) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, w.program, args...)
	command.Env = append(os.Environ(), "KUBECONFIG="+w.kubeconfig, "KUBECACHEDIR="+w.cache, "KUBE_EDITOR=sed -i s/before/after/", "NO_PROXY=*")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 5 * time.Second
	return command
}

// run is kubectl to its end, for a minute at most.
func (w way) run(t *testing.T, variables []string, stdin string, args ...string) rig.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	command := w.command(ctx, args...)
	command.Env = append(command.Env, variables...)
	return finish(t, command, stdin)
}

func finish(t *testing.T, command *exec.Cmd, stdin string) rig.Result {
	t.Helper()
	var out, problems bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &out, &problems
	err := command.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("run %v: %v", command.Args, err)
	}
	return rig.Result{Out: out.String(), Err: problems.String(), Code: command.ProcessState.ExitCode()}
}

// buildKit builds what the pods run, and returns the program.
func (s *stage) buildKit() string {
	s.t.Helper()
	binary := filepath.Join(s.t.TempDir(), "kit")
	build := exec.CommandContext(s.t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./testdata/kit")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		s.t.Fatalf("build the kit: %v\n%s", err, out)
	}
	return binary
}

// loadKit puts the kit on the node.
func (s *stage) loadKit() {
	s.t.Helper()
	binary, packed := s.buildKit(), filepath.Join(s.t.TempDir(), "kit.tar")
	scratch := image.Scratch{Reference: kitImage, Files: map[string]string{"/kit": binary, "/tar": binary, "/test": binary}, Entrypoint: []string{"/kit"}}
	if err := scratch.WriteFile(packed); err != nil {
		s.t.Fatal(err)
	}
	if err := s.cluster.LoadImage(s.t.Context(), packed); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) apply(manifest string) {
	s.t.Helper()
	if out, err := s.cluster.KubectlInput(s.t.Context(), strings.NewReader(manifest), "apply", "-f", "-"); err != nil {
		s.t.Fatalf("%v\n%s", err, out)
	}
}

// kitManifest has pods for streams to end in, and an aggregated API.
const kitManifest = `apiVersion: v1
kind: Namespace
metadata: {name: kit}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kit, namespace: kit}
spec:
  selector: {matchLabels: {app: kit}}
  template:
    metadata: {labels: {app: kit}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: kit, image: "` + kitImage + `", args: [serve], readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {name: kit, namespace: kit}
spec:
  selector: {app: kit}
  ports: [{name: web, port: 80, targetPort: 8080}, {name: echo, port: 7000}, {name: api, port: 443, targetPort: 8443}]
---
apiVersion: v1
kind: Pod
metadata: {name: talks, namespace: kit}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: lines, image: "` + kitImage + `", args: [lines, "20000"]}
  - {name: other, image: "` + kitImage + `", args: [lines, "3"]}
---
apiVersion: v1
kind: Pod
metadata: {name: counts, namespace: kit}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: counts, image: "` + kitImage + `", args: [count, "300"]}
---
apiVersion: v1
kind: Pod
metadata: {name: falls, namespace: kit}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: falls, image: "` + kitImage + `", args: [exit, "3"]}
---
apiVersion: v1
kind: Pod
metadata: {name: greets, namespace: kit}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: greets, image: "` + kitImage + `", args: [greet], stdin: true}
---
apiVersion: apiregistration.k8s.io/v1
kind: APIService
metadata: {name: v1.kit.fairlead.test}
spec:
  group: kit.fairlead.test
  version: v1
  groupPriorityMinimum: 100
  versionPriority: 1
  insecureSkipTLSVerify: true
  service: {namespace: kit, name: kit}
`

func (s *stage) startKit() {
	s.t.Helper()
	s.loadKit()
	s.apply(kitManifest)
	s.kubectl("wait", "--for=condition=Ready", "pod/talks", "pod/greets", "pod/counts", "-n", "kit", "--timeout=60s")
	s.kubectl("rollout", "status", "deployment/kit", "-n", "kit", "--timeout=60s")
	s.kubectl("wait", "--for=condition=Available", "apiservice/v1.kit.fairlead.test", "--timeout=60s")
}
