// Package kubeconfig adds the way to a connected cluster to a person's kubeconfig, and takes it out again. It never loses
// what else is in the file. It knows neither hubs nor proxies, and makes no calls.
package kubeconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

// maxFile is far above the largest kubeconfig.
const maxFile = 32 << 20

// Existing says what becomes of a context that is there already under the same name and leads elsewhere.
type Existing int

// The two ways; the zero value refuses.
const (
	Keep Existing = iota
	Replace
)

// Entry is one way to one cluster.
type Entry struct {
	// Name is that of the context. Cluster and user get names of their own, so that they are in nobody's way.
	Name string
	// Server is the URL under which the cluster's API is reached.
	Server string
	// Authority is the PEM of whom the server's certificate is from; empty means the system's authorities.
	Authority []byte
	// User is the credential.
	User *clientcmdapi.AuthInfo
	// Same reports whether a server's URL leads to the same cluster, maybe in another way; such a context is replaced.
	Same func(server string) bool
	// Passing reports whether a server is there only as long as some program runs; the way to one is never put back. Nil is none.
	Passing func(server string) bool
}

// inner is the name of cluster and user.
func (e Entry) inner() string { return "fairlead-" + e.Name }

// put adds the entry to a configuration and makes it the current one.
func (e Entry) put(config *clientcmdapi.Config, namespace string) {
	cluster, context := clientcmdapi.NewCluster(), clientcmdapi.NewContext()
	cluster.Server, cluster.CertificateAuthorityData = e.Server, e.Authority
	context.Cluster, context.AuthInfo, context.Namespace = e.inner(), e.inner(), namespace
	config.Clusters[e.inner()], config.AuthInfos[e.inner()], config.Contexts[e.Name] = cluster, e.User, context
	config.CurrentContext = e.Name
}

// Alone returns a kubeconfig that holds nothing but the entry.
func (e Entry) Alone() ([]byte, error) {
	config := clientcmdapi.NewConfig()
	e.put(config, "")
	content, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("write a kubeconfig: %w", err)
	}
	return content, nil
}

// clash says which entry of a configuration is in the way.
func (e Entry) clash(config *clientcmdapi.Config) error {
	if context := config.Contexts[e.Name]; context != nil {
		if cluster := config.Clusters[context.Cluster]; cluster != nil && !e.Same(cluster.Server) {
			return fairlead.Errorf(fairlead.Conflict, "the kubeconfig has a context %q, which leads to %s", e.Name, cluster.Server).WithCode("ContextTaken")
		}
	}
	if cluster := config.Clusters[e.inner()]; cluster != nil && !e.Same(cluster.Server) {
		return fairlead.Errorf(fairlead.Conflict, "the kubeconfig has a cluster %q, which is %s", e.inner(), cluster.Server).WithCode("ContextTaken")
	}
	return nil
}

// namespace is what somebody has chosen for the context, if it led to the same cluster.
func (e Entry) namespace(config *clientcmdapi.Config) string {
	context := config.Contexts[e.Name]
	if context == nil {
		return ""
	}
	if cluster := config.Clusters[context.Cluster]; cluster == nil || !e.Same(cluster.Server) {
		return ""
	}
	return context.Namespace
}

// File returns the kubeconfig that is written to: the one that is named, else what kubectl would take, by KUBECONFIG or in
// the home directory.
func File(named string) string {
	options := clientcmd.NewDefaultPathOptions()
	options.LoadingRules.ExplicitPath = named
	return options.GetDefaultFilename()
}

// visible is what kubectl sees together with a file: all files of KUBECONFIG, unless one is named.
func visible(named string) (*clientcmdapi.Config, error) {
	options := clientcmd.NewDefaultPathOptions()
	options.LoadingRules.ExplicitPath = named
	options.LoadingRules.WarnIfAllMissing = false
	config, err := options.GetStartingConfig()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be read: %w", err)
	}
	if config == nil {
		config = clientcmdapi.NewConfig()
	}
	return config, nil
}

// read reads one file; one that is not there, or is empty, is an empty configuration.
func read(path string) (*clientcmdapi.Config, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return clientcmdapi.NewConfig(), nil
	case err == nil && info.Size() > maxFile:
		return nil, fairlead.Errorf(fairlead.TooLarge, "%s is larger than any kubeconfig", path)
	case err == nil && !info.Mode().IsRegular():
		return nil, fairlead.Errorf(fairlead.Invalid, "%s is no file", path)
	}
	config, err := clientcmd.LoadFromFile(path)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the kubeconfig %s cannot be read: %w", path, err)
	}
	return config, nil
}

// content is what a file is to hold.
func content(config *clientcmdapi.Config) ([]byte, error) {
	written, err := clientcmd.Write(*config)
	if err != nil {
		return nil, fmt.Errorf("write the kubeconfig: %w", err)
	}
	return written, nil
}
