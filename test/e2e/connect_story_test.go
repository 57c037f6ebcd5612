package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	noAgent = "Cannot connect to the hybrid connection because no agent is connected in the target arc resource."
	// What is open may last so long after the right to it.
	revoked = 5 * time.Second
)

// stories tell what a person lives through. Each part leaves the cluster connected, with cluster connect on and Kubernetes' own RBAC.
func stories(w *ways) {
	for _, one := range []struct {
		name string
		run  func(*ways)
	}{
		{"Impersonation", impersonationIsRefused},
		{"LocalProxy", localProxy},
		{"ClusterToken", clusterToken},
		{"PolicyForbidsExec", ownersPolicy},
		{"HubRestarts", hubRestarts},
		{"AgentsRestart", agentsRestart},
		{"RoleRevoked", roleRevoked},
		{"AzureRBAC", azureRBAC},
		{"FeatureOff", featureOff},
		{"Doctor", doctorIsContent},
		{"DoctorWithoutCertificate", doctorMissesCertificate},
		{"DoctorWithStrictPods", strictPods},
		{"DoctorWithoutUpgrades", doctorMissesUpgrades},
	} {
		if !w.t.Run(one.name, func(t *testing.T) { one.run(w.on(t)) }) {
			w.t.Fatalf("%s failed; what follows would say nothing", one.name)
		}
	}
}

// ok runs kubectl through the hub, which has to succeed.
func (w *ways) ok(line string) {
	w.t.Helper()
	result := w.hub.run(w.t, nil, "", words(line)...)
	if result.Code != 0 {
		w.t.Fatalf("kubectl %s ended with %d: %s", line, result.Code, result.Err)
	}
}

// fails runs kubectl through the hub, which has to fail with some words.
func (w *ways) fails(line string, sayings ...string) {
	w.t.Helper()
	if complaint := w.hub.complaint(w.t, line, sayings...); complaint != "" {
		w.t.Error(complaint)
	}
}

// complaint is empty when a command line fails with some words.
func (w way) complaint(t *testing.T, line string, sayings ...string) string {
	t.Helper()
	result := w.run(t, nil, "", words(line)...)
	if result.Code == 0 {
		return fmt.Sprintf("kubectl %s succeeded, and must not: %s", line, result.Out)
	}
	for _, saying := range sayings {
		if !strings.Contains(result.Err, saying) {
			return fmt.Sprintf("kubectl %s: the message lacks %q:\n%s", line, saying, result.Err)
		}
	}
	return ""
}

func impersonationIsRefused(w *ways) {
	w.fails("get pods --as=nobody", "impersonation")
	w.fails("get pods --as=system:admin --as-group=system:masters", "impersonation")
}

// running is a kubectl that goes on until somebody ends it.
type running struct {
	what     string
	command  *exec.Cmd
	problems bytes.Buffer
	ended    chan struct{}
}

// begins starts a kubectl and waits until it has said something.
func (w *ways) begins(line string) *running {
	w.t.Helper()
	r := &running{what: line, command: w.hub.command(w.t.Context(), words(line)...), ended: make(chan struct{})}
	in, err := r.command.StdinPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	out, err := r.command.StdoutPipe()
	if err != nil {
		w.t.Fatal(err)
	}
	r.command.Stderr = &r.problems
	if err := r.command.Start(); err != nil {
		w.t.Fatal(err)
	}
	_, _ = fmt.Fprintln(in, "anybody there?") // who does not read it does not mind
	lines := bufio.NewReader(out)
	if _, err := lines.ReadString('\n'); err != nil {
		_ = r.command.Wait()
		w.t.Fatalf("kubectl %s says nothing: %v, %s", line, err, r.problems.String())
	}
	go func() {
		defer close(r.ended)
		_, _ = io.Copy(io.Discard, lines)
		_ = r.command.Wait() // that it ended is what counts
		_ = in.Close()
	}()
	w.t.Cleanup(func() {
		_ = r.command.Process.Kill()
		<-r.ended
	})
	return r
}

// end reports whether it ends in time.
func (r *running) end(t *testing.T, within time.Duration) {
	t.Helper()
	began := time.Now()
	select {
	case <-r.ended:
		t.Logf("kubectl %s ended after %s: %s", r.what, time.Since(began).Round(100*time.Millisecond), strings.TrimSpace(r.problems.String()))
	case <-time.After(within):
		t.Errorf("kubectl %s goes on", r.what)
	}
}

func (r *running) goesOn(t *testing.T) {
	t.Helper()
	select {
	case <-r.ended:
		t.Errorf("kubectl %s has ended: %s", r.what, r.problems.String())
	default:
	}
}

func streamsOpen(w *ways) []*running {
	return []*running{
		w.begins("get configmaps -n still -w"), w.begins("exec -i deployment/kit -n kit -- /kit cat"), w.begins("logs -f talks -c lines -n kit"),
		w.begins("port-forward deployment/kit -n kit :7000"),
	}
}

// roleRevoked takes the role away while things are open, and gives it back.
func roleRevoked(w *ways) {
	open := streamsOpen(w)
	w.revoke(w.pia, userRole)
	began := time.Now()
	var all sync.WaitGroup
	for _, one := range open {
		all.Go(func() { one.end(w.t, revoked) })
	}
	all.Wait()
	w.t.Logf("all has ended %s after the role was taken", time.Since(began).Round(100*time.Millisecond))
	w.fails("get configmaps -n still", "Forbidden", "listClusterUserCredential/action", "fairlead role assignment create", w.pia.object)
	w.fails("exec deployment/kit -n kit -- /kit exit 0", "Forbidden", "listClusterUserCredential/action")
	w.grant(w.pia, userRole)
	w.eventually(10*time.Second, func() string {
		if result := w.hub.run(w.t, nil, "", words("get configmaps -n still")...); result.Code != 0 {
			return result.Err
		}
		return ""
	})
}

// restartsSoon waits until the way works again.
func (w *ways) worksWithin(within time.Duration) {
	w.t.Helper()
	began := time.Now()
	w.eventually(within, func() string {
		if result := w.hub.run(w.t, nil, "", words("get configmaps -n still --request-timeout=5s")...); result.Code != 0 {
			return result.Err
		}
		return ""
	})
	w.t.Logf("works again after %s", time.Since(began).Round(100*time.Millisecond))
}

func hubRestarts(w *ways) {
	if err := w.stage.hub.Stop(); err != nil {
		w.t.Fatal(err)
	}
	w.startHub()
	w.worksWithin(30 * time.Second)
}

// agentsRestart replaces one agent after the other.
func agentsRestart(w *ways) {
	for _, agent := range connectAgents() {
		w.kubectl("rollout", "restart", "deployment/"+agent, "-n", "azure-arc")
		w.kubectl("rollout", "status", "deployment/"+agent, "-n", "azure-arc", "--timeout=60s")
		w.worksWithin(45 * time.Second)
	}
}

// ownersPolicy lets the owner of the cluster forbid what the hub and the cluster's RBAC allow.
func ownersPolicy(w *ways) {
	open := w.begins("exec -i deployment/kit -n kit -- /kit cat")
	watch := w.begins("get configmaps -n still -w")
	w.apply(`apiVersion: v1
kind: ConfigMap
metadata: {name: cluster-connect-policy, namespace: azure-arc}
data:
  policy.yaml: |
    rules:
    - {name: nobody goes into pods, effect: deny, resources: [pods/exec, pods/attach]}
    otherwise: allow
`)
	open.end(w.t, revoked)
	watch.goesOn(w.t)
	w.fails("exec deployment/kit -n kit -- /kit exit 0", "nobody goes into pods")
	w.fails("attach greets -n kit", "nobody goes into pods")
	w.ok("get pods -n kit")
	w.ok("logs talks -c other -n kit")
	w.kubectl("patch", "configmap", "cluster-connect-policy", "-n", "azure-arc", "--type=merge", "-p", `{"data":{"policy.yaml":"rules: nonsense"}}`)
	w.eventually(10*time.Second, func() string { return w.hub.complaint(w.t, "get pods -n kit", "policy") })
	w.kubectl("delete", "configmap", "cluster-connect-policy", "-n", "azure-arc")
	w.worksWithin(10 * time.Second)
	w.ok("exec deployment/kit -n kit -- /kit exit 0")
}

// azureRBAC lets the hub's roles decide: one person sees, another changes, in one namespace, and a third has no role.
func azureRBAC(w *ways) {
	w.must("connectedk8s", "enable-features", "-n", edge, "-g", "default", "--features", "azure-rbac")
	vic, wren, otto := w.newcomer("vic"), w.newcomer("wren"), w.newcomer("otto")
	inKit := w.show().ID + "/namespaces/kit"
	w.must("role", "assignment", "create", "--assignee-object-id", vic.person.object, "--assignee-principal-type", "ServicePrincipal", "--role", "Azure Arc Kubernetes Viewer", "--scope", inKit)
	w.must("role", "assignment", "create", "--assignee-object-id", wren.person.object, "--assignee-principal-type", "ServicePrincipal", "--role", "Azure Arc Kubernetes Writer", "--scope", inKit)
	for _, one := range []struct {
		who     newcomer
		allowed []string
		denied  []string
	}{
		{vic, []string{"get pods -n kit", "logs talks -c other -n kit", "get deployment kit -n kit -o name"}, []string{"get pods -n still", "get secrets -n kit", "delete pod falls -n kit", "create configmap v -n kit", "get nodes", "exec deployment/kit -n kit -- /kit exit 0"}},
		{wren, []string{"get pods -n kit", "create configmap w -n kit", "delete configmap w -n kit", "exec deployment/kit -n kit -- /kit exit 0"}, []string{"get pods -n still", "create configmap w -n still", "create rolebinding w --clusterrole=view --user=x -n kit", "get pods -A"}},
		{otto, []string{"version"}, []string{"get pods -n kit", "get configmaps -n still"}},
	} {
		for _, line := range one.allowed {
			w.eventually(10*time.Second, func() string {
				if result := one.who.way.run(w.t, nil, "", words(line)...); result.Code != 0 {
					return fmt.Sprintf("%s may not: kubectl %s: %s", one.who.way.name, line, result.Err)
				}
				return ""
			})
		}
		for _, line := range one.denied {
			if complaint := one.who.way.complaint(w.t, line, "forbidden"); complaint != "" {
				w.t.Errorf("%s: %s", one.who.way.name, complaint)
			}
		}
	}
	w.ok("get nodes") // by the cluster's own RBAC, which still counts
	w.must("connectedk8s", "disable-features", "-n", edge, "-g", "default", "--features", "azure-rbac", "--yes")
	w.eventually(10*time.Second, func() string { return vic.way.complaint(w.t, "get pods -n kit", "Forbidden") })
	w.worksWithin(30 * time.Second)
}

// newcomer is somebody new with the way of get-credentials.
type newcomer struct {
	person person
	way    way
}

func (w *ways) newcomer(name string) newcomer {
	w.t.Helper()
	p := w.hire(name, userRole)
	w.as(p).must("connectedk8s", "get-credentials", "-n", edge, "-g", "default")
	return newcomer{p, w.wayOf(name, p.kubeconfig, "kit")}
}

// featureOff switches the feature off and on.
func featureOff(w *ways) {
	open := w.begins("get configmaps -n still -w")
	w.must("connectedk8s", "disable-features", "-n", edge, "-g", "default", "--features", "cluster-connect", "--yes")
	open.end(w.t, 30*time.Second)
	left := w.kubectl("get", "deployments,services,secrets,networkpolicies", "-n", "azure-arc", "-o", "name")
	for _, gone := range []string{"clusterconnect-agent", "kube-aad-proxy"} {
		if strings.Contains(left, gone) {
			w.t.Errorf("there is still %s among\n%s", gone, left)
		}
	}
	w.eventually(10*time.Second, func() string { return w.hub.complaint(w.t, "get configmaps -n still", noAgent) })
	if got := w.status(); got != "Connected" {
		w.t.Errorf("without the feature the cluster is %s", got)
	}
	if found := w.doctor().problems(); len(found) != 1 || !strings.HasPrefix(found[0], "ARC-14 warn ") {
		w.t.Errorf("doctor says of the feature: %q", found)
	}
	w.must("connectedk8s", "enable-features", "-n", edge, "-g", "default", "--features", "cluster-connect")
	w.worksWithin(60 * time.Second)
}

// localProxy is connectedk8s proxy, which ends with Ctrl-C and leaves the kubeconfig as it was.
func localProxy(w *ways) {
	file := filepath.Join(w.t.TempDir(), "kubeconfig")
	command := w.proxy(file)
	by := w.hub
	by.kubeconfig, by.cache = file, w.t.TempDir()
	w.eventually(20*time.Second, func() string {
		result := by.run(w.t, nil, "", words("get pods -n kit -o name")...)
		if result.Code != 0 {
			return result.Err
		}
		return ""
	})
	same(w.t, w.direct.run(w.t, nil, "", words("auth whoami")...).Out, by.run(w.t, nil, "", words("auth whoami")...).Out)
	for _, one := range execs() {
		line, _ := strings.CutPrefix(one.line, "! ")
		direct, proxied := w.direct.run(w.t, nil, one.stdin, words(line)...), by.run(w.t, nil, one.stdin, words(line)...)
		same(w.t, exact(direct.Out+direct.Err, w.direct), exact(proxied.Out+proxied.Err, by))
	}
	command.interrupt(w.t)
	if content, err := os.ReadFile(file); err == nil && strings.Contains(string(content), "127.0.0.1") {
		w.t.Errorf("the kubeconfig still leads to the proxy:\n%s", content)
	}
}

// serving is a connectedk8s proxy.
type serving struct {
	command *exec.Cmd
	said    *bytes.Buffer
}

func (w *ways) proxy(file string, args ...string) *serving {
	w.t.Helper()
	command := exec.Command(w.pia.cli.Binary, append([]string{"connectedk8s", "proxy", "-n", edge, "-g", "default", "-f", file, "--port", "47811"}, args...)...)
	command.Env = w.pia.cli.Environment()
	s := &serving{command, &bytes.Buffer{}}
	command.Stdout, command.Stderr = s.said, s.said
	if err := command.Start(); err != nil {
		w.t.Fatal(err)
	}
	return s
}

// interrupt is Ctrl-C.
func (s *serving) interrupt(t *testing.T) {
	t.Helper()
	if err := s.command.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = s.command.Wait() // its code is looked at below
		close(ended)
	}()
	select {
	case <-ended:
		if code := s.command.ProcessState.ExitCode(); code != 0 && code != 130 {
			t.Errorf("it ended with %d:\n%s", code, s.said)
		}
	case <-time.After(5 * time.Second):
		t.Errorf("it goes on after Ctrl-C:\n%s", s.said)
		_ = s.command.Process.Kill()
		<-ended
	}
}

// clusterToken comes with a service account's token: the cluster knows nobody but the service account.
func clusterToken(w *ways) {
	w.kubectl("create", "serviceaccount", "keeper", "-n", "kit")
	w.kubectl("create", "rolebinding", "keeper", "-n", "kit", "--clusterrole=view", "--serviceaccount=kit:keeper")
	token := filepath.Join(w.t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(w.kubectl("create", "token", "keeper", "-n", "kit")), 0o600); err != nil {
		w.t.Fatal(err)
	}
	file := filepath.Join(w.t.TempDir(), "kubeconfig")
	proxy := w.proxy(file, "--token-file", token)
	defer proxy.interrupt(w.t)
	by := w.hub
	by.kubeconfig, by.cache = file, w.t.TempDir()
	w.eventually(20*time.Second, func() string {
		result := by.run(w.t, nil, "", words("auth whoami -o jsonpath={.status.userInfo.username}")...)
		if result.Out != "system:serviceaccount:kit:keeper" {
			return result.Out + result.Err
		}
		return ""
	})
	if result := by.run(w.t, nil, "", words("get pods -n kit")...); result.Code != 0 {
		w.t.Error(result.Err)
	}
	if complaint := by.complaint(w.t, "get configmaps -n still", "Forbidden", "system:serviceaccount:kit:keeper"); complaint != "" {
		w.t.Error(complaint)
	}
}
