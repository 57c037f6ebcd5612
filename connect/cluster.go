package connect

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

// callTimeout bounds one call to the API server.
const callTimeout = 30 * time.Second

// Cluster is the Kubernetes cluster that a kubeconfig leads to.
type Cluster struct {
	// Context is the kubeconfig's context, "in-cluster" without a kubeconfig.
	Context string
	// Server is the URL of the API server.
	Server string

	api     kubernetes.Interface
	objects dynamic.Interface
	config  *rest.Config
	getter  *genericclioptions.ConfigFlags
}

// OpenCluster reads the kubeconfig (a file, else what KUBECONFIG and the home directory hold) and makes
// clients for one of its contexts, else the current one. It makes no call.
func OpenCluster(file, contextName string) (*Cluster, error) {
	if file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return nil, fairlead.Errorf(fairlead.Invalid, "the kubeconfig %s is not there", file)
		}
	}
	getter := getterFor(file, contextName)
	name, err := chooseContext(getter.ToRawKubeConfigLoader(), contextName)
	if err != nil {
		return nil, err
	}
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the kubeconfig's context %q cannot be used: %w", name, err)
	}
	api, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the kubeconfig's context %q cannot be used: %w", name, err)
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make a client for the cluster: %w", err)
	}
	return &Cluster{Context: name, Server: config.Host, api: api, objects: objects, config: config, getter: getter}, nil
}

func getterFor(file, contextName string) *genericclioptions.ConfigFlags {
	getter := genericclioptions.NewConfigFlags(true)
	getter.KubeConfig, getter.Context = &file, &contextName
	namespace := fairlead.ReleaseNamespace
	getter.Namespace = &namespace
	getter.WithWrapConfigFn(func(config *rest.Config) *rest.Config {
		config.UserAgent = "fairlead/" + fairlead.Version
		config.QPS, config.Burst = 50, 100
		config.WarningHandler = rest.NoWarnings{} // pods are watched anyway, and their trouble is reported
		if config.Timeout == 0 {
			config.Timeout = callTimeout
		}
		return config
	})
	return getter
}

func chooseContext(loader clientcmd.ClientConfig, wanted string) (string, error) {
	raw, err := loader.RawConfig()
	if err != nil {
		return "", fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be read: %w", err)
	}
	name := wanted
	if name == "" {
		name = raw.CurrentContext
	}
	if _, ok := raw.Contexts[name]; ok {
		return name, nil
	}
	if len(raw.Contexts) > 0 {
		return "", missingContext(raw, name)
	}
	if _, err := rest.InClusterConfig(); err == nil && wanted == "" {
		return "in-cluster", nil
	}
	if file := absentFile(os.Getenv("KUBECONFIG")); file != "" {
		return "", fairlead.Errorf(fairlead.Invalid, "the kubeconfig %s, which KUBECONFIG names, is not there", file)
	}
	return "", fairlead.Errorf(fairlead.Invalid, "there is no kubeconfig that names a cluster: give --kube-config FILE, or set KUBECONFIG")
}

// absentFile returns the first of the files in a list such as KUBECONFIG that is not there.
func absentFile(list string) string {
	for _, file := range filepath.SplitList(list) {
		if _, err := os.Stat(file); file != "" && errors.Is(err, fs.ErrNotExist) { //nolint:gosec // the person names the file
			return file
		}
	}
	return ""
}

// ContextNames returns the contexts of a kubeconfig, chosen as OpenCluster does; none when it cannot be read.
func ContextNames(file string) []string {
	raw, err := getterFor(file, "").ToRawKubeConfigLoader().RawConfig()
	if err != nil {
		return nil
	}
	return slices.Sorted(maps.Keys(raw.Contexts))
}

func missingContext(raw clientcmdapi.Config, name string) error {
	names := strings.Join(slices.Sorted(maps.Keys(raw.Contexts)), ", ")
	if name == "" {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig has no current context: give --kube-context, one of %s", names)
	}
	return fairlead.Errorf(fairlead.Invalid, "the kubeconfig has no context %q; it has %s", name, names)
}
