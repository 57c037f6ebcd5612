// Package aadproxy is kube-aad-proxy: at the cluster's end of the hub's tunnels it takes the hub's signed statements of who
// calls, weighs every request by the policy of the cluster's owner and the hub's roles, and passes it on to the API
// server in the caller's name. It dials nobody but that API server and, for its keys, the hub; what a tunnel is
// made of is package tunnel's business (docs/adr/0019-cluster-connect.md).
package aadproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
	"github.com/fairlead/fairlead/agent/pace"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
	"github.com/fairlead/fairlead/tunnel"
)

const (
	sweepEvery = 5 * time.Second // what has expired is looked for
	drain      = 5 * time.Second // what is open may go on for as long at the end, within the grace that pods have
)

// noImpersonation is why requests that impersonate are refused.
const noImpersonation = "cluster connect does not act as somebody else (kubectl --as): sign in as whom you want to be"

// Hub is what this agent asks of the hub.
type Hub interface {
	// Document fetches what the hub tells anybody.
	Document(ctx context.Context, path string) ([]byte, error)
	// HubTime is the hub's time, as far as it is known.
	HubTime() time.Time
}

// Config is what the agent needs.
type Config struct {
	Cluster   fairlead.ResourceID
	TenantID  string
	Hub       Hub
	API       *rest.Config // of the API server, with this agent's own rights
	Namespace string       // of the agents, where the policy is
	AzureRBAC bool         // the hub's roles decide, before the cluster's own
	Listener  Listener     // its zero value: tunnels come by Serve
	Now       func() time.Time
	Log       *slog.Logger
	Ready     func(error)
}

// Proxy is the agent.
type Proxy struct {
	config   Config
	keys     *keys
	callers  *callers
	owner    *owner
	judge    *judge
	reviewer *reviewer
	reviews  *reviews
	api      *apiServer
	reader   *request.RequestInfoFactory
}

// New returns an agent that is ready to serve. It makes no call.
func New(config Config) (*Proxy, error) {
	api, err := newAPIServer(config.API, config.Log)
	if err != nil {
		return nil, err
	}
	client, err := kube.New(config.API)
	if err != nil {
		return nil, err
	}
	reviewer, err := newReviewer(config.API, config.Now)
	if err != nil {
		return nil, err
	}
	tenant := config.TenantID
	if tenant == "" {
		tenant = "common"
	}
	p := &Proxy{config: config, api: api, reader: reader(), reviewer: reviewer}
	p.owner = &owner{
		kube: client, namespace: config.Namespace, now: config.Now, log: config.Log, known: make(chan struct{}),
		changed: func() { p.callers.weighAll() },
	}
	p.judge = &judge{owner: p.owner, azureRBAC: config.AzureRBAC, cluster: config.Cluster}
	if p.reviews, err = newReviews(p.judge, api); err != nil {
		return nil, fmt.Errorf("prepare reviews of rights: %w", err)
	}
	p.keys = &keys{fetch: config.Hub.Document, tenant: tenant, now: config.Now}
	p.callers = &callers{
		verifier: caller.Verifier{
			Issuer: p.keys.issuerName, Audience: config.Cluster.Key(), Key: p.keys.get, Now: config.Hub.HubTime,
		},
		stated: map[string]*stated{}, people: map[person]*principal{}, replaced: map[string]time.Time{},
	}
	return p, nil
}

// Run listens for tunnels, if there is anything to listen on, and keeps what is decided up to date, until the end of ctx.
func (p *Proxy) Run(ctx context.Context) error {
	defer p.api.close()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return p.keepKeys(ctx) })
	group.Go(func() error { return p.sweep(ctx) })
	group.Go(func() error { return p.owner.follow(ctx) })
	group.Go(func() error { return p.owner.keepHours(ctx) })
	if p.config.Listener.Address != "" {
		group.Go(func() error { return p.config.Listener.run(ctx, p.config.Log, p.Serve) })
	}
	return group.Wait()
}

// Serve serves one tunnel until it ends, and takes over its connection.
func (p *Proxy) Serve(ctx context.Context, conn net.Conn) error {
	return (&tunnel.Server{Handler: p, Drain: drain, Log: p.config.Log}).Serve(ctx, conn)
}

// keepKeys fetches the hub's keys before somebody needs them, and now and then anew. The agent is ready once it has any.
func (p *Proxy) keepKeys(ctx context.Context) error {
	backoff := pace.Backoff{Min: keysPause, Max: time.Minute}
	for {
		err := p.keys.refresh(ctx)
		wait := pace.Jitter(keysAge)
		switch {
		case err == nil:
			backoff.Reset()
			p.config.Ready(nil)
		case ctx.Err() != nil:
			return ctx.Err()
		default:
			wait = backoff.Next()
			p.config.Log.WarnContext(ctx, "cannot fetch the keys with which the hub states who calls", slog.String("error", err.Error()))
			if p.keys.issuerName() == "" {
				p.config.Ready(fmt.Errorf("the hub's keys cannot be had: %w", err))
			}
		}
		if err := pace.Wait(ctx, wait, nil); err != nil {
			return err
		}
	}
}

func (p *Proxy) sweep(ctx context.Context) error {
	for {
		if err := pace.Wait(ctx, sweepEvery, nil); err != nil {
			return err
		}
		p.callers.mu.Lock()
		p.callers.sweep(p.config.Hub.HubTime())
		p.callers.mu.Unlock()
	}
}

// ServeHTTP answers one request of a tunnel.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var err error
	if r.Host == caller.ControlHost {
		err = p.control(w, r)
	} else {
		err = p.forward(w, r)
	}
	if err == nil {
		return
	}
	var told refusal
	if !errors.As(err, &told) {
		told = malformed(err.Error())
	}
	refuse(w, told)
}

// control answers what is for this agent itself.
func (p *Proxy) control(w http.ResponseWriter, r *http.Request) error {
	id, statement := strings.CutPrefix(r.URL.Path, "/callers/")
	switch {
	case r.Method == http.MethodPut && statement:
		return p.takeCaller(w, r, id)
	case r.Method == http.MethodGet && r.URL.Path == "/healthz":
		_, err := io.WriteString(w, "ok\n")
		return err
	default:
		return refusal{http.StatusNotFound, "NotFound", caller.ReasonMalformed, "kube-aad-proxy has nothing at this address"}
	}
}

func (p *Proxy) takeCaller(w http.ResponseWriter, r *http.Request, id string) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, caller.MaxSize))
	if err != nil {
		return malformed("the statement cannot be read: " + err.Error())
	}
	err = p.take(r.Context(), id, string(text))
	switch {
	case err == nil:
		w.WriteHeader(http.StatusNoContent)
		return nil
	case errors.Is(err, errFull):
		return refusal{http.StatusServiceUnavailable, "ServiceUnavailable", caller.ReasonUnknownCaller, err.Error()}
	case errors.Is(err, caller.ErrExpired), errors.Is(err, caller.ErrEarly), errors.Is(err, errReplaced):
		return unknownCaller(err.Error())
	default:
		p.config.Log.WarnContext(r.Context(), "a statement of the hub was refused", slog.String("error", err.Error()))
		return malformed("the statement is not accepted: " + err.Error())
	}
}

// forward weighs a request for the API server and passes it on.
func (p *Proxy) forward(w http.ResponseWriter, r *http.Request) error {
	names := r.Header[caller.Header]
	if len(names) != 1 {
		return malformed("the hub has not said who calls")
	}
	from := p.callers.find(names[0])
	if from == nil {
		return unknownCaller("the statement of this caller is not known here, or not any more")
	}
	if impersonates(r.Header) {
		return malformed(noImpersonation)
	}
	if err := p.owner.wait(r.Context()); err != nil {
		return err
	}
	what, err := p.read(r, from)
	if err != nil {
		return err
	}
	level, err := p.judge.decide(from, what)
	if err != nil {
		return err
	}
	if isReview(what) {
		var answered bool
		if level, answered, err = p.reviews.weigh(w, r, from, what); err != nil || answered {
			return err
		}
	}
	p.pass(w, r, from, what, level)
	return nil
}

// read reads what a request asks for, and whose token it comes with where that matters.
func (p *Proxy) read(r *http.Request, from *stated) (asked, error) {
	what, err := parse(p.reader, r)
	if err != nil || from.Mode != caller.Token {
		return what, err
	}
	shown := r.Header["Authorization"]
	if len(shown) != 1 {
		return what, unauthorized("a token of the cluster is needed: give one with --token")
	}
	if p.owner.asksWho() {
		what.who, err = p.reviewer.review(r.Context(), shown[0])
	}
	return what, err
}

// pass passes a request on that may be passed on, until its end or until the caller may not any more.
func (p *Proxy) pass(w http.ResponseWriter, r *http.Request, from *stated, what asked, level dataaction.Level) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	open := &stream{asked: what, as: from, level: level, judge: p.judge, cancel: cancel}
	p.callers.open(from, open)
	defer p.callers.closed(from, open)
	p.api.pass(ctx, w, r, open)
}
