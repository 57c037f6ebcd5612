package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead/doctor/probe/payload"
	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// node gives a connection to a real node on which pods run.
func node(t *testing.T) *rest.Config {
	t.Helper()
	path := os.Getenv("FAIRLEAD_TEST_NODE_KUBECONFIG")
	if path == "" {
		t.Skip("needs FAIRLEAD_TEST_NODE_KUBECONFIG: the kubeconfig of a cluster with a real node, as test/cluster makes one")
	}
	if _, err := payload.Program("amd64"); err != nil {
		t.Skip(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	must(t, err)
	config.WarningHandler = rest.NoWarnings{}
	config.QPS = -1
	return config
}

// namespaceWith makes a namespace that enforces a level of Pod Security and ends with the test.
func namespaceWith(t *testing.T, client kubernetes.Interface, level string) string {
	t.Helper()
	made, err := client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "probe-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": level},
	}}, metav1.CreateOptions{})
	must(t, err)
	t.Cleanup(func() {
		must(t, client.CoreV1().Namespaces().Delete(context.Background(), made.Name, metav1.DeleteOptions{}))
	})
	return made.Name
}

// nothingLeft fails when anything with the probe's label is in any namespace.
func nothingLeft(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	options := metav1.ListOptions{LabelSelector: Label + "=" + LabelValue}
	var left []string
	pods, err := client.CoreV1().Pods("").List(context.Background(), options)
	must(t, err)
	for _, pod := range pods.Items {
		left = append(left, "pod "+pod.Name)
	}
	maps, err := client.CoreV1().ConfigMaps("").List(context.Background(), options)
	must(t, err)
	for _, item := range maps.Items {
		left = append(left, "configmap "+item.Name)
	}
	hidden, err := client.CoreV1().Secrets("").List(context.Background(), options)
	must(t, err)
	for _, item := range hidden.Items {
		left = append(left, "secret "+item.Name)
	}
	if len(left) > 0 {
		t.Errorf("left in the cluster: %v", left)
	}
}

// ours gives the address of this machine where pods reach it.
func ours(t *testing.T, client kubernetes.Interface) string {
	t.Helper()
	nodes, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	must(t, err)
	inner := net.ParseIP(nodes.Items[0].Status.Addresses[0].Address)
	interfaces, err := net.InterfaceAddrs()
	must(t, err)
	for _, known := range interfaces {
		if network, ok := known.(*net.IPNet); ok && network.Contains(inner) {
			return network.IP.String()
		}
	}
	t.Fatalf("no interface of this machine is in the network of node %s", inner)
	return ""
}

// server starts an HTTPS server where pods reach it, and gives its address and its CA.
func server(t *testing.T, client kubernetes.Interface) (address, ca string) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(ours(t, client), "0"))
	must(t, err)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-Ms-Request-Id", "42") }))
	s.Listener = listener
	s.StartTLS()
	t.Cleanup(s.Close)
	return listener.Addr().String(), pemOf(s.Certificate())
}

func TestRunInRestrictedNamespace(t *testing.T) {
	config := node(t)
	client := kubernetes.NewForConfigOrDie(config)
	namespace := namespaceWith(t, client, "restricted")
	address, ca := server(t, client)
	plan := wire.Plan{
		Targets: []wire.Target{
			{Name: "ours", URL: "https://" + address + "/", Kind: wire.HTTP, CAs: ca, ServerName: "example.com"},
			{Name: "api", URL: "https://kubernetes.default.svc/version", Kind: wire.HTTP, CAs: string(config.CAData)},
			{Name: "closed", URL: "https://" + strings.Split(address, ":")[0] + ":1/", Kind: wire.TLS},
		},
		Lookups: []string{"kubernetes.default.svc.cluster.local", "absent.example.test"},
		Kernel:  &wire.HostPaths{},
	}
	started := time.Now()
	outcomes, err := (&Prober{Client: client, Namespace: namespace}).Run(t.Context(), []Request{{Place: Pod, Plan: plan}})
	took := time.Since(started)
	nothingLeft(t, client)
	if err != nil || outcomes[0].Err != nil {
		t.Fatal(err, outcomes[0].Err)
	}
	got := outcomes[0]
	t.Logf("on %s in %s: %s in all, %d ms in the pod", got.Node, got.Image, took.Round(time.Millisecond), got.Result.Millis)
	checkPod(t, got.Result)
}

func checkPod(t *testing.T, result wire.Result) {
	t.Helper()
	for _, target := range result.Targets[:2] {
		if stage := target.Stage(wire.StageTLS); stage == nil || stage.Detail[wire.DetailVerified] != "true" || !target.OK() {
			t.Errorf("%s: %+v", target.Name, target.Stages)
		}
	}
	if id := result.Targets[0].Stage(wire.StageHTTP).Detail[wire.DetailHeader+"x-ms-request-id"]; id != "42" {
		t.Errorf("header x-ms-request-id is %q", id)
	}
	if dns := result.Targets[1].Stage(wire.StageDNS); dns.Detail[wire.DetailRCode] != "NOERROR" {
		t.Errorf("dns of the API server: %+v", dns)
	}
	if failed := result.Targets[2].Failed(); failed == nil || failed.Name != wire.StageTCP || failed.Reason != wire.ReasonRefused {
		t.Errorf("closed port: %+v", failed)
	}
	for i, want := range []string{"NOERROR", "NXDOMAIN"} {
		if servers := result.Lookups[i].Servers; len(servers) != 1 || servers[0].RCode != want {
			t.Errorf("lookup %s: %+v", result.Lookups[i].Name, servers)
		}
	}
	if result.Resolver.Ndots != 5 || len(result.Resolver.NameServers) != 1 || len(result.Resolver.Search) < 3 {
		t.Errorf("resolver: %+v", result.Resolver)
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil && result.Kernel.Release != strings.TrimSpace(string(release)) {
		t.Errorf("kernel %q, want %q", result.Kernel.Release, release)
	}
}

func TestRunOnNode(t *testing.T) {
	client := kubernetes.NewForConfigOrDie(node(t))
	address, ca := server(t, client)
	plan := wire.Plan{
		Targets: []wire.Target{{Name: "ours", URL: "https://" + address + "/", Kind: wire.HTTP, CAs: ca, ServerName: "example.com", Proxy: ""}},
		Kernel:  &wire.HostPaths{},
	}
	namespace := namespaceWith(t, client, "privileged")
	outcomes, err := (&Prober{Client: client, Namespace: namespace}).Run(t.Context(), []Request{{Place: Node, Plan: plan}, {Place: Pod, Plan: plan}})
	nothingLeft(t, client)
	if err != nil || outcomes[0].Err != nil || outcomes[1].Err != nil {
		t.Fatal(err, outcomes[0].Err, outcomes[1].Err)
	}
	for _, got := range outcomes {
		if !got.Result.Targets[0].OK() {
			t.Errorf("%s: %+v", got.Place, got.Result.Targets[0])
		}
	}
	// The node's resolver is not the cluster's.
	onNode, inPod := outcomes[0].Result, outcomes[1].Result
	if slices.Equal(onNode.Resolver.NameServers, inPod.Resolver.NameServers) {
		t.Errorf("node and pod ask the same name server: %+v", onNode.Resolver)
	}
	t.Logf("kernel %s, %d modules, tables %v, persistent %v, errors %v", onNode.Kernel.Release, len(onNode.Kernel.Modules),
		onNode.Kernel.Tables, onNode.Kernel.Persistent, onNode.Kernel.Errors)
	if len(onNode.Kernel.Modules) == 0 && onNode.Kernel.Errors["/proc/modules"] == "" && moduleCount(t) > 0 {
		t.Error("no modules, although this machine has some")
	}
}

func moduleCount(t *testing.T) int {
	data, err := os.ReadFile("/proc/modules")
	if err != nil {
		t.Log(err)
	}
	return strings.Count(string(data), "\n")
}

func TestCannotRun(t *testing.T) {
	config := node(t)
	admin := kubernetes.NewForConfigOrDie(config)
	limited := rest.CopyConfig(config)
	limited.Impersonate.UserName = "somebody"
	cases := map[string]struct {
		reason string
		level  string
		place  Place
		want   Reason
		set    func(t *testing.T, namespace string, prober *Prober)
	}{
		"HostNetwork": {"restricted forbids the node's network", "restricted", Node, PodSecurity, nil},
		"Quota":       {"the namespace may have no pods", "restricted", Pod, Quota, quota(admin)},
		"NoProgram": {"a build without payload says so", "restricted", Pod, NoProgram, func(_ *testing.T, _ string, p *Prober) {
			p.Program = func(string) ([]byte, error) { return nil, payload.ErrMissing }
		}},
		"NoNamespace": {"a namespace that is not there", "restricted", Pod, NoNamespace, func(_ *testing.T, _ string, p *Prober) { p.Namespace = "absent" }},
		"Forbidden":   {"the caller has no rights", "restricted", Pod, Forbidden, func(_ *testing.T, _ string, p *Prober) { p.Client = kubernetes.NewForConfigOrDie(limited) }},
		"Nonsense": {"what is no program does not run, and the loader's code is explained", "restricted", Pod, Crashed, func(_ *testing.T, _ string, p *Prober) {
			p.Program = func(string) ([]byte, error) { return []byte("nonsense"), nil }
		}},
		"NoLogs": {"the program ran, but its output cannot be had", "restricted", Pod, LogsUnreadable, func(_ *testing.T, _ string, p *Prober) {
			p.Logs = func(context.Context, string, string) ([]byte, error) {
				return nil, errors.New("no preferred addresses found")
			}
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			namespace := namespaceWith(t, admin, c.level)
			prober := &Prober{Client: admin, Namespace: namespace}
			if c.set != nil {
				c.set(t, namespace, prober)
			}
			outcomes, err := prober.Run(t.Context(), []Request{{Place: c.place}})
			var cannot *CannotRun
			if err != nil || !errors.As(outcomes[0].Err, &cannot) || cannot.Reason != c.want {
				t.Errorf("%s: got %v, %v, want %s", c.reason, outcomes[0].Err, err, c.want)
			}
			t.Log(cannot)
			nothingLeft(t, admin)
		})
	}
}

func quota(admin kubernetes.Interface) func(*testing.T, string, *Prober) {
	return func(t *testing.T, namespace string, _ *Prober) {
		none := corev1.ResourceList{corev1.ResourcePods: resource.MustParse("0")}
		_, err := admin.CoreV1().ResourceQuotas(namespace).Create(t.Context(), &corev1.ResourceQuota{
			ObjectMeta: metav1.ObjectMeta{Name: "q"}, Spec: corev1.ResourceQuotaSpec{Hard: none},
		}, metav1.CreateOptions{})
		must(t, err)
	}
}

// An image that the node does not have is passed over; where no other is left, that is the cause.
func TestImagesAreTriedInTurn(t *testing.T) {
	client := kubernetes.NewForConfigOrDie(node(t))
	namespace := namespaceWith(t, client, "restricted")
	for _, only := range []bool{false, true} {
		t.Run(fmt.Sprintf("OnlyAbsent=%v", only), func(t *testing.T) {
			v, err := (&Prober{Client: client, Namespace: namespace}).visit(t.Context())
			must(t, err)
			first := &v.stock.nodes[0]
			first.images = append([]string{"absent.example.test/none:1"}, first.images...)
			if only {
				first.images = first.images[:1]
			}
			var outcome Outcome
			v.run(t.Context(), 0, Request{Place: Pod}, &outcome)
			must(t, v.clean(t.Context()))
			nothingLeft(t, client)
			var cannot *CannotRun
			if got := errors.As(outcome.Err, &cannot) && cannot.Reason == NoImage; got != only || !only && outcome.Err != nil {
				t.Errorf("image %s: %v", outcome.Image, outcome.Err)
			}
		})
	}
}

// A node without the folder is noticed, so that the probe can be run without it.
func TestFolderThatTheNodeLacks(t *testing.T) {
	client := kubernetes.NewForConfigOrDie(node(t))
	namespace := namespaceWith(t, client, "privileged")
	v, err := (&Prober{Client: client, Namespace: namespace}).visit(t.Context())
	must(t, err)
	machine, err := v.stock.choose("")
	must(t, err)
	parts, err := v.bring(t.Context(), machine.arch)
	must(t, err)
	job := job{name: "probe-absent", node: machine, parts: parts, image: machine.images[0], folder: "/absent", request: Request{Place: Node}}
	_, err = v.attempt(t.Context(), job)
	must(t, v.clean(t.Context()))
	nothingLeft(t, client)
	var cannot *CannotRun
	if !errors.As(err, &cannot) || cannot.Reason != Mount {
		t.Errorf("got %v, want %s", err, Mount)
	}
	t.Log(err)
}

// Whoever interrupts doctor finds nothing left, at whatever moment.
func TestCancel(t *testing.T) {
	client := kubernetes.NewForConfigOrDie(node(t))
	namespace := namespaceWith(t, client, "restricted")
	silent, err := net.ListenPacket("udp", net.JoinHostPort(ours(t, client), "0"))
	must(t, err)
	defer silent.Close()
	plan := wire.Plan{
		ClusterDNS: silent.LocalAddr().String(), Lookups: []string{"keeps.the.probe.busy.test."},
		Targets: []wire.Target{{Name: "secret", URL: "https://a.example.test/", Kind: wire.TLS, Proxy: "http://user:password@192.0.2.1:3128"}},
	}
	for _, after := range []time.Duration{100 * time.Millisecond, 700 * time.Millisecond, 1500 * time.Millisecond, 3 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			outcomes, err := (&Prober{Client: client, Namespace: namespace}).Run(ctx, []Request{{Place: Pod, Plan: plan}})
			nothingLeft(t, client)
			if err != nil || !errors.Is(outcomes[0].Err, context.DeadlineExceeded) {
				t.Errorf("got %v and %v, want the end of the context", outcomes[0].Err, err)
			}
			t.Log(outcomes[0].Err)
		})
	}
}
