package cli

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

// loginFlags are what login was told; what is missing is looked for elsewhere.
type loginFlags struct {
	hub, caFile, fingerprint, username, password, tenant, credentialFile string
	certificate, passwordFile                                            string
	servicePrincipal, deviceCode                                         bool
}

// credentialFile is what fairlead hub --admin-credential-file writes.
type credentialFile struct {
	Hub      string `json:"hub"`
	CAFile   string `json:"caFile"`
	TenantID string `json:"tenantId"`
	AppID    string `json:"appId"`
	Secret   string `json:"secret"`
}

func newLoginCommand(s *session) *cobra.Command {
	var flags loginFlags
	command := &cobra.Command{
		Use:   "login",
		Short: "Sign in to a hub",
		Long: `Sign in to a hub: as a person, with a code that you enter in a browser on any machine or with your user name
and password, or as a service principal, with its application id and its secret or certificate. The hub, its
authority and what is needed to stay signed in are kept (secrets in files that only you can read) until logout;
passwords are not kept.

A secret or password is taken from --password-file, with "-" from the input, else from FAIRLEAD_CLIENT_SECRET, else it
is asked for. --password has it on the command line, where other users of this machine can read it. FAIRLEAD_HUB, FAIRLEAD_CLIENT_ID and FAIRLEAD_TENANT_ID stand in for --hub, --username and --tenant.`,
		Example: `  fairlead login --hub https://hub.example.org:8443
  fairlead login --hub https://hub.example.org:8443 -u ada@example.org
  fairlead login --credential-file ./hub/admin.json
  fairlead login --hub https://hub.example.org:8443 --service-principal -u APP_ID --certificate pipeline.pem
  fairlead login --hub https://hub.example.org:8443 --ca-file ca.crt --service-principal -u APP_ID --password-file secret.txt
  pass show hub | fairlead login --hub https://hub.example.org:8443 --ca-fingerprint sha256:3f… -u APP_ID --password-file -`,
		RunE: func(command *cobra.Command, _ []string) error { return s.login(command.Context(), flags) },
	}
	set := command.Flags()
	set.StringVar(&flags.hub, "hub", "", "URL of the hub, such as https://hub.example.org:8443")
	set.StringVar(&flags.caFile, "ca-file", "", "PEM file of the hub's authority")
	set.StringVar(&flags.fingerprint, "ca-fingerprint", "", "fingerprint of the hub's authority, sha256:…, as the hub prints it")
	set.BoolVar(&flags.servicePrincipal, "service-principal", false, "sign in as a service principal")
	set.BoolVar(&flags.deviceCode, "use-device-code", false, "sign in with a code that you enter in a browser (what happens without --username)")
	set.StringVarP(&flags.username, "username", "u", "", "user name, or application id of the service principal")
	set.StringVarP(&flags.password, "password", "p", "", `password or secret; "-" reads it from the input`)
	set.StringVar(&flags.passwordFile, "password-file", "", `file with the password or secret; "-" reads it from the input`)
	set.StringVar(&flags.certificate, "certificate", "", "PEM file with the service principal's certificate and private key; it is read again at each sign-in")
	set.StringVarP(&flags.tenant, "tenant", "t", "", "tenant id (default: the hub's)")
	set.StringVar(&flags.credentialFile, "credential-file", "", "JSON file with hub, caFile, tenantId, appId and secret")
	command.MarkFlagsMutuallyExclusive("ca-file", "ca-fingerprint")
	command.MarkFlagsMutuallyExclusive("use-device-code", "service-principal")
	command.MarkFlagsMutuallyExclusive("use-device-code", "username")
	command.MarkFlagsMutuallyExclusive("certificate", "password", "password-file")
	command.MarkFlagsMutuallyExclusive("use-device-code", "password-file")
	command.MarkFlagsMutuallyExclusive("certificate", "use-device-code")
	return command
}

func newLogoutCommand(s *session) *cobra.Command {
	return &cobra.Command{
		Use:     "logout",
		Short:   "Sign out of the current hub",
		Long:    "Forget the secret and the tokens for the current hub. Its address and who was signed in are kept, for saying how to sign in again.",
		Example: `  fairlead logout`,
		RunE: func(*cobra.Command, []string) error {
			p, err := s.profile()
			if err != nil {
				return err
			}
			hub, ok := p.Current()
			if !ok {
				return errSignedOut
			}
			if err := p.SignOut(hub.URL); err != nil {
				return err
			}
			return s.say(s.streams.Err, "Signed out of "+hub.URL+".")
		},
	}
}

func (s *session) login(ctx context.Context, flags loginFlags) error {
	file, err := readCredentialFile(flags.credentialFile)
	if err != nil {
		return err
	}
	entry := profile.Hub{
		URL:      strings.TrimSuffix(fromEnvironment(first(flags.hub, file.Hub), "FAIRLEAD_HUB"), "/"),
		ClientID: fromEnvironment(first(flags.username, file.AppID), "FAIRLEAD_CLIENT_ID"),
		TenantID: fromEnvironment(first(flags.tenant, file.TenantID), "FAIRLEAD_TENANT_ID"),
	}
	if flags.deviceCode {
		entry.ClientID = ""
	}
	if flags.password, err = flags.readPassword(); err != nil {
		return err
	}
	if err := checkLogin(entry, flags); err != nil {
		return err
	}
	if entry.CertificateFile, err = absolute(flags.certificate); err != nil {
		return err
	}
	if flags.fingerprint == "" {
		flags.caFile = first(flags.caFile, file.CAFile)
	}
	if entry.Authority, err = authority(ctx, entry.URL, flags); err != nil {
		return err
	}
	if flags.fingerprint == "" {
		if entry.AuthorityFile, err = absolute(flags.caFile); err != nil {
			return err
		}
	}
	if err := s.discover(ctx, &entry); err != nil {
		return misplacedTrust(err, flags.caFile)
	}
	return s.enter(ctx, entry, flags, file.Secret)
}

// enter proves who it is and remembers it.
func (s *session) enter(ctx context.Context, entry profile.Hub, flags loginFlags, kept string) error {
	if flags.kind(entry.ClientID) != asPrincipal {
		person, found, err := s.signInPerson(ctx, entry, flags)
		if err != nil {
			return again(err, entry)
		}
		return s.signIn(ctx, person, found.Refresh, found.Token)
	}
	if entry.CertificateFile != "" {
		return s.signIn(ctx, entry, "", client.Token{})
	}
	secret, err := s.secret(ctx, flags.password, kept, "Secret: ")
	if err != nil {
		return err
	}
	return s.signIn(ctx, entry, secret, client.Token{})
}

func checkLogin(entry profile.Hub, flags loginFlags) error {
	address, err := url.Parse(entry.URL)
	switch {
	case entry.URL == "":
		return usagef("--hub is missing: the URL of the hub (or --credential-file, which names it)")
	case err != nil || address.Scheme != "https" || address.Host == "":
		return usagef("--hub: %q is not an https URL such as https://hub.example.org:8443", entry.URL)
	case entry.ClientID == "" && flags.kind("") == asPrincipal:
		return usagef("--username/-u is missing: the application id of a service principal (or --credential-file, which names it)")
	}
	return nil
}

func authority(ctx context.Context, hub string, flags loginFlags) (string, error) {
	switch {
	case flags.fingerprint != "":
		found, err := client.FetchAuthority(ctx, hub, flags.fingerprint)
		if fairlead.KindOf(err) == fairlead.Invalid {
			return "", usagef("--ca-fingerprint: %w", err)
		}
		return string(found), err
	case flags.caFile == "":
		return "", nil
	}
	content, err := os.ReadFile(flags.caFile)
	if err != nil {
		return "", usagef("--ca-file cannot be read: %w", err)
	}
	if _, err := client.Trust(content); err != nil || len(content) == 0 {
		return "", usagef("--ca-file: %s holds no certificate in PEM form", flags.caFile)
	}
	return string(content), nil
}

// misplacedTrust says it when the file with the authority is another hub's.
func misplacedTrust(err error, file string) error {
	var lost *client.Unreachable
	if file == "" || !errors.As(err, &lost) || lost.Obstacle != client.UnknownAuthority {
		return err
	}
	hint := "the ca.crt in the hub's data directory, or the fingerprint that the hub printed when it started (--ca-fingerprint)"
	return &hinted{fairlead.Errorf(fairlead.Unauthenticated, "the authority in %s is not that of the hub %s", file, lost.URL), hint}
}

// discover asks the hub for its tenant and audience, which proves the connection before a secret is sent.
func (s *session) discover(ctx context.Context, entry *profile.Hub) error {
	anonymous, err := s.credentials(*entry, "")
	if err != nil {
		return err
	}
	endpoints, err := (&client.Hub{URL: entry.URL, HTTP: anonymous.HTTP}).Endpoints(ctx)
	if err != nil {
		return err
	}
	entry.Audience = endpoints.Audience(entry.URL)
	entry.TenantID = first(entry.TenantID, endpoints.Fairlead.TenantID)
	if entry.TenantID == "" {
		return usagef("--tenant is missing, and %s does not say which tenant it has", entry.URL)
	}
	return nil
}

func (s *session) secret(ctx context.Context, flag, file, prompt string) (client.Secret, error) {
	switch {
	case flag == "-":
		content, err := io.ReadAll(io.LimitReader(s.streams.In, maxAnswer))
		if err != nil {
			return "", fairlead.Errorf(fairlead.Invalid, "the secret cannot be read from the input: %w", err)
		}
		return client.Secret(strings.TrimRight(string(content), "\r\n")), nil
	case flag != "":
		return client.Secret(flag), nil
	case file != "":
		return client.Secret(file), nil
	}
	if found := os.Getenv("FAIRLEAD_CLIENT_SECRET"); found != "" {
		return client.Secret(found), nil
	}
	return s.password(ctx, prompt)
}

// signIn looks what there is at the hub, and keeps who has signed in. Token is one that there is already.
func (s *session) signIn(ctx context.Context, entry profile.Hub, secret client.Secret, token client.Token) error {
	credentials, err := s.credentials(entry, secret)
	if err != nil {
		return err
	}
	credentials.Cached = token
	hub := &client.Hub{URL: entry.URL, HTTP: credentials.HTTP, Token: credentials.Token}
	subscriptions, err := hub.List(ctx, "/subscriptions", client.SubscriptionVersion, nil)
	if err != nil {
		return err
	}
	if len(subscriptions) > 0 {
		entry.Subscription = text(subscriptions[0], "subscriptionId")
	} else {
		s.warn("signed in, but this principal may see no subscription: ask an owner for a role")
	}
	p, err := s.profile()
	if err != nil {
		return err
	}
	if err := p.SignIn(entry, secret); err != nil {
		return err
	}
	if err := p.KeepToken(entry.URL, credentials.Cached); err != nil {
		s.warn("the token could not be kept for the next command: %v", err)
	}
	accounts := asAccounts(entry, subscriptions)
	return s.tell("Signed in to "+entry.URL+" as "+userOf(entry).Name+".", accounts, accountColumns())
}

// readPassword returns the password that a file holds, without the end of its line, "-" for the input, else the flag.
func (f loginFlags) readPassword() (string, error) {
	if f.passwordFile == "" || f.passwordFile == "-" {
		return first(f.password, f.passwordFile), nil
	}
	file, err := os.Open(f.passwordFile)
	if err != nil {
		return "", usagef("--password-file cannot be read: %w", err)
	}
	defer func() { _ = file.Close() }() // it is only read
	content, err := io.ReadAll(io.LimitReader(file, maxAnswer))
	if err != nil {
		return "", usagef("--password-file cannot be read: %w", err)
	}
	found := strings.TrimRight(string(content), "\r\n")
	if found == "" || found == "-" {
		return "", usagef("--password-file: %s holds no password", f.passwordFile)
	}
	return found, nil
}

func readCredentialFile(path string) (credentialFile, error) {
	var file credentialFile
	if path == "" {
		return file, nil
	}
	content, err := os.ReadFile(path) //nolint:gosec // the person names the file
	if err != nil {
		return file, usagef("--credential-file cannot be read: %w", err)
	}
	if err := json.Unmarshal(content, &file); err != nil {
		return file, usagef("--credential-file: %s is not the JSON that fairlead hub --admin-credential-file writes: %w", path, notJSON(content, err))
	}
	return file, nil
}

// first returns the first value that is not empty.
func first(values ...string) string {
	for _, value := range values {
		if value != "" {
			return value
		}
	}
	return ""
}
