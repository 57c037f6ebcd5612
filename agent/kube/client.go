// Package kube is how agents use their own cluster's API server: client-go's clients of any kind of object,
// and its informers with nothing kept but what is read. It owns how to connect, how long a call may take
// and which collections there are; lists, watches and their repair are client-go's.
package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead"
)

// callTimeout bounds a call that is not a watch.
const callTimeout = 30 * time.Second

// Client calls one API server.
type Client struct {
	objects   dynamic.Interface
	metadata  metadata.Interface
	discovery *discovery.DiscoveryClient
}

// Connect returns a client of the API server that a kubeconfig names, or of the cluster in which the
// process runs when the name is empty. It makes no call.
func Connect(kubeconfig string) (*Client, error) {
	config, err := Config(kubeconfig)
	if err != nil {
		return nil, err
	}
	return New(config)
}

// New returns a client of the API server that a configuration leads to. It makes no call.
func New(config *rest.Config) (*Client, error) {
	config = rest.CopyConfig(config)
	config.UserAgent = "fairlead-agent/" + fairlead.Version
	config.QPS = -1 // agents call rarely; the server's own fairness is limit enough
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the client of the API server: %w", err)
	}
	var c Client
	if c.objects, err = dynamic.NewForConfigAndClient(config, shared); err == nil {
		c.metadata, err = metadata.NewForConfigAndClient(config, shared)
	}
	if err == nil {
		c.discovery, err = discovery.NewDiscoveryClientForConfigAndClient(config, shared)
	}
	if err != nil {
		return nil, fmt.Errorf("prepare the client of the API server: %w", err)
	}
	return &c, nil
}

// Config returns how to reach the API server that a kubeconfig names, or that of the cluster in which the process runs when
// the name is empty.
func Config(kubeconfig string) (*rest.Config, error) {
	if kubeconfig != "" {
		config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
		if err != nil {
			return nil, fmt.Errorf("read the kubeconfig: %w", err)
		}
		return config, nil
	}
	config, err := rest.InClusterConfig()
	if err != nil {
		return nil, fmt.Errorf("find the cluster in which this runs: %w", err)
	}
	// The proxy of the pod's environment leads out of the cluster; its API server is inside.
	config.Proxy = func(*http.Request) (*url.URL, error) { return nil, nil } //nolint:nilnil // net/http asks for just that
	return config, nil
}

// Version asks for the API server's version, such as v1.34.1+k3s1.
func (c *Client) Version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	version, err := c.discovery.ServerVersionWithContext(ctx)
	if err != nil {
		return "", fmt.Errorf("ask for the version of the API server: %w", err)
	}
	return version.GitVersion, nil
}

// Get reads an object into a struct of its kind.
func (c *Client) Get(ctx context.Context, from Collection, name string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	found, err := c.in(from).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("get %s %s: %w", from.Resource, name, err)
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, into); err != nil {
		return fmt.Errorf("decode %s %s: %w", from.Resource, name, err)
	}
	return nil
}

// ListMetadata lists objects without spec, status and data.
func (c *Client) ListMetadata(ctx context.Context, what Selection) ([]metav1.PartialObjectMetadata, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	all, err := c.metadataIn(what.Collection).List(ctx, what.narrow(metav1.ListOptions{}))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what.Resource, err)
	}
	return all.Items, nil
}

// Apply makes an object, or one of its subresources, hold the given fields, by server-side apply in a
// manager's name; it takes fields over from others. The object is created when it does not exist. Apply
// returns the object as it is afterwards.
func (c *Client) Apply(
	ctx context.Context, to Collection, name, manager string, object any, subresources ...string,
) (*unstructured.Unstructured, error) {
	body, err := json.Marshal(object)
	if err != nil {
		return nil, fmt.Errorf("encode %s %s: %w", to.Resource, name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	force := true
	options := metav1.PatchOptions{FieldManager: manager, Force: &force}
	applied, err := c.in(to).Patch(ctx, name, types.ApplyPatchType, body, options, subresources...)
	if err != nil {
		return nil, fmt.Errorf("apply %s %s: %w", to.Resource, name, err)
	}
	return applied, nil
}

// Merge changes the fields of an object that a JSON merge patch (RFC 7386) holds.
func (c *Client) Merge(ctx context.Context, in Collection, name, manager string, patch any) error {
	body, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("encode a change of %s %s: %w", in.Resource, name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if _, err := c.in(in).Patch(ctx, name, types.MergePatchType, body, metav1.PatchOptions{FieldManager: manager}); err != nil {
		return fmt.Errorf("change %s %s: %w", in.Resource, name, err)
	}
	return nil
}

// Delete deletes an object. One that has finalizers stays until they are gone.
func (c *Client) Delete(ctx context.Context, from Collection, name string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if err := c.in(from).Delete(ctx, name, metav1.DeleteOptions{}); err != nil {
		return fmt.Errorf("delete %s %s: %w", from.Resource, name, err)
	}
	return nil
}

func (c *Client) in(where Collection) dynamic.ResourceInterface {
	if where.Namespace == "" {
		return c.objects.Resource(where.GroupVersionResource)
	}
	return c.objects.Resource(where.GroupVersionResource).Namespace(where.Namespace)
}

func (c *Client) metadataIn(where Collection) metadata.ResourceInterface {
	if where.Namespace == "" {
		return c.metadata.Resource(where.GroupVersionResource)
	}
	return c.metadata.Resource(where.GroupVersionResource).Namespace(where.Namespace)
}
