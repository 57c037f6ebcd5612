package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/arcproxy"
	"github.com/fairlead/fairlead/cli/kubeconfig"
	"github.com/fairlead/fairlead/client"
)

const maxTokenFile = 64 << 10

// proxyCommandFlags are what connectedk8s proxy can be told.
type proxyCommandFlags struct {
	clusterFlags
	target    kubeconfigFlags
	token     string
	tokenFile string
	port      int
}

func newProxyCommand(s *session) *cobra.Command {
	var flags proxyCommandFlags
	command := &cobra.Command{
		Use: "proxy", Short: "Reach a connected cluster through a proxy on this machine",
		Long: `Run a proxy on this machine that leads to a connected cluster through the hub, and make it the current context of the
kubeconfig, until Ctrl-C. That takes back what was there before, unless somebody has changed it meanwhile. The proxy listens on
127.0.0.1 only, and lets in only whoever has the kubeconfig: it holds a credential that is good for nothing else.

Whoever can run this program where kubectl runs needs no proxy: see get-credentials. Several proxies can run at a time; where one
has the port already, the next takes the next port that is free.

Without --token the cluster knows you as who you are at the hub. With --token a service account token of the cluster is
passed on to it, and the hub only has to let you through. Other users of this machine can read a token from the command line: - reads it
from the input, --token-file from a file, and FAIRLEAD_CLUSTER_TOKEN holds it out of their sight.`,
		Example: `  fairlead connectedk8s proxy -n edge-1 -g shops
  fairlead connectedk8s proxy -n edge-1 -g shops -f edge-1.kubeconfig --kube-context edge --port 48000
  kubectl create token admin --duration 1h | fairlead connectedk8s proxy -n edge-1 -g shops --token -`,
		RunE: func(command *cobra.Command, _ []string) error { return s.proxy(command.Context(), flags) },
	}
	nameCluster(command, &flags.clusterFlags)
	flags.target.offer(command, "kube-context")
	set := command.Flags()
	set.StringVar(&flags.token, "token", "", "service account token of the cluster, or - to read it from the input")
	set.StringVar(&flags.tokenFile, "token-file", "", "file with such a token; it is read again when it changes")
	set.IntVar(&flags.port, "port", arcproxy.Port, "port to listen on")
	command.MarkFlagsMutuallyExclusive("token", "token-file")
	return command
}

func (f *proxyCommandFlags) check() error {
	if f.port < 1 || f.port > 65535 {
		return usagef("--port: %d is not a port from 1 to 65535", f.port)
	}
	return nil
}

func (s *session) proxy(ctx context.Context, flags proxyCommandFlags) error {
	if err := flags.check(); err != nil {
		return err
	}
	clusterToken, err := s.clusterToken(ctx, flags)
	if err != nil {
		return err
	}
	hub, id, err := s.locate(ctx, flags.clusterFlags)
	if err != nil {
		return err
	}
	defer hub.HTTP.CloseIdleConnections()
	way, err := hub.wayTo(ctx, id, clusterToken)
	if err != nil {
		return err
	}
	s.warnAway(ctx, hub, id, untilReached)
	local, err := arcproxy.New(s.proxyLog(), time.Now)
	if err != nil {
		return err
	}
	listener, port, err := arcproxy.Listen(ctx, flags.port)
	if err != nil {
		return portTaken(err)
	}
	access := local.Add(id, way)
	entry := kubeconfig.Entry{
		Name: first(flags.target.context, id.Name()), Server: fmt.Sprintf("https://127.0.0.1:%d%s", port, access.Path), Authority: access.Authority,
		User: &clientcmdapi.AuthInfo{Token: access.Token}, Same: leadsTo(id), Passing: isProxy,
	}
	return s.serveProxy(ctx, flags, entry, func(ctx context.Context) error { return local.Serve(ctx, listener) }, listener)
}

// serveProxy has the kubeconfig lead to the proxy for as long as it runs.
func (s *session) serveProxy(ctx context.Context, flags proxyCommandFlags, entry kubeconfig.Entry, serve func(context.Context) error, listener net.Listener) (err error) {
	defer kubeconfig.HoldSignals()() // a second Ctrl-C would leave a kubeconfig that leads nowhere
	undo, merged, err := s.mergeProxy(ctx, flags, entry)
	if err != nil {
		_ = listener.Close() // nobody has come yet
		return err
	}
	defer func() {
		if failed := undo(context.WithoutCancel(ctx)); failed != nil && err == nil {
			err = failed
		}
	}()
	if err := s.announce(flags, entry, merged); err != nil {
		_ = listener.Close() // nobody has come yet
		return err
	}
	if err := serve(ctx); err != nil {
		return fairlead.Errorf(fairlead.Internal, "the proxy ended: %w", err)
	}
	return nil
}

func (s *session) mergeProxy(ctx context.Context, flags proxyCommandFlags, entry kubeconfig.Entry) (undo func(context.Context) error, file string, err error) {
	if flags.target.file == "-" {
		return func(context.Context) error { return nil }, "", s.printKubeconfig(entry)
	}
	merged, err := kubeconfig.Merge(ctx, flags.target.file, entry, kubeconfig.Keep)
	if err != nil {
		return nil, "", taken(err, "--kube-context", "")
	}
	return merged.Undo, merged.File, nil
}

// announce says what az says, or what there is to know as a document.
func (s *session) announce(flags proxyCommandFlags, entry kubeconfig.Entry, file string) error {
	address, err := url.Parse(entry.Server)
	if err != nil {
		return fairlead.Errorf(fairlead.Internal, "the proxy's address: %w", err)
	}
	if port := fmt.Sprint(flags.port); port != address.Port() {
		_ = s.say(s.streams.Err, "Port "+port+" is in use by another proxy.") // what follows matters more
	}
	if s.output != "" || s.query != "" {
		return s.show(mergeResult{entry.Name, file, entry.Server}, mergeColumns())
	}
	out := s.streams.Out
	text := "Proxy is listening on port " + address.Port() + "\n"
	if file == "" {
		out = s.streams.Err // the output is a kubeconfig
	} else {
		text += "Merged \"" + entry.Name + "\" as current context in " + file + "\n" +
			"Start sending kubectl requests on '" + entry.Name + "' context using kubeconfig at " + file + "\n"
	}
	return s.say(out, text+"Press Ctrl+C to close proxy.")
}

// proxyLog tells the person what a request could not be passed on for; kubectl is told as well.
func (s *session) proxyLog() *slog.Logger {
	level := slog.LevelWarn
	if s.debug {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(s.streams.Err, &slog.HandlerOptions{Level: level}))
}

func portTaken(err error) error {
	if fairlead.CodeOf(err) != "PortTaken" {
		return err
	}
	return &hinted{err, "choose another with --port PORT"}
}

// clusterToken returns where the token for the cluster comes from, nil when the person comes as who they are at the hub.
func (s *session) clusterToken(ctx context.Context, flags proxyCommandFlags) (func() (string, error), error) {
	if flags.tokenFile != "" {
		read := func() (string, error) { return readTokenFile(flags.tokenFile) }
		_, err := read()
		return read, err
	}
	given := flags.token
	if given == "-" {
		line, err := s.line(ctx)
		if err != nil {
			return nil, err
		}
		given = strings.TrimSpace(line)
		if given == "" {
			return nil, usagef("--token -: the input is empty")
		}
	} else if given != "" {
		s.warn("other users of this machine can see the token in its list of processes; better --token - or --token-file")
	}
	if given = fromEnvironment(given, "FAIRLEAD_CLUSTER_TOKEN"); given == "" {
		return nil, nil //nolint:nilnil // no token is what most people come with
	}
	return func() (string, error) { return given, nil }, nil
}

func readTokenFile(path string) (string, error) {
	file, err := os.Open(path) //nolint:gosec // the person names the file
	if err != nil {
		return "", usagef("--token-file cannot be read: %w", err)
	}
	defer func() { _ = file.Close() }() // nothing was written
	line, err := bufio.NewReader(io.LimitReader(file, maxTokenFile)).ReadString('\n')
	if token := strings.TrimSpace(line); token != "" {
		return token, nil
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a reader returns it bare
		return "", usagef("--token-file cannot be read: %w", err)
	}
	return "", usagef("--token-file: %s holds no token", path)
}

// wayTo asks the hub for the way to a cluster, which it refuses to whoever may not go there.
func (h *signedIn) wayTo(ctx context.Context, id fairlead.ResourceID, clusterToken func() (string, error)) (arcproxy.Upstream, error) {
	base, err := url.Parse(relayURL(h.URL, id))
	if err != nil {
		return arcproxy.Upstream{}, fairlead.Errorf(fairlead.Invalid, "the hub's address: %w", err)
	}
	trust, err := client.Trust([]byte(h.entry.Authority))
	if err != nil {
		return arcproxy.Upstream{}, err
	}
	way := arcproxy.Upstream{Base: base, Trust: trust, Authorize: h.authorizeBearer, Refused: h.Renew}
	if clusterToken == nil {
		_, err := h.access(ctx, id, client.AuthenticateAAD)
		return way, err
	}
	relay := &arcproxy.Relay{Now: time.Now, Fetch: func(ctx context.Context) (arcproxy.RelayToken, error) {
		found, err := h.access(ctx, id, client.AuthenticateToken)
		return arcproxy.RelayToken{Value: found.Connection.Token.Reveal(), Expires: time.Unix(found.Connection.ExpirationTime, 0)}, err
	}}
	way.Authorize = func(r *http.Request) error { return authorizeToken(r, relay, clusterToken) }
	way.Refused = nil // it is the cluster that refuses
	_, err = relay.Token(ctx)
	return way, err
}

func (h *signedIn) authorizeBearer(r *http.Request) error {
	token, err := h.Token(r.Context())
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}

func authorizeToken(r *http.Request, relay *arcproxy.Relay, clusterToken func() (string, error)) error {
	pass, err := relay.Token(r.Context())
	if err != nil {
		return err
	}
	token, err := clusterToken()
	if err != nil {
		return err
	}
	r.Header.Set(arcproxy.RelayHeader, pass)
	r.Header.Set("Authorization", "Bearer "+token)
	return nil
}
