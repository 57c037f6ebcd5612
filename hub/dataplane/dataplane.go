// Package dataplane answers the agents of connected clusters: certificates, heartbeats, the
// desired state as a long poll, statuses. It also answers what people's clients ask before they
// install the agents: health, where the chart is, and which values it needs. Who an agent is, is
// decided by hub/identity; who a person is was decided before requests come here.
package dataplane

import (
	"context"
	"crypto/ecdsa"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/limit"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/hub/reply"
)

// Store tells when a resource changes; *store.DB does.
type Store interface {
	Subscribe(key string) (changed <-chan struct{}, cancel func())
}

// Access decides what a person may do; *access.Checker does.
type Access interface {
	Check(ctx context.Context, action, scope string) error
}

// Tunnels takes the tunnels that clusters open; *relay.Server does. Attach answers r when it returns nil, and returns at once
// or when the tunnel has ended. Otherwise the data plane answers with the error.
type Tunnels interface {
	Attach(w http.ResponseWriter, r *http.Request, id fairlead.ResourceID) error
}

// Configurations knows what is wanted of one kind on a cluster. Protect adds the protected settings of that kind, for the holder of
// a key.
type Configurations interface {
	Wanted(ctx context.Context, cluster fairlead.ResourceID) ([]fairlead.Configuration, error)
	Protect(ctx context.Context, cluster fairlead.ResourceID, wanted []fairlead.Configuration, to *ecdsa.PublicKey) ([]fairlead.Configuration, error)
}

// Extensions knows what is wanted of a cluster's extensions and keeps what the cluster says of them; *extension.Service does.
type Extensions interface {
	Configurations
	Reported(ctx context.Context, cluster fairlead.ResourceID, reports []fairlead.ExtensionReport) error
	Happened(ctx context.Context, cluster fairlead.ResourceID, events []fairlead.ExtensionEvent) error
}

// Flux is what Extensions is, for Flux configurations; *gitops.Service does it.
type Flux interface {
	Configurations
	Reported(ctx context.Context, cluster fairlead.ResourceID, reports []fairlead.FluxReport) error
	Logged(ctx context.Context, cluster fairlead.ResourceID, lines []fairlead.FluxLog) error
}

// Server is the data plane. Without Tunnels it takes none, and without Extensions or Flux there are none. URL is the hub's, without a
// slash at the end, RegistryURL that of the registry for az.
// Trust states which authorities agents are to trust as the hub's, nil when its TLS certificate is publicly trusted.
type Server struct {
	Identity    *identity.Issuer
	Presence    *presence.Tracker
	Store       Store
	Access      Access
	Tunnels     Tunnels
	Extensions  Extensions
	Flux        Flux
	URL         string
	RegistryURL string
	TenantID    string
	Trust       func() *fairlead.HubTrust
	Log         *slog.Logger

	certificates slots
	polls        pollers
	strangers    limit.Once
}

const (
	// Polls wait no longer than this: proxies cut what is silent for a minute.
	maxWait = 55 * time.Second
	// A cluster may have so many polls at a time. One whose network fails leaves some behind.
	maxPolls = 4
	// So many certificates may be in the making: checking a proof by an RSA key is the dearest
	// thing that a stranger can make the hub do.
	maxIssuing = 16
	// A request for a certificate waits so long for its turn.
	issuePatience = 5 * time.Second
)

// Mount adds the data plane's routes to mux.
func (s *Server) Mount(mux *http.ServeMux) { mux.HandleFunc("/", s.serve) }

// operation is one operation of the agents: how much it may send, and what it does.
type operation struct {
	limit  int64
	handle func(ctx context.Context, from identity.Cluster, body []byte) (any, error)
}

// operations of DataPlanePath, in lower case, apart from the one for certificates.
func (s *Server) operations() map[string]operation {
	return map[string]operation{
		"extensions/postextensionstatuses":  {4 << 20, s.extensionStatuses},
		"extensions/postextensionevents":    {4 << 20, s.extensionEvents},
		"fluxconfigurations/poststatuses":   {8 << 20, s.fluxStatuses},
		"fluxconfigurations/postlogs":       {4 << 20, s.fluxLogs},
		"heartbeat":                         {64 << 10, s.heartbeat},
		"configurations/getpendingconfigs":  {4 << 10, s.pendingConfigs},
		"configurations/postconfigstatuses": {1 << 20, s.configStatuses},
		"agentstatus":                       {256 << 10, s.agentStatus},
	}
}

// questions are what people's clients ask below /azure-arc-k8sagents/, in lower case.
func (s *Server) questions() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"healthcheck":              s.healthCheck,
		"gethelmsettings":          s.helmSettings,
		"getlatesthelmpackagepath": s.helmPackagePath,
	}
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	wanted, err := parse(r.URL)
	relayed := err == nil && s.Tunnels != nil && wanted.operation == strings.ToLower(fairlead.OpRelay)
	if method := method(relayed); r.Method != method {
		w.Header().Set("Allow", method)
		s.fail(w, r, fairlead.Errorf(fairlead.MethodNotAllowed, "this operation of the data plane is called by %s", method))
		return
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if relayed {
		s.attach(w, r, wanted.cluster)
		return
	}
	if wanted.question != "" {
		s.ask(w, r, wanted.question)
		return
	}
	s.operate(w, r, wanted)
}

func method(relayed bool) string { //nolint:revive // it converts
	if relayed {
		return http.MethodGet
	}
	return http.MethodPost
}

// attach lets a cluster open its tunnel. Who it is from is for the other side to find out.
func (s *Server) attach(w http.ResponseWriter, r *http.Request, id fairlead.ResourceID) {
	if err := s.Tunnels.Attach(w, r, id); err != nil {
		s.noteStranger(r.Context(), id, err)
		s.fail(w, r, err)
	}
}

func (s *Server) ask(w http.ResponseWriter, r *http.Request, question string) {
	if answer, ok := s.questions()[question]; ok {
		answer(w, r)
		return
	}
	s.fail(w, r, unknownPath())
}

func (s *Server) operate(w http.ResponseWriter, r *http.Request, wanted target) {
	if wanted.operation == fairlead.OpCertificate {
		s.certificate(w, r, wanted.cluster)
		return
	}
	known, ok := s.operations()[wanted.operation]
	if !ok {
		s.fail(w, r, unknownPath())
		return
	}
	answer, err := s.perform(w, r, wanted.cluster, known)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	reply.JSON(w, http.StatusOK, answer)
}

// perform does an operation for the cluster that r is proved to come from. Whatever it was, it
// is a sign of life.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, id fairlead.ResourceID, known operation) (any, error) {
	body, err := reply.Body(w, r, known.limit)
	if err != nil {
		return nil, err
	}
	from, err := s.Identity.Verify(r, body, id)
	if err != nil {
		s.noteStranger(r.Context(), id, err)
		return nil, err
	}
	s.Presence.Beat(from.Key)
	return known.handle(own(r.Context(), r), from, body)
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		err = fairlead.Errorf(fairlead.Unavailable, "the hub is stopping; try again")
	}
	reply.Writer{Log: s.Log}.Error(w, r, err)
}

func unknownPath() error {
	return fairlead.Errorf(fairlead.NotFound, "the data plane has no such operation").WithCode("NotFound")
}
