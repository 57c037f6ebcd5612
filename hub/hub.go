// Package hub composes the hub: it opens what a data folder holds, mounts every part on one HTTPS
// port, and runs and stops them together. What the parts do is their own business; which parts
// there are, who may reach them, and how a hub begins its life is this package's.
package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/backup"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/hub/trace"
	"github.com/fairlead/fairlead/store"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	// How long requests have to end when the hub stops; then they are cut off. With the end of
	// the services after that, a stop takes less than ten seconds.
	grace         = 6 * time.Second
	idleTimeout   = 2 * time.Minute
	headerTimeout = 10 * time.Second
	// Bounds the sending of a request. Answers have no such bound: long polls wait
	// for almost a minute, and images take as long as a slow line needs.
	readTimeout    = 90 * time.Second
	maxHeaderBytes = 64 << 10
)

// Hub is a hub that holds its data folder and its port. It accepts connections once it runs.
type Hub struct {
	config  Config
	log     *slog.Logger
	now     func() time.Time
	url     string
	tenancy tenancy
	secret  token.Secret // the administrator's, at first start
	setup   *setup

	lock          *lock
	listener      net.Listener
	alsoListening []net.Listener
	cloud         azcloud.Cloud
	origins       *origin.Hosts
	db            *store.DB
	vault         *authority.Vault
	ca            *authority.Authority
	source        certificateSource
	trust         *trust
	parts         parts
	server        *http.Server
	connections   *connections
	tracer        *trace.Tracer
	turns         *handshakes
	welcomed      chan struct{} // closed once whoever starts the hub can have what it takes to use it

	drain    context.CancelFunc // tells long polls to return
	draining context.Context    //nolint:containedctx // it is no request's, but the hub's own
}

// New opens a hub: it takes the data folder and the port, or says who has them, and makes what is
// missing. The caller must call Run or Close.
func New(ctx context.Context, config Config) (*Hub, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	h := &Hub{config: config, log: slog.New(correlated{config.Log.Handler()}), now: config.Clock, welcomed: make(chan struct{})}
	if h.now == nil {
		h.now = time.Now
	}
	h.draining, h.drain = context.WithCancel(context.Background())
	if err := h.open(ctx); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Hub) open(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		h.takeFolder, h.takePort, h.takeMorePorts, h.openCloud, h.openStore, h.openAuthority, h.openTenancy, h.openCertificate, h.openParts, h.openTracer, h.openServer,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (h *Hub) takeFolder(context.Context) error {
	folder, err := filepath.Abs(h.config.Data)
	if err != nil {
		return fmt.Errorf("find data folder (--data): %w", err)
	}
	h.config.Data = folder
	if h.lock, err = lockData(folder); err != nil {
		return err
	}
	return backup.Finish(folder)
}

func (h *Hub) takePort(ctx context.Context) error {
	listener, err := listen(ctx, h.config.Listen)
	if err != nil {
		return err
	}
	h.listener, h.url = listener, publicURL(ctx, h.config.address(listener.Addr()), h.config.Listen, listener.Addr())
	return nil
}

func (h *Hub) openStore(ctx context.Context) error {
	var err error
	if h.vault, h.db, err = openVault(ctx, h.config.Data); err != nil {
		return err
	}
	return h.tellAge(ctx)
}

func (h *Hub) openAuthority(ctx context.Context) error {
	ca, err := authority.Open(ctx, h.vault, h.now)
	if err != nil {
		return err
	}
	h.ca = ca
	return h.writeCA()
}

func (h *Hub) caFile() string { return filepath.Join(h.config.Data, "ca.crt") }

func (h *Hub) openTenancy(ctx context.Context) error {
	h.setup = newSetup(h.vault, h.db, h.config.Locations[0], h.now)
	known, err := h.setup.tenancy(ctx)
	if err != nil {
		return err
	}
	h.tenancy = known
	h.secret, err = h.setup.run(ctx, known)
	return err
}

func (h *Hub) openTracer(ctx context.Context) error {
	var err error
	h.tracer, err = trace.Open(ctx, h.config.Traces, h.config.TraceRatio)
	return err
}

// URL returns the hub's URL, without a slash at the end.
func (h *Hub) URL() string { return h.url }

// Run serves until ctx ends, or until something that the hub cannot do without fails. It then
// stops accepting, tells long polls to return, lets other requests end, saves what is in memory and
// closes the hub.
func (h *Hub) Run(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	group, running := errgroup.WithContext(running)
	for _, listener := range h.listeners() {
		group.Go(func() error { return h.serve(h.turns.guard(tunnel.Listener(listener))) })
	}
	for _, service := range append(h.parts.services(), profiles{h.config.DebugListen}, followAuthority{h}) {
		group.Go(func() error { return service.Run(running) })
	}
	err := h.welcome(ctx)
	if err == nil {
		select {
		case <-ctx.Done():
			h.log.InfoContext(ctx, "hub is stopping")
		case <-running.Done():
		}
	}
	h.shutdown(ctx)
	stop()
	return errors.Join(err, group.Wait(), h.Close())
}

func (h *Hub) serve(listener net.Listener) error {
	err := h.server.ServeTLS(listener, "", "")
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}

// shutdown ends all requests, gently at first.
func (h *Hub) shutdown(ctx context.Context) {
	h.drain()
	h.parts.relay.Drain()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := h.server.Shutdown(ctx); err != nil {
		h.log.WarnContext(ctx, "requests were cut off", slog.Any("err", err))
		_ = h.server.Close() // reports that listeners were closed before
	}
	if err := h.tracer.Close(ctx); err != nil {
		h.log.WarnContext(ctx, "traces were lost", slog.Any("err", err))
	}
}

// welcome hands over what is needed to use the hub, and the administrator's secret for the only time.
func (h *Hub) welcome(ctx context.Context) error {
	h.log.InfoContext(ctx, "hub is listening", slog.String("url", h.url), slog.String("address", h.listener.Addr().String()),
		slog.String("version", fairlead.Version))
	for _, listener := range h.alsoListening {
		h.log.InfoContext(ctx, "hub is also listening", slog.String("address", listener.Addr().String()))
	}
	welcome := Welcome{URL: h.url, TenantID: h.tenancy.TenantID}
	if h.config.TLSCert == "" {
		welcome.CAFile, welcome.Fingerprint = h.caFile(), h.ca.Fingerprint()
	}
	if h.secret != "" {
		welcome.Administrator = &Administrator{AppID: h.tenancy.AdministratorApp, Secret: h.secret, TenantID: h.tenancy.TenantID}
		if file := h.config.AdminCredentialFile; file != "" {
			if err := welcome.writeCredential(file); err != nil {
				return err
			}
		}
	}
	close(h.welcomed)
	if h.config.Welcome != nil {
		if err := h.config.Welcome(welcome); err != nil {
			return fmt.Errorf("say welcome: %w", err)
		}
	}
	if h.secret == "" {
		return nil
	}
	return h.setup.finish(context.WithoutCancel(ctx)) // whoever stops the hub now has the secret already
}

// Close lets go of everything that New took. It may be called more than once.
func (h *Hub) Close() error {
	h.drain()
	var problems []error
	problems = append(problems, h.closeListeners())
	if h.db != nil {
		problems = append(problems, h.db.Close())
		h.db = nil
	}
	if h.lock != nil {
		problems = append(problems, h.lock.release())
		h.lock = nil
	}
	return errors.Join(problems...)
}
