// Package relay is where callers meet connected clusters: it holds the tunnels that clusters open to the
// hub, says who calls (package caller), asks hub/access whether they may, and forwards what they send to the
// API server of the cluster. It knows nothing of what a request means to Kubernetes, decides nothing that
// kube-aad-proxy decides in the cluster, and leaves what is on the wire to package tunnel.
//
// A program that stands between kubectl and the hub, as az starts one, finds all that it needs in the answer of
// listClusterUserCredential:
//
//   - kubeconfigs[0] is a kubeconfig whose only cluster is the hub: clusters[0].cluster.server is the URL below which the
//     API of the cluster is, HUB/kubernetes/<id of the cluster>, and certificate-authority-data the authorities of the hub,
//     missing when its certificate is publicly trusted. The user has no credential.
//   - hybridConnectionConfig.relay is the hub's URL, hybridConnectionName the id of the cluster: the same URL in two parts.
//   - hybridConnectionConfig.token goes into header ServiceBusAuthorization of each request. It names caller, cluster and
//     mode, ends at expirationTime (Unix seconds), and alone is enough in mode AAD; an Authorization header that comes with it
//     must then be the same caller's, Bearer or PoP. In mode Token the Authorization header is the one for the API server,
//     and goes there as it is.
package relay

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/store"
)

// Action is what a caller must be allowed to do on a cluster to reach its API server.
const Action = "Microsoft.Kubernetes/connectedClusters/listClusterUserCredential/action"

// Clusters knows connected clusters and recognises them; *identity.Issuer does.
type Clusters interface {
	Verify(r *http.Request, body []byte, id fairlead.ResourceID) (identity.Cluster, error)
	Find(ctx context.Context, id fairlead.ResourceID) (identity.Cluster, error)
}

// Tokens is the token service; *token.Service is one.
type Tokens interface {
	Caller(r *http.Request, names ...string) (objectID string, err error)
	Principal(ctx context.Context, objectID string) (access.Principal, error)
	SignAs(kind string, payload any) (string, error)
	ReadAs(kind, text string, into any) error
	Issuer() string
}

// Access decides; *access.Checker does.
type Access interface {
	Check(ctx context.Context, action, scope string) error
	DataGrants(ctx context.Context, principalID, scope string) ([]access.DataGrant, error)
}

// Store knows groups, and whether anything has changed; *store.DB does.
type Store interface {
	Revisions(ctx context.Context) (store.Revisions, error)
	GroupIDs(ctx context.Context, objectID string, limit int) ([]string, error)
}

// Presence knows which clusters are alive; *presence.Tracker does.
type Presence interface {
	View(key string) presence.View
}

// Server is the relay. URL is the hub's, without a slash at the end. Trust returns the authorities that callers need to
// trust the hub, in PEM, empty when every system trusts it. All fields but Audit and Recorder are required, and Run must
// run beside it.
type Server struct {
	Clusters Clusters
	Tokens   Tokens
	Access   Access
	Store    Store
	Presence Presence
	Audit    Auditor
	Recorder Recorder
	URL      string
	TenantID string
	Trust    func() string
	Now      func() time.Time
	Log      *slog.Logger

	links      links
	places     memory[string, place]
	admitted   memory[admission, identity.Cluster]
	statements statements
	principals principals
	open       open
	limits     limits
	counted    counted
	handshakes slots
	proxy      *httputil.ReverseProxy
	once       sync.Once
	draining   atomic.Bool
	failing    atomic.Bool // the last look at the store has failed
}

// ServeHTTP forwards a caller's request to the API server of a cluster. Paths must reach it as they were sent.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.once.Do(s.prepare)
	c, release, err := s.admit(r)
	if err != nil {
		s.turnAway(w, r, c, err)
		return
	}
	defer release()
	s.forward(w, r, c)
}

// admit decides whether a request may go on. A call that is returned with an error has no more in it than was found out.
func (s *Server) admit(r *http.Request) (*call, func(), error) {
	to, err := s.locate(r.URL)
	if err != nil {
		return nil, nil, err
	}
	if s.draining.Load() {
		return nil, nil, &refusal{error: fairlead.Errorf(fairlead.Unavailable, "the hub is stopping; try again"), retry: 1}
	}
	c := &call{to: to, kind: kindOf(r)}
	if c.at, err = s.Store.Revisions(r.Context()); err != nil {
		return nil, nil, err
	}
	if c.who, err = s.identify(r, c.at, to.place); err != nil {
		return nil, nil, err
	}
	if err := s.reach(r, c); err != nil {
		return c, nil, err
	}
	release, err := s.limits.take(c.cluster.Key, c.who.ObjectID, c.kind)
	return c, release, err
}

// admission is that somebody may reach a cluster, by the key of its name.
type admission struct{ principal, cluster string }

// reach asks whether the caller may reach the cluster, and which one it is.
func (s *Server) reach(r *http.Request, c *call) error {
	key := admission{c.who.ObjectID, c.to.key}
	var known bool
	if c.cluster, known = s.admitted.recall(c.at, key); !known {
		if err := s.permit(store.AsOf(r.Context(), c.at), c.who, c.to.cluster); err != nil {
			return err
		}
	}
	if impersonates(r.Header) {
		return fairlead.Errorf(fairlead.Forbidden, "cluster connect passes no impersonation on (kubectl --as, --as-group): what you may do is what your own name and groups may")
	}
	if known {
		return nil
	}
	var err error
	if c.cluster, err = s.find(r.Context(), c.to.cluster); err == nil {
		s.admitted.keep(c.at, key, c.cluster)
	}
	return err
}

// permit asks whether a caller may reach a cluster, and otherwise says how that is changed.
func (s *Server) permit(ctx context.Context, from who, cluster fairlead.ResourceID) error {
	err := s.Access.Check(access.WithPrincipal(ctx, from.Principal), Action, cluster.String())
	if fairlead.KindOf(err) != fairlead.Forbidden {
		return err
	}
	return fairlead.Errorf(fairlead.Forbidden, "%s (object id %s) may not do %s on %s. Somebody who may give roles there can type: "+
		`fairlead role assignment create --assignee %s --role "Azure Arc Enabled Kubernetes Cluster User Role" --scope %s`,
		from.Name(), from.ObjectID, Action, cluster, from.ObjectID, cluster)
}

func (s *Server) find(ctx context.Context, id fairlead.ResourceID) (identity.Cluster, error) {
	found, err := s.Clusters.Find(ctx, id)
	if fairlead.KindOf(err) == fairlead.NotFound {
		return found, fairlead.Errorf(fairlead.NotFound, "the hub has no connected cluster %q in resource group %q", id.Name(), id.ResourceGroup)
	}
	return found, err
}

// turnAway answers a request that is not sent on, and has it written down if it is known whose it is.
func (s *Server) turnAway(w http.ResponseWriter, r *http.Request, c *call, err error) {
	if c != nil && s.Audit != nil {
		request := c.describe(r, w.Header(), s.Now())
		request.Refused = true
		if end, failed := s.Audit.Begin(r.Context(), request); failed == nil {
			made := s.statusOf(r, err)
			defer end(Ending{Status: made.Code, Reason: made.Reason})
		}
	}
	s.counted.result(resultOf(err))
	s.refuse(w, r, err)
}

// requestID returns the id that the hub has given a request, in the header of its answer.
func requestID(answer http.Header) string {
	if id := answer.Get("X-Ms-Request-Id"); id != "" {
		return id
	}
	return uuid.NewString()
}
