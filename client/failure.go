package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/fairlead/fairlead"
)

// Obstacle is why no HTTP answer came back.
type Obstacle string

// The obstacles between a client and a hub.
const (
	ConnectionRefused Obstacle = "connection refused"
	UnknownHost       Obstacle = "unknown host"
	UnknownAuthority  Obstacle = "unknown authority"
	WrongCertificate  Obstacle = "wrong certificate"
	NotTLS            Obstacle = "not TLS"
	TimedOut          Obstacle = "timed out"
	Broken            Obstacle = "broken"
)

// Unreachable is a hub that gave no HTTP answer.
type Unreachable struct {
	URL      string
	Obstacle Obstacle
	// Authority is the certificate at the end of the chain that the hub presented, if it is not trusted.
	Authority *x509.Certificate
	Err       error
}

func (e *Unreachable) Error() string {
	return fmt.Sprintf("the hub %s cannot be reached: %s", e.URL, e.detail())
}

func (e *Unreachable) Unwrap() error { return e.Err }

// Temporary reports whether trying again may help.
func (e *Unreachable) Temporary() bool {
	return e.Obstacle == ConnectionRefused || e.Obstacle == TimedOut || e.Obstacle == Broken
}

func (e *Unreachable) detail() string {
	switch e.Obstacle {
	case ConnectionRefused:
		return "nothing listens there (connection refused)"
	case UnknownAuthority:
		return "its certificate is signed by an authority that this machine does not trust"
	case NotTLS:
		return "what answers there does not speak HTTPS"
	case TimedOut:
		return "no answer in time"
	case UnknownHost, WrongCertificate, Broken:
	}
	return innermost(e.Err).Error()
}

// innermost drops the method and URL that net/http puts before every error.
func innermost(err error) error {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err
		}
		if _, ok := next.(syscall.Errno); ok { //nolint:errorlint // one link of the chain at a time
			return err
		}
		err = next
	}
}

func unreachable(ctx context.Context, url string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("asking the hub %s: %w", url, context.Cause(ctx))
	}
	lost := &Unreachable{URL: url, Obstacle: obstacle(err), Err: err}
	var certificates *tls.CertificateVerificationError
	if errors.As(err, &certificates) && len(certificates.UnverifiedCertificates) > 0 {
		lost.Authority = certificates.UnverifiedCertificates[len(certificates.UnverifiedCertificates)-1]
	}
	return lost
}

func obstacle(err error) Obstacle {
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var record tls.RecordHeaderError
	var lookup *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &authority):
		return UnknownAuthority
	case errors.As(err, &host), errors.As(err, &invalid):
		return WrongCertificate
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return NotTLS
	case errors.As(err, &lookup):
		return UnknownHost
	case errors.Is(err, syscall.ECONNREFUSED):
		return ConnectionRefused
	case errors.As(err, &network) && network.Timeout():
		return TimedOut
	}
	return Broken
}

// problem turns an answer with a bad status into an error: Azure's code in brackets, then its message.
func problem(response *Response) error {
	if response.Status < http.StatusBadRequest {
		return nil
	}
	var envelope struct {
		Error Failure `json:"error"`
	}
	if json.Unmarshal(response.Body, &envelope) != nil || envelope.Error.Code == "" {
		envelope.Error = Failure{Message: "the answer was " + http.StatusText(response.Status)}
	}
	if code := response.Header.Get("X-Ms-Error-Code"); envelope.Error.Code == "" && code != "" {
		envelope.Error.Code = code
	}
	// What went wrong inside the hub is in its log, under this id.
	if id := response.Header.Get("X-Ms-Correlation-Request-Id"); response.Status >= http.StatusInternalServerError && id != "" {
		envelope.Error.Message += " (correlation id " + id + ")"
	}
	return envelope.Error.as(kindOf(response.Status))
}

func kindOf(status int) fairlead.Kind {
	kinds := map[int]fairlead.Kind{
		http.StatusBadRequest: fairlead.Invalid, http.StatusUnauthorized: fairlead.Unauthenticated,
		http.StatusForbidden: fairlead.Forbidden, http.StatusNotFound: fairlead.NotFound,
		http.StatusConflict: fairlead.Conflict, http.StatusPreconditionFailed: fairlead.PreconditionFailed,
		http.StatusRequestEntityTooLarge: fairlead.TooLarge, http.StatusTooManyRequests: fairlead.TooManyRequests,
		http.StatusServiceUnavailable: fairlead.Unavailable, http.StatusBadGateway: fairlead.Unavailable,
		http.StatusGatewayTimeout: fairlead.Unavailable, http.StatusMethodNotAllowed: fairlead.MethodNotAllowed,
		http.StatusUnsupportedMediaType: fairlead.UnsupportedMedia,
	}
	if kind, ok := kinds[status]; ok {
		return kind
	}
	if status < http.StatusInternalServerError {
		return fairlead.Invalid
	}
	return fairlead.Internal
}
