package agent_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy"
	"github.com/fairlead/fairlead/agent/dataplane"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
	"github.com/fairlead/fairlead/tunnel"
)

// connected is a cluster with kube-aad-proxy, which has the rights that the chart gives it, and a tunnel to it.
type connected struct {
	*cluster

	way   *tunnel.Client
	admin *kubernetes.Clientset
	log   *safeBuffer
}

// connect installs the agents and runs kube-aad-proxy as its own service account.
func connect(t *testing.T, name string) *connected {
	t.Helper()
	c := &connected{cluster: newCluster(t, newHub(t, name), "standard"), log: &safeBuffer{}}
	c.begin()
	c.run(func(*aadproxy.Config) {})
	return c
}

// connectWithAzureRBAC does so with the feature by which the hub's roles decide.
func connectWithAzureRBAC(t *testing.T, name string) *connected {
	t.Helper()
	c := &connected{cluster: newCluster(t, newHub(t, name), "standard"), log: &safeBuffer{}}
	c.upgrade("standard", func(values map[string]any) {
		values["systemDefaultValues"].(map[string]any)["guard"] = map[string]any{"enabled": "True"}
	})
	c.begin()
	c.run(func(config *aadproxy.Config) { config.AzureRBAC = true })
	return c
}

// begin makes the client of whoever checks.
func (c *connected) begin() {
	c.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", c.kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	config.QPS = -1
	if c.admin, err = kubernetes.NewForConfig(config); err != nil {
		c.t.Fatal(err)
	}
}

func (c *connected) run(change func(*aadproxy.Config)) {
	c.t.Helper()
	api, err := clientcmd.BuildConfigFromFlags("", c.as(fairlead.AgentNamespace, "azure-arc-"+fairlead.KubeAADProxy+"-sa"))
	if err != nil {
		c.t.Fatal(err)
	}
	read, err := settings.FromEnvironment(c.environment())
	if err != nil {
		c.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(c.log, nil))
	hub, err := dataplane.New(read, &identity.Holder{Log: log}, log, prometheus.NewRegistry())
	if err != nil {
		c.t.Fatal(err)
	}
	configuration := aadproxy.Config{
		Cluster: read.Cluster, Hub: hub, API: api, Namespace: fairlead.AgentNamespace, Now: time.Now, Log: log, Ready: func(error) {},
	}
	change(&configuration)
	proxy, err := aadproxy.New(configuration)
	if err != nil {
		c.t.Fatal(err)
	}
	c.serve(proxy)
}

func (c *connected) serve(proxy *aadproxy.Proxy) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = proxy.Run(ctx) })
	near, far := ends(c.t)
	running.Go(func() { _ = proxy.Serve(ctx, far) })
	way, err := tunnel.NewClient(c.t.Context(), near)
	if err != nil {
		c.t.Fatal(err)
	}
	c.way = way
	c.t.Cleanup(func() {
		way.Close()
		cancel()
		running.Wait()
		if c.t.Failed() {
			c.t.Logf("log of kube-aad-proxy:\n%s", c.log)
		}
	})
}

func ends(t *testing.T) (near, far net.Conn) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if near, err = net.Dial("tcp", listener.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if far, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	return near, far
}

// callerWay makes requests through a tunnel under one statement, as the hub does.
type callerWay struct {
	through http.RoundTripper
	id      string
	token   string
}

func (w callerWay) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(caller.Header, w.id)
	if w.token != "" {
		r.Header.Set("Authorization", "Bearer "+w.token)
	}
	return w.through.RoundTrip(r)
}

// state states a caller, and returns the way for requests in his name.
func (c *connected) state(s caller.Statement) callerWay {
	c.t.Helper()
	id, signed := c.hub.state(s)
	if code, err := put(c.t.Context(), c.way, id, signed); err != nil || code != http.StatusNoContent {
		c.t.Fatalf("the statement is answered %d, %v", code, err)
	}
	return callerWay{through: c.way, id: id}
}

// client returns a client of the cluster in somebody's name.
func (c *connected) client(way callerWay) *kubernetes.Clientset {
	c.t.Helper()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: "http://" + caller.KubernetesHost, Transport: way, QPS: -1})
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

func (c *connected) callAs(s caller.Statement) *kubernetes.Clientset { return c.client(c.state(s)) }

func TestCallersAreWhoTheHubSays(t *testing.T) {
	c := connect(t, "callers")
	ctx := t.Context()
	groups := make([]string, 1000)
	for i := range groups {
		groups[i] = fmt.Sprintf("%08d-1111-2222-3333-444444444444", i)
	}
	c.bind("shop-readers", "view", rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: groups[700]})
	began := time.Now()
	ada := c.callAs(caller.Statement{User: "ada@example.org", Groups: groups})
	if _, err := ada.CoreV1().Pods("default").List(ctx, metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("the first list with 1,000 groups took %s", time.Since(began))
	review, err := ada.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	who := review.Status.UserInfo
	if who.Username != "ada@example.org" || len(who.Groups) != 1001 || who.Groups[1000] != "system:authenticated" || who.Extra["oid"][0] != "object-id-of-ada@example.org" {
		t.Errorf("the API server knows %q with %d groups, %v", who.Username, len(who.Groups), who.Extra)
	}
	if _, err := ada.CoreV1().Secrets("default").List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("secrets: %v", err)
	}
	if _, err := c.callAs(caller.Statement{User: "bob@example.org"}).CoreV1().Pods("default").List(ctx, metav1.ListOptions{}); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "bob@example.org") {
		t.Errorf("somebody without groups: %v", err)
	}
	if review, err = c.callAs(caller.Statement{User: "bob@example.org"}).AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{}); err != nil {
		t.Error(err)
	} else if who := review.Status.UserInfo; len(who.Groups) != 1 || who.Groups[0] != "system:authenticated" {
		t.Errorf("groups of nobody's member: %q", who.Groups)
	}
}

// bind gives somebody a ClusterRole in namespace default.
func (c *connected) bind(name, role string, subjects ...rbacv1.Subject) {
	c.t.Helper()
	_, err := c.admin.RbacV1().RoleBindings("default").Create(c.t.Context(), &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}, Subjects: subjects,
	}, metav1.CreateOptions{})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = c.admin.RbacV1().RoleBindings("default").Delete(context.Background(), name, metav1.DeleteOptions{})
	})
}

// An open watch ends less than a second after the hub has stated that the caller is in the group no more.
func TestAWatchEndsWithTheGroup(t *testing.T) {
	c := connect(t, "revoked")
	c.bind("watchers", "view", rbacv1.Subject{Kind: "Group", APIGroup: rbacv1.GroupName, Name: "watchers-id"})
	ada := c.callAs(caller.Statement{User: "ada@example.org", Groups: []string{"other-id", "watchers-id"}})
	watch, err := ada.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	select {
	case <-watch.ResultChan(): // what is there already
	case <-time.After(5 * time.Second):
		t.Fatal("the watch is silent")
	}
	began := time.Now()
	less := c.callAs(caller.Statement{User: "ada@example.org", Groups: []string{"other-id"}})
	for open := true; open; {
		select {
		case _, open = <-watch.ResultChan():
		case <-time.After(time.Second):
			t.Fatal("still open after a second")
		}
	}
	t.Logf("ended after %s", time.Since(began))
	if _, err := less.CoreV1().ConfigMaps("default").Watch(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) {
		t.Errorf("again: %v", err)
	}
}

func TestOwnTokensKeepTheirRights(t *testing.T) {
	c := connect(t, "tokens")
	_, err := c.admin.CoreV1().ServiceAccounts("default").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "robot"}}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		t.Fatal(err)
	}
	c.bind("robots", "view", rbacv1.Subject{Kind: "ServiceAccount", Name: "robot", Namespace: "default"})
	way := c.state(caller.Statement{User: "ada@example.org", Mode: caller.Token, Grants: everything()})
	way.token = robotToken(t, c)
	if _, err := c.client(way).CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Error(err)
	}
	if _, err := c.client(way).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "system:serviceaccount:default:robot") {
		t.Errorf("beyond its rights: %v", err)
	}
	way.token = "eyJhbGciOiJub25lIn0.e30."
	if _, err := c.client(way).CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("a token that is none: %v", err)
	}
	way.token = ""
	if _, err := c.client(way).CoreV1().Pods("default").List(t.Context(), metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
		t.Errorf("no token: %v", err)
	}
}

func robotToken(t *testing.T, c *connected) string {
	t.Helper()
	made, err := c.admin.CoreV1().RESTClient().Post().AbsPath("/api/v1/namespaces/default/serviceaccounts/robot/token").
		Body([]byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}`)).DoRaw(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return decoded[struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}](t, made).Status.Token
}

func everything() []dataaction.Grant {
	return []dataaction.Grant{{DataActions: []string{"Microsoft.Kubernetes/connectedClusters/*"}}}
}
