package agent_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/action"
	helmkube "helm.sh/helm/v4/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent"
	"github.com/fairlead/fairlead/agent/settings"
	"github.com/fairlead/fairlead/chart"
)

// kubeconfigVariable names a cluster that the tests may use up; test/cluster makes one in seconds:
// go run ./test/cluster up --control-plane --name agents.
const kubeconfigVariable = "FAIRLEAD_TEST_KUBECONFIG"

// cluster is a real API server with the agents' chart installed by Helm.
type cluster struct {
	t          *testing.T
	kubeconfig string
	api        rest.Interface
	helm       *action.Configuration
	hub        *hub
	profile    string
	removed    atomic.Bool // the agents' rights are gone, too
}

func newCluster(t *testing.T, h *hub, profile string) *cluster {
	t.Helper()
	kubeconfig := os.Getenv(kubeconfigVariable)
	if kubeconfig == "" {
		t.Skipf("%s names no cluster", kubeconfigVariable)
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	client, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{t: t, kubeconfig: kubeconfig, api: client.RESTClient(), helm: helm(t, kubeconfig), hub: h, profile: profile}
	// What the test before has left is still going.
	for _, path := range []string{
		namespacePath, definitionPath + "connectedclusters.arc.azure.com", definitionPath + "azureclusteridentityrequests.clusterconfig.azure.com",
		definitionPath + "arccertificates.clusterconfig.azure.com", definitionPath + "extensionconfigs.clusterconfig.azure.com",
		definitionPath + "fluxconfigs.clusterconfig.azure.com",
	} {
		c.eventuallyGone(path)
	}
	c.install(profile)
	return c
}

func helm(t *testing.T, kubeconfig string) *action.Configuration {
	t.Helper()
	helmkube.ManagedFieldsManager = "helm"
	flags := genericclioptions.NewConfigFlags(false)
	flags.KubeConfig = &kubeconfig
	namespace := fairlead.ReleaseNamespace
	flags.Namespace = &namespace
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := config.Init(flags, fairlead.ReleaseNamespace, "secret"); err != nil {
		t.Fatal(err)
	}
	return config
}

func (c *cluster) values(profile string) map[string]any {
	key := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(c.hub.onboarding)})
	return map[string]any{
		"global": map[string]any{
			"subscriptionId": c.hub.cluster.Subscription, "resourceGroupName": c.hub.cluster.ResourceGroup,
			"resourceName": c.hub.cluster.Name(), "location": "local", "profile": profile,
			"onboardingPrivateKey": string(key), "hubCA": base64.StdEncoding.EncodeToString(c.hub.caPEM()),
		},
		"systemDefaultValues": map[string]any{
			"azureArcAgents": map[string]any{"config_dp_endpoint_override": c.hub.URL},
			"image":          map[string]any{"repository": "registry.example.org"},
		},
	}
}

func (c *cluster) install(profile string) {
	c.t.Helper()
	loaded, err := chart.Load()
	if err != nil {
		c.t.Fatal(err)
	}
	install := action.NewInstall(c.helm)
	install.ReleaseName, install.Namespace, install.CreateNamespace = fairlead.ReleaseName, fairlead.ReleaseNamespace, true
	install.WaitStrategy = helmkube.HookOnlyStrategy
	c.t.Cleanup(c.uninstall)
	if _, err := install.RunWithContext(c.t.Context(), loaded, c.values(profile)); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) upgrade(profile string, change func(map[string]any)) {
	c.t.Helper()
	loaded, err := chart.Load()
	if err != nil {
		c.t.Fatal(err)
	}
	values := c.values(profile)
	change(values)
	upgrade := action.NewUpgrade(c.helm)
	upgrade.Namespace, upgrade.WaitStrategy = fairlead.ReleaseNamespace, helmkube.HookOnlyStrategy
	if _, err := upgrade.RunWithContext(c.t.Context(), fairlead.ReleaseName, loaded, values); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) uninstall() {
	c.removed.Store(true)
	uninstall := action.NewUninstall(c.helm)
	uninstall.IgnoreNotFound, uninstall.WaitStrategy = true, helmkube.HookOnlyStrategy
	if _, err := uninstall.Run(fairlead.ReleaseName); err != nil {
		c.t.Error(err)
	}
}

// start runs agents in one process as the service account of a Deployment; so what the chart's roles
// lack shows. It returns their log, which is complete once stop has returned.
func (c *cluster) start(deployment string, agents ...string) (log *safeBuffer, stop func()) {
	c.t.Helper()
	return c.startAs(fairlead.AgentNamespace, "azure-arc-"+deployment+"-sa", agents...)
}

// startAs is start as any service account.
func (c *cluster) startAs(namespace, account string, agents ...string) (log *safeBuffer, stop func()) {
	c.t.Helper()
	ctx, cancel := context.WithCancel(c.t.Context())
	log = &safeBuffer{}
	done := make(chan error, 1)
	config := agent.Config{
		Agents: agents, Kubeconfig: c.as(namespace, account), Namespace: fairlead.AgentNamespace,
		Getenv: c.environment(), Log: log, Level: slog.LevelDebug,
	}
	go func() { done <- agent.Run(ctx, config) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			c.t.Errorf("%s ended: %v", account, err)
		}
		if c.t.Failed() {
			c.t.Logf("log of %s:\n%s", account, log)
		}
		if text := log.String(); !c.removed.Load() && strings.Contains(text, "forbidden") || strings.Contains(text, "PRIVATE KEY") {
			c.t.Errorf("%s lacks a right or shows a key:\n%s", account, text)
		}
	})
	c.t.Cleanup(stop)
	return log, stop
}

func (c *cluster) environment() func(string) string {
	all := map[string]string{
		fairlead.KeySubscription: c.hub.cluster.Subscription, fairlead.KeyResourceGroup: c.hub.cluster.ResourceGroup,
		fairlead.KeyResourceName: c.hub.cluster.Name(), fairlead.KeyRegion: "local", fairlead.KeyDataPlane: c.hub.URL,
		settings.HubCA: string(c.hub.caPEM()), settings.ClusterConnect: "true", settings.Extensions: "true",
	}
	if c.profile == "edge" {
		all[settings.Workloads] = fairlead.EdgeAgent
	}
	return func(key string) string { return all[key] }
}

// as returns a kubeconfig with a token of a service account, as the kubelet would make one for its pod.
func (c *cluster) as(namespace, account string) string {
	c.t.Helper()
	config, err := clientcmd.LoadFromFile(c.kubeconfig)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, user := range config.AuthInfos {
		*user = clientcmdapi.AuthInfo{Token: c.token(namespace, account)}
	}
	path := filepath.Join(c.t.TempDir(), account)
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// token asks for a token of a service account.
func (c *cluster) token(namespace, account string) string {
	c.t.Helper()
	text, err := c.api.Post().AbsPath("/api/v1/namespaces/" + namespace + "/serviceaccounts/" + account + "/token").
		Body([]byte(`{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}}`)).DoRaw(c.t.Context())
	var made struct {
		Status struct {
			Token string `json:"token"`
		} `json:"status"`
	}
	if err = errors.Join(err, json.Unmarshal(text, &made)); err != nil || made.Status.Token == "" {
		c.t.Fatalf("no token of %s: %v", account, err)
	}
	return made.Status.Token
}

// get reads any object by its path, nil when there is none.
func (c *cluster) get(path string) map[string]any {
	text, err := c.api.Get().AbsPath(path).DoRaw(context.Background())
	if err != nil {
		if !apierrors.IsNotFound(err) {
			c.t.Log(err)
		}
		return nil
	}
	var object map[string]any
	if err := json.Unmarshal(text, &object); err != nil {
		c.t.Error(err)
	}
	return object
}

// names returns the names of the objects at a path.
func (c *cluster) names(path, labels string) map[string]bool {
	c.t.Helper()
	text, err := c.api.Get().AbsPath(path).Param("labelSelector", labels).DoRaw(c.t.Context())
	var list metav1.PartialObjectMetadataList
	if err = errors.Join(err, json.Unmarshal(text, &list)); err != nil {
		c.t.Fatal(err)
	}
	found := map[string]bool{}
	for _, item := range list.Items {
		found[item.Name] = true
	}
	return found
}

// field returns a value of an object as text, such as spec.replicas.
func (c *cluster) field(path, field string) string {
	var at any = c.get(path)
	for name := range strings.SplitSeq(field, ".") {
		if list, ok := at.([]any); ok && len(list) > 0 {
			at = list[0]
		}
		object, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = object[name]
	}
	return fmt.Sprint(at)
}

// eventuallyGone waits until an object is gone.
func (c *cluster) eventuallyGone(path string) {
	c.t.Helper()
	var left map[string]any
	defer func() {
		if left != nil {
			c.t.Logf("%s: metadata %v, status %v", path, left["metadata"], left["status"])
		}
	}()
	eventually(c.t, path+" is gone", 2*time.Minute, func() bool {
		if left = c.get(path); left != nil {
			c.nudge(path, left)
		}
		return left == nil
	})
}

// nudge changes a definition that the API server could not empty, because it was deleted right after it was made. The API server
// would not try again for minutes, until it looks at all definitions: it tries again after a conflict only when something else about
// the definition changes than that it is being deleted (crd_finalizer.go of apiextensions-apiserver).
func (c *cluster) nudge(path string, left map[string]any) {
	if !strings.HasPrefix(path, definitionPath) || !strings.Contains(fmt.Sprint(left["status"]), "InstanceDeletionFailed") {
		return
	}
	text := fmt.Appendf(nil, `{"metadata":{"annotations":{"nudged":"%d"}}}`, time.Now().Unix())
	if err := c.api.Patch(types.MergePatchType).AbsPath(path).Body(text).Do(c.t.Context()).Error(); err != nil && !apierrors.IsNotFound(err) {
		c.t.Log(err)
	}
}

func (c *cluster) delete(path string) {
	c.t.Helper()
	if err := c.api.Delete().AbsPath(path).Param("gracePeriodSeconds", "0").Do(c.t.Context()).Error(); err != nil {
		c.t.Fatal(err)
	}
}

// apply edits an object in a person's name.
func (c *cluster) apply(path string, object map[string]any) {
	c.t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		c.t.Fatal(err)
	}
	request := c.api.Patch(types.ApplyPatchType).AbsPath(path).Param("fieldManager", "somebody").Param("force", "true").Body(text)
	if err := request.Do(c.t.Context()).Error(); err != nil {
		c.t.Fatal(err)
	}
}

func (c *cluster) change(deployment string, spec map[string]any) {
	c.t.Helper()
	c.apply(deploymentPath(deployment), map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{"name": deployment, "namespace": fairlead.AgentNamespace}, "spec": spec,
	})
}

// safeBuffer is a buffer that a test reads while agents write.
type safeBuffer struct {
	mu  sync.Mutex
	all bytes.Buffer
}

var _ io.Writer = (*safeBuffer)(nil)

func (b *safeBuffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(text)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}

// keys counts what a Secret holds.
func (c *cluster) keys(path string) int {
	data, _ := c.get(path)["data"].(map[string]any)
	return len(data)
}
