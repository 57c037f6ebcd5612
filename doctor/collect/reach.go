package collect

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"time"

	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

const reachTimeout = 10 * time.Second

// reach goes the way to the API server stage by stage and stops at the first that fails.
func (c *collector) reach(ctx context.Context) []snapshot.Stage {
	c.note("reaching the API server")
	var stages []snapshot.Stage
	for _, stage := range []struct {
		name string
		do   func(context.Context) error
	}{{"dns", c.resolve}, {"tcp", c.dial}, {"tls", c.shake}, {"version", c.version}} {
		err := within(ctx, stage.do)
		reached := snapshot.Stage{Name: stage.name, OK: err == nil}
		if err != nil {
			reached.Error = c.source.Redact.Text(err.Error())
			if reasonOf(err) == snapshot.Forbidden {
				reached.Name = "auth"
			}
		}
		stages = append(stages, reached)
		if err != nil {
			break
		}
	}
	return stages
}

func within(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	return do(ctx)
}

// address returns host and port of the API server; ok is false when a proxy stands between, so that only the whole
// way can be tried.
func (c *collector) address() (host, port string, ok bool) {
	at, err := url.Parse(c.source.Config.Host)
	if err != nil || at.Hostname() == "" {
		return "", "", false
	}
	if proxy := c.source.Config.Proxy; proxy != nil {
		return "", "", false
	}
	if port = at.Port(); port == "" {
		port = "443"
	}
	return at.Hostname(), port, at.Scheme == "https"
}

func (c *collector) resolve(ctx context.Context) error {
	host, _, ok := c.address()
	if !ok {
		return nil
	}
	_, err := net.DefaultResolver.LookupHost(ctx, host)
	return err
}

func (c *collector) dial(ctx context.Context) error {
	host, port, ok := c.address()
	if !ok {
		return nil
	}
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	return connection.Close()
}

func (c *collector) shake(ctx context.Context) error {
	host, port, ok := c.address()
	if !ok {
		return nil
	}
	config, err := rest.TLSConfigFor(c.source.Config)
	if err != nil {
		return fmt.Errorf("read the kubeconfig's certificates: %w", err)
	}
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	connection, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return err
	}
	return connection.Close()
}

func (c *collector) version(ctx context.Context) error {
	answer := c.api.Discovery().RESTClient().Get().AbsPath("/version").Do(ctx)
	content, err := answer.Raw()
	if err != nil {
		return c.expired(err)
	}
	info, err := parseVersion(content)
	if err != nil {
		return err
	}
	c.snapshot.Server.Version, c.snapshot.Server.Date = info.GitVersion, c.date.date.UTC()
	c.snapshot.Taken = c.source.Now().UTC() // beside the API server's clock
	return nil
}

// expired says of a refusal that the kubeconfig's own certificate ran out; the API server does not.
func (c *collector) expired(refusal error) error {
	config, err := rest.TLSConfigFor(c.source.Config)
	if err != nil || config == nil || config.GetClientCertificate == nil || reasonOf(refusal) != snapshot.Forbidden {
		return refusal
	}
	pair, err := config.GetClientCertificate(nil)
	if err != nil || pair == nil || len(pair.Certificate) == 0 {
		return refusal
	}
	certificate, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil || c.source.Now().Before(certificate.NotAfter) {
		return refusal
	}
	return fmt.Errorf("the client certificate of %s expired at %s: %w", certificate.Subject, certificate.NotAfter.UTC().Format(time.RFC3339), refusal)
}

func parseVersion(content []byte) (version.Info, error) {
	var info version.Info
	if err := json.Unmarshal(content, &info); err != nil || info.GitVersion == "" {
		return info, fmt.Errorf("what answers is no Kubernetes API server: %.100q", content)
	}
	return info, nil
}
