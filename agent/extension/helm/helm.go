// Package helm works on one Helm release at a time with Helm's SDK, and makes it keep to what an operation may do: every request
// to the API server ends with the operation's context, and waiting ends when somebody gives it up. It does not know extensions.
package helm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"helm.sh/helm/v4/pkg/action"
	helmkube "helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

const (
	// A call that is no watch; the operation's own deadline may be nearer.
	callTimeout = time.Minute
	// How many revisions of a release are kept.
	maxHistory = 10
)

// Cluster is the API server that releases are kept at. What it knows of its kinds is shared by all releases.
type Cluster struct {
	way       http.RoundTripper
	host      string
	path      string
	discovery discovery.CachedDiscoveryInterface
	mapper    meta.ResettableRESTMapper
}

// NewCluster returns the cluster that a configuration leads to. It makes no call.
func NewCluster(config *rest.Config) (*Cluster, error) {
	// Helm would take the name of the running binary, and other releases of it would be refused their own fields.
	nameFields()
	config = rest.CopyConfig(config)
	config.UserAgent, config.WarningHandler = "fairlead-"+fairlead.ExtensionManager+"/"+fairlead.Version, rest.NoWarnings{}
	way, err := rest.TransportFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the way to the API server: %w", err)
	}
	c := &Cluster{way: way, host: config.Host, path: config.APIPath}
	plain := c.config(way)
	plain.Timeout = callTimeout
	found, err := discovery.NewDiscoveryClientForConfig(plain)
	if err != nil {
		return nil, fmt.Errorf("prepare the discovery of the API server's kinds: %w", err)
	}
	c.discovery = memory.NewMemCacheClient(found)
	c.mapper = restmapper.NewDeferredDiscoveryRESTMapper(c.discovery)
	return c, nil
}

// nameFields sets Helm's own name as that of the fields it applies. It is a variable of Helm's.
var nameFields = sync.OnceFunc(func() { helmkube.ManagedFieldsManager = "helm" }) //nolint:gochecknoglobals // sets a global of Helm's, once

// Mapper knows the API server's kinds.
func (c *Cluster) Mapper() meta.RESTMapper { return c.mapper }

func (c *Cluster) config(way http.RoundTripper) *rest.Config {
	return &rest.Config{Host: c.host, APIPath: c.path, Transport: way, QPS: -1, WarningHandler: rest.NoWarnings{}}
}

// Bound returns how to reach the API server until ctx ends.
func (c *Cluster) Bound(ctx context.Context) *rest.Config { return c.config(bound{c.way, ctx}) }

// Release is one release during one operation.
type Release struct {
	Name, Namespace string

	config  *action.Configuration
	objects *objects
	bound   func() *rest.Config
	ctx     context.Context //nolint:containedctx // a Release lives for one operation
	waiting context.Context //nolint:containedctx // the same
}

// Open returns a release to work on until ctx ends. Waiting for objects ends with the second context, too.
func (c *Cluster) Open(ctx, waiting context.Context, namespace, name string, progress Progress) (*Release, error) {
	getter := &getter{Cluster: c, bound: c.Bound(ctx), namespace: namespace}
	config := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := config.Init(getter, namespace, "secret"); err != nil {
		return nil, fmt.Errorf("prepare Helm: %w", err)
	}
	client, ok := config.KubeClient.(*helmkube.Client)
	if !ok {
		return nil, errors.New("prepare Helm: its client is of another kind than this version knows")
	}
	client.Namespace = namespace
	client.SetLogger(slog.DiscardHandler)
	o := &objects{Client: client, mapper: c.mapper, progress: progress, waiting: waiting}
	config.KubeClient = o
	config.Releases.MaxHistory = maxHistory
	config.SetHookOutputFunc(func(string, string, string) io.Writer { return io.Discard })
	return &Release{Name: name, Namespace: namespace, config: config, objects: o, ctx: ctx, waiting: waiting, bound: func() *rest.Config { return rest.CopyConfig(getter.bound) }}, nil
}

// getter is how Helm's parts find the API server.
type getter struct {
	*Cluster

	bound     *rest.Config
	namespace string
}

// ToRESTConfig implements genericclioptions.RESTClientGetter.
func (g *getter) ToRESTConfig() (*rest.Config, error) { return rest.CopyConfig(g.bound), nil }

// ToDiscoveryClient implements genericclioptions.RESTClientGetter.
func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	return g.discovery, nil
}

// ToRESTMapper implements genericclioptions.RESTClientGetter.
func (g *getter) ToRESTMapper() (meta.RESTMapper, error) { return g.mapper, nil }

// ToRawKubeConfigLoader implements genericclioptions.RESTClientGetter. It is asked for the namespace alone.
func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	config := clientcmdapi.Config{
		Contexts: map[string]*clientcmdapi.Context{"here": {Namespace: g.namespace}}, CurrentContext: "here",
	}
	return clientcmd.NewDefaultClientConfig(config, &clientcmd.ConfigOverrides{})
}
