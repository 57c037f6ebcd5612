package arcproxy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
)

// maxBody is far above what az sends: a kubeconfig and a token.
const maxBody = 1 << 20

// registerSuffix ends the path by which az names a cluster.
const registerSuffix = "/register"

// Program is arcProxy as the az client runs it: az signs in and asks the hub, and hands over what it got on two ports of this
// machine; kubectl comes by one of them.
type Program struct {
	Config Config
	// Roots are the authorities that a hub may be from when its kubeconfig names none; nil means those of the system.
	Roots *x509.CertPool
	Log   *slog.Logger
	Now   func() time.Time

	proxy  *Proxy
	signer *signer
}

// Run serves until ctx ends.
func (p *Program) Run(ctx context.Context) error {
	var err error
	if p.proxy, err = New(p.Log, p.Now); err != nil {
		return err
	}
	p.signer = &signer{now: p.Now}
	secure, err := take(ctx, p.Config.Server.HTTPSPort)
	if err != nil {
		return err
	}
	plain, err := take(ctx, p.Config.Server.HTTPPort)
	if err != nil {
		return errors.Join(err, secure.Close())
	}
	p.Log.InfoContext(ctx, "the proxy listens", slog.Int("https_port", portOf(secure)), slog.Int("http_port", portOf(plain)))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return p.proxy.serve(ctx, tls.NewListener(secure, p.proxy.identity.settings()), p.front())
	})
	group.Go(func() error { return p.proxy.serve(ctx, plain, p.ours(http.HandlerFunc(p.register))) })
	return group.Wait()
}

// take takes the port that az has chosen, and no other.
func take(ctx context.Context, port int) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address(port))
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fairlead.Errorf(fairlead.Conflict, "port %d of this machine is in use by another program", port).WithCode("PortTaken")
	}
	return listener, err
}

// front is the port of kubectl, on which az tells who calls, too.
func (p *Program) front() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /identity/poppublickey", p.ours(http.HandlerFunc(p.publicKey)))
	mux.Handle("POST /identity/at", p.ours(http.HandlerFunc(p.accessToken)))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The mux would redirect paths that an API server takes as they are.
		if strings.HasPrefix(r.URL.Path, "/identity/") {
			mux.ServeHTTP(w, r)
			return
		}
		p.proxy.ServeHTTP(w, r)
	})
}

// ours lets in only programs of the same user, and no web page: what comes in here decides as whom kubectl calls.
func (p *Program) ours(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		switch {
		case host != "localhost" && host != "127.0.0.1", r.Header.Get("Origin") != "":
			http.Error(w, "this is for programs of this machine", http.StatusForbidden)
		case !sameUser(r.RemoteAddr, local):
			p.Log.WarnContext(r.Context(), "another user of this machine was turned away")
			http.Error(w, "this is for programs of the user who runs the proxy", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (p *Program) publicKey(w http.ResponseWriter, _ *http.Request) {
	id, err := p.signer.keyID()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]any{"publicKey": map[string]string{"kid": id}})
}

// accessToken takes the token that az got for the key. When that has been replaced, the answer makes az ask for the key again.
func (p *Program) accessToken(w http.ResponseWriter, r *http.Request) {
	var given struct {
		AccessToken string `json:"accessToken"`
		KeyID       string `json:"kid"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = json.Unmarshal(body, &given)
	}
	switch {
	case err != nil || given.AccessToken == "":
		http.Error(w, "the body must be JSON with accessToken and kid", http.StatusBadRequest)
	case !p.signer.bind(given.KeyID, given.AccessToken):
		http.Error(w, "public key expired", http.StatusInternalServerError)
	default:
		answer(w, struct{}{})
	}
}

// register makes a cluster reachable, or replaces the relay's token of one that is.
func (p *Program) register(w http.ResponseWriter, r *http.Request) {
	path, found := strings.CutSuffix(r.URL.Path, registerSuffix)
	id, err := fairlead.ParseResourceID(path)
	if !found || r.Method != http.MethodPost || err != nil {
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body is too large", http.StatusBadRequest)
		return
	}
	given, err := parseRegistration(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	access := p.proxy.Add(id, p.way(given))
	kubeconfig, err := given.kubeconfig(p.Config.Server.HTTPSPort, access)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	p.Log.InfoContext(r.Context(), "a cluster is reachable", slog.String("cluster", id.String()), slog.Time("until", given.expires))
	answer(w, map[string]any{"kubeconfigs": []map[string]any{{"name": "Kubeconfig", "value": kubeconfig}}})
}

// way is how requests reach a cluster: past the relay with its token, and there with the cluster's own token, or in the name that
// az has signed in by.
func (p *Program) way(given registration) Upstream {
	trust := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: given.roots(p.Roots)}
	return Upstream{Base: given.server, Trust: trust, Authorize: func(r *http.Request) error {
		if !p.Now().Before(given.expires) {
			return fairlead.Errorf(fairlead.Unavailable, "az has not renewed its access to the cluster: start az connectedk8s proxy again")
		}
		r.Header.Set(RelayHeader, given.relayToken)
		if given.clusterToken != "" {
			r.Header.Set("Authorization", "Bearer "+given.clusterToken)
			return nil
		}
		signed, err := p.signer.sign(given.server.Host)
		if signed != "" {
			r.Header.Set("Authorization", "PoP "+signed)
		}
		return err
	}}
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails
}
