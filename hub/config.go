package hub

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/hub/audit"
	"github.com/fairlead/fairlead/hub/recording"
	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/hub/trace"
)

// environment is the prefix of the variables that stand in for flags.
const environment = "FAIRLEAD_HUB_"

// Config says how a hub is to run.
type Config struct {
	Provider

	Data                string   `json:"data"`
	Listen              string   `json:"listen"`
	AlsoListen          []string `json:"alsoListen"`
	URL                 string   `json:"url"`
	Domain              string   `json:"domain"`
	AzLogin             string   `json:"azLogin"`
	TLSCert             string   `json:"tlsCert"`
	TLSKey              string   `json:"tlsKey"`
	Locations           []string `json:"locations"`
	AdminCredentialFile string   `json:"adminCredentialFile"`
	LogLevel            string   `json:"logLevel"`
	LogFormat           string   `json:"logFormat"`
	PrincipalRate       float64  `json:"principalRate"`
	Traces              string   `json:"traces"`
	TraceRatio          float64  `json:"traceRatio"`
	DebugListen         string   `json:"debugListen"`
	AuditDays           int      `json:"auditDays"`
	AuditRows           int64    `json:"auditRows"`
	RecordingDays       int      `json:"recordingDays"`
	RecordingTotalMiB   int64    `json:"recordingTotalMib"`
	RecordingSessionMiB int64    `json:"recordingSessionMib"`

	// Log is where the hub logs. Welcome is called once the hub accepts connections; what it is told
	// of a new administrator is not told again after it has returned nil.
	Log     *slog.Logger        `json:"-"`
	Welcome func(Welcome) error `json:"-"`
	// Binary tells which binary the agents' image is packed from: the running one unless set.
	Binary func() (string, error) `json:"-"`
	// Probe returns the program that the image of the az client's pre-check holds, by architecture; nil to serve no pre-check.
	Probe func(architecture string) ([]byte, error) `json:"-"`
	// Clock tells the time: the machine's unless set.
	Clock func() time.Time `json:"-"`
	// FluxChart returns the packed chart of the extension that runs Flux; nil to offer none.
	FluxChart func() ([]byte, error) `json:"-"`
}

// Defaults returns the configuration of a hub on a person's own machine.
func Defaults() Config {
	return Config{
		Data: defaultData(), Listen: ":8443", Locations: []string{"local"}, AzLogin: string(azcloud.Entra), LogLevel: "info", LogFormat: "text", TraceRatio: 1, PrincipalRate: 200,
		AuditDays: int(audit.DefaultAge / day), AuditRows: audit.DefaultRows,
		RecordingDays: int(recording.DefaultAge / day), RecordingTotalMiB: recording.DefaultTotal / mib, RecordingSessionMiB: recording.DefaultSession / mib,
		Provider: Provider{UserClaim: "preferred_username", Unknown: string(token.RefuseUnknown)},
	}
}

func defaultData() string {
	base := os.Getenv("XDG_DATA_HOME")
	if home, err := os.UserHomeDir(); base == "" && err == nil {
		base = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(base, "fairlead", "hub")
}

// Bind defines one flag for each setting; what is set later with flags lands in the configuration.
func (c *Config) Bind(flags *pflag.FlagSet) {
	flags.StringVar(&c.Data, "data", c.Data, "folder that holds everything the hub keeps: database, keys, authority")
	flags.StringVar(&c.Listen, "listen", c.Listen, "address to listen on, HOST:PORT")
	flags.StringSliceVar(&c.AlsoListen, "also-listen", c.AlsoListen, "one more address to listen on, for example :443, which az needs for the registry (may be repeated)")
	flags.StringVar(&c.URL, "url", c.URL, "URL under which people and clusters reach the hub (default: https, this machine's name and the port)")
	flags.StringVar(&c.Domain, "domain", c.Domain, "domain below which az finds the hub as arm., login.arc., graph. and so on; see fairlead hub az-setup (default: one host for everything)")
	flags.StringVar(&c.AzLogin, "az-login", c.AzLogin, "sign-in that az is told of: entra as in Azure, or adfs, for which az needs no setting")
	flags.StringVar(&c.TLSCert, "tls-cert", c.TLSCert, "PEM file with the certificate chain to serve (default: one of the hub's own authority)")
	flags.StringVar(&c.TLSKey, "tls-key", c.TLSKey, "PEM file with the key of --tls-cert")
	flags.StringSliceVar(&c.Locations, "location", c.Locations, "name of a location that resources may have; the first is that of group default (may be repeated)")
	flags.StringVar(&c.AdminCredentialFile, "admin-credential-file", c.AdminCredentialFile,
		"at first start, write the administrator's credential to this file, for fairlead login --credential-file, instead of showing it")
	c.bindProvider(flags)
	flags.StringVar(&c.LogLevel, "log-level", c.LogLevel, "debug, info, warn or error")
	flags.StringVar(&c.LogFormat, "log-format", c.LogFormat, "text or json")
	flags.Float64Var(&c.PrincipalRate, "principal-rate", c.PrincipalRate, "requests per second that one principal may make, after a burst of ten seconds' worth")
	flags.StringVar(&c.Traces, "traces", c.Traces, "URL of an OpenTelemetry collector (OTLP over HTTP, such as http://localhost:4318) that gets a trace of each request")
	flags.Float64Var(&c.TraceRatio, "trace-ratio", c.TraceRatio, "share of the requests to trace, from 0 to 1, besides those whose callers trace them")
	flags.IntVar(&c.AuditDays, "audit-days", c.AuditDays, "how long to keep who sent what to which cluster, in days")
	flags.Int64Var(&c.AuditRows, "audit-rows", c.AuditRows, "how many requests to clusters to keep at most; the oldest go first")
	flags.IntVar(&c.RecordingDays, "recording-days", c.RecordingDays, "how long to keep recordings of sessions in clusters, in days")
	flags.Int64Var(&c.RecordingTotalMiB, "recording-total-mib", c.RecordingTotalMiB, "how much of recordings to keep at most, in MiB; the oldest go first")
	flags.Int64Var(&c.RecordingSessionMiB, "recording-session-mib", c.RecordingSessionMiB, "how much of one session to record at most, in MiB")
	flags.StringVar(&c.DebugListen, "debug-listen", c.DebugListen, "loopback address on which to serve profiles of the hub to this machine, IP:PORT (default: none)")
}

// Load returns the defaults, overridden by file (when it has a name), by environment variables such as
// FAIRLEAD_HUB_LISTEN, and by those of flags that were given, in this order.
func Load(file string, lookup func(string) (string, bool), flags *pflag.FlagSet) (Config, error) {
	config := Defaults()
	if err := config.readFile(file); err != nil {
		return Config{}, err
	}
	settings := pflag.NewFlagSet("hub", pflag.ContinueOnError)
	config.Bind(settings)
	var problems []error
	settings.VisitAll(func(setting *pflag.Flag) {
		name := environment + strings.ToUpper(strings.ReplaceAll(setting.Name, "-", "_"))
		if value, ok := lookup(name); ok {
			problems = append(problems, wrap(name, settings.Set(setting.Name, value)))
		}
		if given := flags.Lookup(setting.Name); given != nil && given.Changed {
			problems = append(problems, wrap("--"+setting.Name, override(setting, given)))
		}
	})
	return config, errors.Join(problems...)
}

// override replaces a list as a whole: what was given last wins, as for every other setting.
func override(setting, given *pflag.Flag) error {
	to, isList := setting.Value.(pflag.SliceValue)
	from, alsoList := given.Value.(pflag.SliceValue)
	if isList && alsoList {
		return to.Replace(from.GetSlice())
	}
	return setting.Value.Set(given.Value.String())
}

func (c *Config) readFile(name string) error {
	if name == "" {
		return nil
	}
	text, err := os.ReadFile(name) //nolint:gosec // the administrator names the file
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if err := yaml.UnmarshalStrict(text, c); err != nil {
		return fmt.Errorf("read configuration %s: %w", name, err)
	}
	return nil
}

func wrap(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// Validate reports everything that is wrong with the configuration, in the words of its flags.
func (c *Config) Validate() error {
	return errors.Join(
		c.validateData(), c.validateListen(), wrap("--url", validateURL(c.URL)), c.validateDomain(), c.validateTLS(), c.validateLocations(),
		c.validateProvider(),
		oneOf("--log-level", c.LogLevel, "debug", "info", "warn", "error"),
		oneOf("--az-login", c.AzLogin, string(azcloud.Entra), string(azcloud.ADFS)),
		oneOf("--log-format", c.LogFormat, "text", "json"), c.validateTraces(), c.validateRate(), c.validateAudit(), c.validateRecordings(),
		wrap("--debug-listen", validateLoopback(c.DebugListen)),
	)
}

func (c *Config) validateRate() error {
	if c.PrincipalRate <= 0 || c.PrincipalRate > maxPrincipalRate {
		return fmt.Errorf("--principal-rate: %v is not above 0 and at most %d", c.PrincipalRate, maxPrincipalRate)
	}
	return nil
}

func (c *Config) validateTraces() error {
	if c.TraceRatio < 0 || c.TraceRatio > 1 {
		return fmt.Errorf("--trace-ratio: %v is not between 0 and 1", c.TraceRatio)
	}
	if c.Traces == "" {
		return nil
	}
	return wrap("--traces", trace.Validate(c.Traces))
}

func (c *Config) validateData() error {
	if c.Data == "" {
		return errors.New("--data: a folder is needed")
	}
	return nil
}

func (c *Config) validateListen() error {
	problems := []error{wrap("--listen", validateAddress(c.Listen))}
	for _, address := range c.AlsoListen {
		problems = append(problems, wrap("--also-listen", validateAddress(address)))
	}
	return errors.Join(problems...)
}

func validateAddress(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT, for example :8443", address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port number", port)
	}
	return nil
}

// validateDomain also keeps the hub's own URL apart from the hosts below the domain, on which less is served.
func (c *Config) validateDomain() error {
	if c.Domain == "" {
		return nil
	}
	if err := azcloud.CheckDomain(c.Domain); err != nil {
		return wrap("--domain", err)
	}
	address, err := url.Parse(c.URL)
	if err != nil {
		return nil //nolint:nilerr // said of --url already
	}
	for _, role := range azcloud.Roles() {
		if host := string(role) + "." + c.Domain; strings.EqualFold(address.Hostname(), host) {
			return fmt.Errorf("--url: %s is one of the hosts for az below --domain; give the hub's own URL another host, for example https://%s", host, c.Domain)
		}
	}
	return nil
}

// address returns the URL that was configured, or one of the domain and the port that was bound, or none.
func (c *Config) address(bound net.Addr) string {
	if c.URL != "" || c.Domain == "" {
		return c.URL
	}
	_, port, err := net.SplitHostPort(bound.String())
	if err != nil || port == "443" {
		return "https://" + c.Domain
	}
	return "https://" + net.JoinHostPort(c.Domain, port)
}

// validateURL accepts an origin and nothing more: every address of the hub is made by appending
// a path to it.
func validateURL(text string) error {
	if text == "" {
		return nil
	}
	address, err := url.Parse(text)
	switch {
	case err != nil || address.Scheme != "https" || address.Hostname() == "":
		return fmt.Errorf("%q is not an https URL, for example https://hub.example.org:8443", text)
	case strings.Trim(address.Path, "/") != "" || address.RawQuery != "" || address.Fragment != "" || address.User != nil:
		return fmt.Errorf("%q must be scheme, host and port only", text)
	}
	return nil
}

func (c *Config) validateTLS() error {
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("--tls-cert and --tls-key: both or neither")
	}
	return nil
}

var location = regexp.MustCompile(`^[a-z][a-z0-9]{0,63}$`)

func (c *Config) validateLocations() error {
	if len(c.Locations) == 0 {
		return errors.New("--location: at least one is needed")
	}
	var problems []error
	for _, name := range c.Locations {
		if !location.MatchString(name) {
			problems = append(problems, fmt.Errorf("--location: %q is not a name of lower-case letters and digits, for example westeurope", name))
		}
	}
	return errors.Join(problems...)
}

func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %s", flag, value, strings.Join(allowed, ", "))
}
