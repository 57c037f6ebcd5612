package hub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/hub/authority"
)

const (
	checkTimeout = 5 * time.Second
	// Long enough to get a new certificate from an authority with people in it.
	expiryNotice = 21 * 24 * time.Hour
)

// url returns what the hub's URL is, or will be.
func (i *inspection) url(ctx context.Context) string {
	bound := &net.TCPAddr{Port: i.configuredPort()}
	return publicURL(ctx, i.config.address(bound), i.config.Listen, bound)
}

func (i *inspection) configuredPort() int {
	_, port, _ := net.SplitHostPort(i.config.Listen)
	number, err := strconv.Atoi(port)
	if err != nil {
		return 0 // validated before
	}
	return number
}

// hosts returns every name by which clients call the hub, that of its URL first.
func (i *inspection) hosts(ctx context.Context) []string {
	cloud := azcloud.Cloud{URL: i.url(ctx), Domain: i.config.Domain}
	found := []string{cloud.Host(azcloud.Main)}
	if cloud.Domain == "" {
		return found
	}
	for _, role := range azcloud.Roles() {
		found = append(found, cloud.Host(role))
	}
	return found
}

func (i *inspection) authority(context.Context) CheckResult {
	const check = "authority"
	name := i.path("ca.crt")
	content, err := os.ReadFile(name) //nolint:gosec // the hub's own file
	if err != nil {
		return skipped(check, name+" is not there yet: the first start makes it")
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return failed(check, fmt.Errorf("%s holds no certificate", name), "start the hub: it writes the file anew")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return failed(check, err, "start the hub: it writes the file anew")
	}
	return expiring(check, "the hub's authority", certificate, "roll the authority over before that day (docs/operations.md)")
}

func expiring(check, what string, certificate *x509.Certificate, next string) CheckResult {
	left := time.Until(certificate.NotAfter)
	found := fmt.Sprintf("%s is good until %s", what, certificate.NotAfter.Format(time.DateOnly))
	switch {
	case left <= 0:
		return failed(check, fmt.Errorf("%s has expired on %s", what, certificate.NotAfter.Format(time.DateOnly)), next)
	case time.Now().Before(certificate.NotBefore):
		return failed(check, fmt.Errorf("%s begins on %s", what, certificate.NotBefore.Format(time.DateOnly)), "set this machine's clock")
	case left < expiryNotice:
		return warned(check, found, next)
	}
	return passed(check, found)
}

func (i *inspection) certificate(ctx context.Context) CheckResult {
	const check = "certificate"
	if i.config.TLSCert == "" {
		return passed(check, "the hub issues its own, and renews it by itself")
	}
	pair, err := (&authority.FileCertificate{CertFile: i.config.TLSCert, KeyFile: i.config.TLSKey}).Load()
	if err != nil {
		return failed(check, err, "give a PEM certificate chain and its key with --tls-cert and --tls-key")
	}
	var wrong []error
	for _, host := range i.hosts(ctx) {
		wrong = append(wrong, pair.Leaf.VerifyHostname(host))
	}
	if err := errors.Join(wrong...); err != nil {
		return failed(check, err, "get a certificate for every name of the hub, or set --url to a name that it has")
	}
	return expiring(check, i.config.TLSCert, pair.Leaf, "renew it and replace the two files; a running hub reads them again by itself")
}

func (i *inspection) names(ctx context.Context) CheckResult {
	const check = "names"
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var missing []error
	var found []string
	for _, host := range i.hosts(ctx) {
		addresses, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			missing = append(missing, fmt.Errorf("%s cannot be looked up: %w", host, err))
			continue
		}
		found = append(found, host+" is "+addresses[0])
	}
	if err := errors.Join(missing...); err != nil {
		return failed(check, err, "add the name to DNS (or to the hosts file of every machine that calls the hub), or set --url")
	}
	if host := i.hosts(ctx)[0]; host == "localhost" {
		return warned(check, "the hub is only reachable as localhost", "set --url to a name that clusters can reach")
	}
	return passed(check, strings.Join(found, "; "))
}

// port tries to open the port of a hub that does not run, and to call one that does.
func (i *inspection) port(ctx context.Context) CheckResult {
	const check = "port"
	if i.running {
		return i.answers(ctx)
	}
	listener, err := listen(ctx, i.config.Listen)
	if err != nil {
		return failed(check, err, "free the port, or choose another with --listen")
	}
	if err := listener.Close(); err != nil {
		return failed(check, err, "try again")
	}
	return passed(check, i.config.Listen+" is free")
}

func (i *inspection) answers(ctx context.Context) CheckResult {
	const check = "port"
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	target := i.url(ctx) + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return failed(check, err, "set --url to the hub's URL")
	}
	answer, err := i.client().Do(request)
	if err != nil {
		return failed(check, fmt.Errorf("the running hub does not answer: %w", err), "compare --url and --listen with those of the running hub; see its log")
	}
	_ = answer.Body.Close() // nothing of it was wanted
	if answer.StatusCode != http.StatusOK {
		return failed(check, fmt.Errorf("%s answers %s", target, answer.Status), "see the hub's log")
	}
	return passed(check, "the hub answers at "+target)
}

// client trusts what agents trust: the hub's own authority and the system's.
func (i *inspection) client() *http.Client {
	roots, err := x509.SystemCertPool()
	if err != nil {
		roots = x509.NewCertPool()
	}
	if own, err := os.ReadFile(i.path("ca.crt")); err == nil {
		roots.AppendCertsFromPEM(own)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}
}
