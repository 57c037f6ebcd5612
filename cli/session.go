package cli

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

// session is what one run of a client command has: its streams, the flags that all of them share, and, once it
// is asked for, the hub that the person is signed in to.
type session struct {
	streams      Streams
	output       string
	query        string
	subscription string
	debug        bool
	correlation  string      // by which the hub's log speaks of what this command does
	asked        profile.Hub // the hub that this command has turned to, for its errors
}

func newSession(streams Streams) *session {
	return &session{streams: streams, correlation: uuid.NewString()}
}

// share gives a command and its children the flags that all client commands have.
func (s *session) share(command *cobra.Command) {
	s.shareOutput(command)
	flags := command.PersistentFlags()
	flags.StringVar(&s.subscription, "subscription", "", "name or id of the subscription (default: see account show)")
	flags.BoolVar(&s.debug, "debug", false, "write every call to the hub to the error stream, without secrets")
}

// shareOutput gives a command the flags that say how its result is written.
func (s *session) shareOutput(command *cobra.Command) {
	flags := command.PersistentFlags()
	flags.StringVarP(&s.output, "output", "o", "", "output format: "+strings.Join(formats(), "|")+" (default: a table on a terminal, else json)")
	flags.StringVar(&s.query, "query", "", "JMESPath query over the result; see https://jmespath.org")
	_ = command.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(formats(), cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

func (s *session) profile() (*profile.Profile, error) {
	dir, err := profile.Dir()
	if err != nil {
		return nil, err
	}
	return profile.Open(dir)
}

// signedIn is a hub with the profile entry that led to it.
type signedIn struct {
	*client.Hub
	entry       profile.Hub
	credentials *client.Credentials
	defaults    profile.Defaults
}

// hub returns the current hub, ready for calls.
func (s *session) hub() (*signedIn, error) { return s.hubAt("") }

// hubAt returns a hub that the person is signed in to, the current one when url is empty.
func (s *session) hubAt(url string) (*signedIn, error) {
	p, err := s.profile()
	if err != nil {
		return nil, err
	}
	entry, ok := p.Current()
	if url != "" {
		entry, ok = p.Config.Hubs[strings.TrimSuffix(url, "/")]
	}
	switch {
	case !ok && url != "":
		return nil, &hinted{fairlead.Errorf(fairlead.Unauthenticated, "you are not signed in to the hub %s", url), signInCommand(p.FormerAt(url))}
	case !ok:
		return nil, errSignedOut
	}
	s.asked = entry
	secret, err := p.Secret(entry.URL)
	if err != nil {
		return nil, err
	}
	credentials, err := s.credentials(entry, secret)
	if err != nil {
		return nil, err
	}
	credentials.Exclusive = p.Exclusive
	credentials.Recall = func() (client.Token, client.Secret) {
		kept, err := p.Secret(entry.URL)
		if err != nil {
			return client.Token{}, ""
		}
		return p.Token(entry.URL), kept
	}
	credentials.KeepRefresh = func(next client.Secret) error { return p.KeepSecret(entry.URL, next) }
	credentials.Cached = p.Token(entry.URL)
	credentials.Keep = func(token client.Token) {
		if err := p.KeepToken(entry.URL, token); err != nil {
			s.warn("the token could not be kept for the next command: %v", err)
		}
	}
	hub := &client.Hub{URL: entry.URL, HTTP: credentials.HTTP, Token: credentials.Token, Renew: credentials.Renew, CorrelationID: s.correlation}
	return &signedIn{Hub: hub, entry: entry, credentials: credentials, defaults: p.Config.Defaults}, nil
}

func (s *session) credentials(entry profile.Hub, secret client.Secret) (*client.Credentials, error) {
	connection, err := client.NewHTTP([]byte(entry.Authority))
	if err != nil {
		return nil, err
	}
	if s.debug {
		connection.Transport = &client.Trace{Next: connection.Transport, Out: s.streams.Err, Now: time.Now}
	}
	credentials := &client.Credentials{
		URL: entry.URL, TenantID: entry.TenantID, ClientID: entry.ClientID, Audience: entry.Audience, Name: userOf(entry).Name, HTTP: connection, Now: time.Now,
	}
	switch {
	case entry.UserName != "":
		credentials.Refresh = secret
	case entry.CertificateFile != "":
		credentials.Certificate, err = readCertificate(entry.CertificateFile)
	default:
		credentials.Secret = secret
	}
	return credentials, err
}

// subscriptionID returns the subscription that flags or the profile name, as an id.
func (s *session) subscriptionID(ctx context.Context, hub *signedIn) (string, error) {
	switch {
	case hub.entry.Subscription != "" && (s.subscription == "" || strings.EqualFold(s.subscription, hub.entry.Subscription)):
		return hub.entry.Subscription, nil
	case s.subscription == "":
		return s.firstSubscription(ctx, hub)
	}
	found, err := findSubscription(ctx, hub, s.subscription)
	if err != nil {
		return "", err
	}
	return text(found, "subscriptionId"), nil
}

// firstSubscription chooses a subscription for whoever could see none at login, and has been given a role since.
func (s *session) firstSubscription(ctx context.Context, hub *signedIn) (string, error) {
	all, err := hub.List(ctx, "/subscriptions", client.SubscriptionVersion, nil)
	switch {
	case err != nil:
		return "", err
	case len(all) == 0:
		return "", fairlead.Errorf(fairlead.Invalid, "no subscription is set, and %s may see none at %s: somebody who may give roles can type: "+
			"fairlead role assignment create --assignee %s --role Reader --scope /subscriptions/SUBSCRIPTION", userOf(hub.entry).Name, hub.URL, userOf(hub.entry).Name)
	}
	found := text(all[0], "subscriptionId")
	p, err := s.profile()
	if err != nil {
		return "", err
	}
	hub.entry.Subscription = found
	p.Config.Hubs[hub.URL] = hub.entry
	if err := p.Save(); err != nil {
		s.warn("the subscription could not be kept for the next command: %v", err)
	}
	s.warn("subscription %s is used from now on; fairlead account set --subscription NAME_OR_ID chooses another", text(all[0], "displayName"))
	return found, nil
}

// groupName returns the resource group that -g or the defaults name.
func (h *signedIn) groupName(flag string) (string, error) {
	if flag == "" {
		flag = h.defaults.Group
	}
	if flag == "" {
		return "", usagef("--resource-group/-g is missing; fairlead configure --defaults group=NAME saves typing it")
	}
	return flag, checkGroupName(flag)
}

// interactive reports whether there is a person to ask.
func (s *session) interactive() bool {
	return s.streams.terminal(s.streams.In) && s.streams.terminal(s.streams.Err)
}

func (s *session) say(out io.Writer, words string) error {
	if _, err := io.WriteString(out, words+"\n"); err != nil {
		return fairlead.Errorf(fairlead.Internal, "write the output: %w", err)
	}
	return nil
}

// fromEnvironment returns the first of the values that is not empty: a flag, then variables.
func fromEnvironment(flag string, names ...string) string {
	for _, name := range names {
		if flag == "" {
			flag = os.Getenv(name)
		}
	}
	return flag
}
