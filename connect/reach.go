package connect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
)

const reachTimeout = 10 * time.Second

// reach finds the first thing that stands between this machine and the API server, and returns the
// server's version.
func (k *Cluster) reach(ctx context.Context) (string, error) {
	if err := k.dial(ctx); err != nil {
		return "", err
	}
	version, err := k.version(ctx)
	if err != nil {
		return "", err
	}
	return version, k.authenticate(ctx)
}

// dial leaves clusters behind a proxy to the stages that follow.
func (k *Cluster) dial(ctx context.Context) error {
	server, err := url.Parse(k.Server)
	if err != nil || server.Host == "" {
		return k.unreachable("the kubeconfig's server is not a URL", nil)
	}
	if k.proxied(server) {
		return nil
	}
	port := server.Port()
	if port == "" {
		port = map[string]string{"http": "80"}[server.Scheme]
	}
	if port == "" {
		port = "443"
	}
	dialer := net.Dialer{Timeout: reachTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(server.Hostname(), port))
	if err != nil {
		return k.unreachable("no connection", err)
	}
	return connection.Close()
}

func (k *Cluster) proxied(server *url.URL) bool {
	choose := k.config.Proxy
	if choose == nil {
		choose = http.ProxyFromEnvironment
	}
	proxy, err := choose(&http.Request{URL: server})
	return err == nil && proxy != nil
}

func (k *Cluster) version(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	client, err := rest.HTTPClientFor(k.config)
	if err != nil {
		return "", k.unreachable("the kubeconfig's certificates or credentials cannot be used", err)
	}
	discovery, err := rest.UnversionedRESTClientForConfigAndClient(unversioned(k.config), client)
	if err != nil {
		return "", k.unreachable("the kubeconfig's context cannot be used", err)
	}
	content, err := discovery.Get().AbsPath("/version").DoRaw(ctx)
	switch {
	case err == nil:
		return gitVersion(content), nil
	case apierrors.IsUnauthorized(err):
		return "", k.rejected(err)
	case apierrors.IsForbidden(err):
		return "", nil // some clusters hide their version; rights are looked at next
	}
	return "", k.unreachable(stageOf(err), err)
}

// stageOf says at which stage a call failed, in a person's words.
func stageOf(err error) string {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &authority):
		return "TLS: the API server's certificate is not signed by the authority in the kubeconfig"
	case errors.As(err, &host):
		return "TLS: the API server's certificate is for another name"
	case errors.As(err, &invalid):
		return "TLS: the API server's certificate is not valid"
	case errors.As(err, &record):
		return "TLS: what answers there does not speak TLS"
	case strings.Contains(err.Error(), "getting credentials"):
		return "the kubeconfig's credential program failed"
	}
	return "it accepts connections, but /version gave no good answer"
}

// authenticate asks who the API server thinks we are.
func (k *Cluster) authenticate(ctx context.Context) error {
	_, err := k.self(ctx)
	switch {
	case err == nil, apierrors.IsNotFound(err), apierrors.IsForbidden(err):
		return nil // servers before 1.28 cannot say; the rights are checked in any case
	case apierrors.IsUnauthorized(err):
		return k.rejected(err)
	}
	return k.unreachable(stageOf(err), err)
}

func (k *Cluster) self(ctx context.Context) (string, error) {
	review, err := k.api.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authenticationv1.SelfSubjectReview{}, metav1.CreateOptions{})
	if err != nil {
		return "", err
	}
	return review.Status.UserInfo.Username, nil
}

func (k *Cluster) rejected(err error) error {
	return fairlead.Errorf(fairlead.Unauthenticated, "the API server %s (context %q) does not accept the kubeconfig's credentials; they may have run out: %w", k.Server, k.Context, err).WithCode("ClusterUnauthorized")
}

func (k *Cluster) unreachable(stage string, err error) error {
	if err == nil {
		return fairlead.Errorf(fairlead.Unavailable, "the API server %s (context %q) cannot be reached: %s", k.Server, k.Context, stage).WithCode("ClusterUnreachable")
	}
	return fairlead.Errorf(fairlead.Unavailable, "the API server %s (context %q) cannot be reached: %s: %w", k.Server, k.Context, stage, err).WithCode("ClusterUnreachable")
}

// short names the cluster in a sentence.
func (k *Cluster) short() string { return fmt.Sprintf("%s (context %q)", k.Server, k.Context) }
