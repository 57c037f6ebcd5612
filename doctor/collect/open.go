package collect

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Target is the cluster that a kubeconfig leads to.
type Target struct {
	Config  *rest.Config
	Context string
	// Namespace is the context's.
	Namespace string
}

// Open reads a kubeconfig (a file, else what KUBECONFIG and the home directory hold) and one of its contexts, else the current one.
// It makes no call. Inside a pod without a kubeconfig it takes the pod's own account.
func Open(file, contextName string) (Target, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	if file != "" {
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			return Target{}, fmt.Errorf("the kubeconfig %s is not there", file)
		}
		rules.ExplicitPath = file
	}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: contextName})
	raw, err := loader.RawConfig()
	if err != nil {
		return Target{}, fmt.Errorf("the kubeconfig cannot be read: %w", err)
	}
	if contextName == "" {
		contextName = raw.CurrentContext
	}
	if _, ok := raw.Contexts[contextName]; !ok {
		if config, err := rest.InClusterConfig(); err == nil && len(raw.Contexts) == 0 {
			return Target{Config: config, Context: "in-cluster"}, nil
		}
		return Target{}, noContext(contextName, slices.Sorted(maps.Keys(raw.Contexts)))
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return Target{}, fmt.Errorf("the kubeconfig's context %q cannot be used: %w", contextName, err)
	}
	namespace, _, err := loader.Namespace()
	if err != nil {
		return Target{}, fmt.Errorf("the kubeconfig's context %q cannot be used: %w", contextName, err)
	}
	return Target{Config: config, Context: contextName, Namespace: namespace}, nil
}

func noContext(name string, there []string) error {
	switch {
	case len(there) == 0:
		return errors.New("there is no kubeconfig that names a cluster")
	case name == "":
		return fmt.Errorf("the kubeconfig has no current context; it has %s", strings.Join(there, ", "))
	}
	return fmt.Errorf("the kubeconfig has no context %q; it has %s", name, strings.Join(there, ", "))
}
