package arcproxy

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
)

// registration is what az hands over of the hub's answer, understood.
type registration struct {
	server       *url.URL // below which the API of the cluster is
	authority    []byte
	relayToken   string
	expires      time.Time
	clusterToken string // of az connectedk8s proxy --token
	config       *clientcmdapi.Config
}

func parseRegistration(body []byte) (registration, error) {
	var given struct {
		Kubeconfigs []struct {
			Value []byte `json:"value"` // base64
		} `json:"kubeconfigs"`
		Connection struct {
			Token          string `json:"token"`
			ExpirationTime int64  `json:"expirationTime"`
		} `json:"hybridConnectionConfig"`
	}
	if err := json.Unmarshal(body, &given); err != nil {
		return registration{}, fairlead.Errorf(fairlead.Invalid, "the body is not the JSON that az sends")
	}
	if len(given.Kubeconfigs) == 0 || given.Connection.Token == "" {
		return registration{}, fairlead.Errorf(fairlead.Invalid, "the body holds no kubeconfig, or no token of the relay")
	}
	found := registration{relayToken: given.Connection.Token, expires: time.Unix(given.Connection.ExpirationTime, 0)}
	return found, found.readKubeconfig(given.Kubeconfigs[0].Value)
}

func (g *registration) readKubeconfig(content []byte) error {
	config, err := clientcmd.Load(content)
	if err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig cannot be read: %w", err)
	}
	context := config.Contexts[config.CurrentContext]
	if context == nil || config.Clusters[context.Cluster] == nil {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig has no current context with a cluster")
	}
	cluster, user := config.Clusters[context.Cluster], config.AuthInfos[context.AuthInfo]
	server, err := url.Parse(cluster.Server)
	if err != nil || server.Scheme != "https" || server.Host == "" || server.User != nil {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig's server is not an https URL")
	}
	if pool := x509.NewCertPool(); len(cluster.CertificateAuthorityData) > 0 && !pool.AppendCertsFromPEM(cluster.CertificateAuthorityData) {
		return fairlead.Errorf(fairlead.Invalid, "the kubeconfig's authority is no certificate")
	}
	g.config, g.server, g.authority = config, server, cluster.CertificateAuthorityData
	if user != nil {
		g.clusterToken = user.Token
	}
	return nil
}

// roots are the authorities that the hub's certificate may be from.
func (g *registration) roots(otherwise *x509.CertPool) *x509.CertPool {
	if len(g.authority) == 0 {
		return otherwise
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(g.authority)
	return pool
}

// kubeconfig is the hub's with the way through the proxy in place of the hub's, in base64.
func (g *registration) kubeconfig(port int, access Access) (string, error) {
	context := g.config.Contexts[g.config.CurrentContext].DeepCopy()
	cluster := clientcmdapi.NewCluster()
	cluster.Server, cluster.CertificateAuthorityData = fmt.Sprintf("https://%s%s", address(port), access.Path), access.Authority
	config := clientcmdapi.NewConfig()
	config.CurrentContext = g.config.CurrentContext
	config.Contexts[config.CurrentContext] = context
	config.Clusters[context.Cluster] = cluster
	config.AuthInfos[context.AuthInfo] = &clientcmdapi.AuthInfo{Token: access.Token}
	content, err := clientcmd.Write(*config)
	if err != nil {
		return "", fmt.Errorf("write a kubeconfig: %w", err)
	}
	return base64.StdEncoding.EncodeToString(content), nil
}
