package hub

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/hub/token"
)

// providerTimeout bounds one question to the identity provider.
const providerTimeout = 15 * time.Second

// Provider says where people sign in who have no password at the hub. Without Issuer there is no such place.
type Provider struct {
	Issuer           string   `json:"oidcIssuer"`
	ClientID         string   `json:"oidcClientId"`
	ClientSecretFile string   `json:"oidcClientSecretFile"`
	CAFile           string   `json:"oidcCaFile"`
	Name             string   `json:"oidcName"`
	UserClaim        string   `json:"oidcUserClaim"`
	GroupsClaim      string   `json:"oidcGroupsClaim"`
	Domains          []string `json:"oidcAllowedDomains"`
	Unknown          string   `json:"oidcUnknownUsers"`
	WorkloadIssuers  []string `json:"workloadIssuers"`
}

func (p *Provider) bindProvider(flags *pflag.FlagSet) {
	flags.StringVar(&p.Issuer, "oidc-issuer", p.Issuer, "URL of an OpenID Connect provider at which people may sign in (default: none)")
	flags.StringVar(&p.ClientID, "oidc-client-id", p.ClientID, "the hub's client id there; its redirect URI is the hub's URL and /signin/callback")
	flags.StringVar(&p.ClientSecretFile, "oidc-client-secret-file", p.ClientSecretFile, "file with the hub's client secret there")
	flags.StringVar(&p.CAFile, "oidc-ca-file", p.CAFile, "PEM file with the authority of the provider's certificate (default: the system's authorities)")
	flags.StringVar(&p.Name, "oidc-name", p.Name, "what people call the provider (default: its host)")
	flags.StringVar(&p.UserClaim, "oidc-user-claim", p.UserClaim, "claim that holds the user name, such as preferred_username or email")
	flags.StringVar(&p.GroupsClaim, "oidc-groups-claim", p.GroupsClaim, "claim that lists a person's groups, such as groups (default: groups are not taken over)")
	flags.StringSliceVar(&p.Domains, "oidc-allowed-domain", p.Domains, "domain of the user names that may sign in (default: all; may be repeated)")
	flags.StringSliceVar(&p.WorkloadIssuers, "workload-issuer", p.WorkloadIssuers, "issuer whose tokens service principals may sign in with (federated identity credentials); the hub fetches its keys (may be repeated)")
	flags.StringVar(&p.Unknown, "oidc-unknown-users", p.Unknown, "what becomes of people whom the hub does not know: refuse, or create, without any role")
}

func (p *Provider) validateProvider() error {
	var problems []error
	for _, issuer := range p.WorkloadIssuers {
		problems = append(problems, wrap("--workload-issuer", validateIssuer(issuer)))
	}
	if p.Issuer == "" {
		return errors.Join(problems...)
	}
	problems = append(problems, wrap("--oidc-issuer", validateIssuer(p.Issuer)))
	if p.ClientID == "" || p.ClientSecretFile == "" {
		problems = append(problems, errors.New("--oidc-issuer: needs --oidc-client-id and --oidc-client-secret-file"))
	}
	if p.UserClaim == "" {
		problems = append(problems, errors.New("--oidc-user-claim: the name of a claim is needed"))
	}
	return errors.Join(append(problems, oneOf("--oidc-unknown-users", p.Unknown, string(token.RefuseUnknown), string(token.CreateUnknown)))...)
}

func validateIssuer(text string) error {
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "https" || address.Host == "" || address.User != nil || address.RawQuery != "" || address.Fragment != "" {
		return fmt.Errorf("%q is not an https URL, for example https://login.example.org", text)
	}
	return nil
}

// signIn composes the token service.
func (h *Hub) signIn(keys *token.Keys, hasher *password.Hasher) (*token.Service, error) {
	federation, err := h.federation()
	if err != nil {
		return nil, err
	}
	return &token.Service{
		URL: h.url, Aliases: h.origins.URLs(), TenantID: h.tenancy.TenantID, Store: h.db, Keys: keys,
		Users: &password.Keeper{Store: h.db, Hasher: hasher}, Federation: federation,
		Issuers: token.NewIssuers(h.config.WorkloadIssuers, http.DefaultTransport, h.now), Now: h.now, Log: h.log,
	}, nil
}

func (h *Hub) federation() (*token.Federation, error) {
	p := h.config.Provider
	if p.Issuer == "" {
		return nil, nil
	}
	secret, err := os.ReadFile(p.ClientSecretFile)
	if err != nil {
		return nil, wrap("--oidc-client-secret-file", err)
	}
	connection, err := p.client()
	if err != nil {
		return nil, wrap("--oidc-ca-file", err)
	}
	return &token.Federation{
		Issuer: p.Issuer, ClientID: p.ClientID, Secret: token.Secret(strings.TrimSpace(string(secret))), Name: p.Name,
		UserClaim: p.UserClaim, GroupsClaim: p.GroupsClaim, Domains: p.Domains, Unknown: token.UnknownPeople(p.Unknown),
		RedirectURL: h.url + "/signin/callback", TenantID: h.tenancy.TenantID, Store: h.db, HTTP: connection, Now: h.now, Log: h.log,
	}, nil
}

// client returns what the provider is asked with.
func (p *Provider) client() (*http.Client, error) {
	trust := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.CAFile != "" {
		text, err := os.ReadFile(p.CAFile)
		if err != nil {
			return nil, err
		}
		trust.RootCAs = x509.NewCertPool()
		if !trust.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", p.CAFile)
		}
	}
	return &http.Client{
		Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: trust, ForceAttemptHTTP2: true},
		Timeout:   providerTimeout,
	}, nil
}
