package charts

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/fairlead/fairlead"
)

// Credentials are for one registry: Host is that of the chart for which they were given, as fairlead.ExtensionChart.Host has it.
type Credentials struct{ Host, Username, Password string }

// String hides them from fmt.
func (Credentials) String() string { return "(credentials)" }

// GoString hides them from fmt's %#v.
func (Credentials) GoString() string { return "(credentials)" }

// LogValue hides them from slog.
func (Credentials) LogValue() slog.Value { return slog.StringValue("(credentials)") }

func (c Credentials) none() bool { return c.Username == "" && c.Password == "" }

// fit reports whether these are credentials for where a chart is.
func (c Credentials) fit(chart fairlead.ExtensionChart) bool {
	return c.Host != "" && c.Host == chart.Host()
}

// address is the host and port that a request goes to over TLS, empty when it goes there otherwise.
func address(u *url.URL) string {
	if u.Scheme != "https" {
		return ""
	}
	return fairlead.ExtensionChart{Repository: "https://" + u.Host}.Host()
}

// Secrets are the texts that nobody may be shown: a registry may repeat in an error what it was sent.
func (c Credentials) Secrets() []string {
	if c.Password == "" {
		return nil
	}
	both := c.Username + ":" + c.Password
	return []string{base64.StdEncoding.EncodeToString([]byte(both)), both, url.QueryEscape(c.Password), c.Password}
}

// hide returns an error of the same kind that does not show them.
func (c Credentials) hide(err error) error {
	if err == nil || !slices.ContainsFunc(c.Secrets(), func(secret string) bool { return strings.Contains(err.Error(), secret) }) {
		return err
	}
	text := err.Error()
	for _, secret := range c.Secrets() {
		text = strings.ReplaceAll(text, secret, "(credentials)")
	}
	return fairlead.Errorf(fairlead.KindOf(err), "%s", text)
}

// addressed lets credentials, and what was got for them, go to their host only, whatever a redirect or a challenge leads to.
type addressed struct {
	next  http.RoundTripper
	given Credentials

	mu       sync.Mutex
	withheld string // the host that something was last kept from
}

// RoundTrip implements http.RoundTripper.
func (a *addressed) RoundTrip(request *http.Request) (*http.Response, error) {
	if a.given.none() || address(request.URL) == a.given.Host {
		return a.next.RoundTrip(request)
	}
	if request.Method != http.MethodGet && request.Method != http.MethodHead { // a body could hold them
		a.note(request.URL.Host)
		return nil, errors.New("credentials for a registry go to that one only")
	}
	if request.Header.Get("Authorization") != "" {
		a.note(request.URL.Host)
		request = request.Clone(request.Context())
		request.Header.Del("Authorization")
	}
	return a.next.RoundTrip(request)
}

func (a *addressed) note(host string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.withheld = host
}

// explain says of a refusal that something was withheld: without that, the credentials look wrong.
func (a *addressed) explain(err error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil || a.withheld == "" {
		return err
	}
	return fmt.Errorf("%w (the credentials are for %s and were not shown to %s)", err, a.given.Host, a.withheld)
}

// basic sends credentials to their host without being asked, as classic repositories expect it.
type basic struct{ *addressed }

// RoundTrip implements http.RoundTripper.
func (b basic) RoundTrip(request *http.Request) (*http.Response, error) {
	if !b.given.none() && address(request.URL) == b.given.Host {
		request = request.Clone(request.Context())
		request.SetBasicAuth(b.given.Username, b.given.Password)
	}
	return b.addressed.RoundTrip(request)
}
