package catalogue

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	dialTimeout    = 5 * time.Second
	answerTimeout  = 15 * time.Second
	maxRedirects   = 5
	maxErrorText   = 300
	maxHeaderBytes = 64 << 10
)

// transport calls a chart's registry. Who may write extension types names it; what answers there may still point elsewhere, so
// addresses at which machines learn their own secrets are refused wherever they come from.
func (c *Catalogue) transport(t Type) (http.RoundTripper, error) {
	roots, err := c.roots(t)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: dialTimeout, Control: refuseMetadata}
	return guarded{&http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout, ResponseHeaderTimeout: answerTimeout, MaxResponseHeaderBytes: maxHeaderBytes, DisableKeepAlives: true,
		ForceAttemptHTTP2: true,
	}}, nil
}

func (c *Catalogue) roots(t Type) (*x509.CertPool, error) {
	if t.CABundle == "" {
		return c.Roots, nil
	}
	pool := c.Roots
	if pool == nil {
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("read the system's authorities: %w", err)
		}
		pool = system
	}
	pool = pool.Clone()
	if !pool.AppendCertsFromPEM([]byte(t.CABundle)) {
		return nil, errors.New("properties.caBundle holds no certificate")
	}
	return pool, nil
}

// guarded judges requests by their URLs: with a proxy, the address that is dialled is the proxy's.
type guarded struct{ next http.RoundTripper }

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, errors.New("only https is spoken to registries")
	}
	if address, err := netip.ParseAddr(r.URL.Hostname()); err == nil && forbidden(address) {
		return nil, fmt.Errorf("the address %s is not one of a registry", address)
	}
	return g.next.RoundTrip(r)
}

func refuseMetadata(_, address string, _ syscall.RawConn) error {
	reached, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	if forbidden(reached.Addr()) {
		return fmt.Errorf("the address %s is not one of a registry", reached.Addr())
	}
	return nil
}

// forbidden are link-local addresses, where clouds serve the secrets of machines, and other places where they do.
func forbidden(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return address.IsLinkLocalUnicast() || address.IsMulticast() || address.IsUnspecified() ||
		slices.Contains([]string{"168.63.129.16", "100.100.100.200", "fd00:ec2::254", "192.0.0.192"}, address.String())
}

func redirect(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// shortened keeps an answer of a registry, which may be long, from filling an error.
func shortened(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", patience)
	}
	return fmt.Errorf("%.*s", maxErrorText, err.Error())
}

func unavailable(t Type, err error) error {
	return fairlead.Errorf(fairlead.Invalid, "The chart of extension type '%s' cannot be read at %s: %w", t.Name, t.Chart, err).
		WithCode("ChartRepositoryUnavailable")
}

func orNone(err error) error {
	if fairlead.KindOf(err) == fairlead.NotFound {
		return nil
	}
	return err
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
