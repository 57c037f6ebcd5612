package hub

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/relay"
	"github.com/fairlead/fairlead/hub/reply"
)

// mounter is a part of the hub as HTTP sees it.
type mounter interface{ Mount(mux *http.ServeMux) }

// handler returns the hub as one handler: parts by the first segment of the path, and around them
// what every request gets.
func (h *Hub) handler() http.Handler {
	answer := reply.Writer{Log: h.log}
	counted := newMetrics(h.parts.checker, answer, h.now)
	counted.registry.MustRegister(newInventory(h), conflictGauge(h.parts.tracker), relay.Metrics{Server: h.parts.relay}, extension.Metrics{Service: h.parts.extension},
		gitops.Metrics(h.parts.flux))
	probes := &health{Ping: h.db.Ping, Welcomed: h.welcomed, Draining: h.draining.Done(), Reply: answer}
	limited := h.limited(answer)
	known := func(next http.Handler) http.Handler { return h.parts.tokens.Authenticate(limited(next)) }
	traced := func(part string, next http.Handler) http.Handler {
		return h.tracer.Wrap(part, counted.count(part, next))
	}
	images := traced("registry", h.mounted(h.parts.registry))
	routes := routes{
		data:     traced("dataplane", h.endPolls(h.mounted(h.parts.agents))),
		rest:     traced("token", lowerCase(h.mounted(h.parts.tokens))),
		registry: http.StripPrefix("/adfs", images),
		first: map[string]http.Handler{
			"v2":                  images,
			"metadata":            traced("metadata", h.mounted(&metadata{Cloud: h.cloud, TenantID: h.tenancy.TenantID})),
			"azure-arc-k8sagents": traced("dataplane", known(h.mounted(h.parts.agents))),
			relay.Prefix:          traced("relay", h.parts.relay),
			"v1.0":                traced("graph", known(lowerCase(h.mounted(h.parts.graph)))),
			"healthz":             h.mounted(probes),
			"readyz":              h.mounted(probes),
			"metrics":             known(h.mounted(counted)),
		},
	}
	resources := traced("resource", known(h.mounted(h.parts.resources)))
	for _, segment := range resourceSegments() {
		routes.first[segment] = resources
	}
	return identifyRequest(logRequests(h.log, h.now)(survivePanics(h.log)(h.byHost(routes))))
}

func (h *Hub) mounted(part mounter) http.Handler {
	mux := http.NewServeMux()
	part.Mount(mux)
	root := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/"}}
	if _, pattern := mux.Handler(root); pattern == "" { // the part leaves paths to others, and here are none
		mux.HandleFunc("/", h.nothingThere)
	}
	return mux
}

func (h *Hub) nothingThere(w http.ResponseWriter, r *http.Request) {
	reply.Writer{Log: h.log}.Error(w, r, fairlead.Errorf(fairlead.NotFound, "there is nothing at %s %.200q", r.Method, r.URL.Path).WithCode("NotFound"))
}

// lowerCase is for parts in whose paths nothing depends on case: neither words nor ids.
func lowerCase(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lower := r.Clone(r.Context())
		lower.URL.Path, lower.URL.RawPath = strings.ToLower(r.URL.Path), ""
		next.ServeHTTP(w, lower)
	})
}

// routes chooses the part that a request is for.
type routes struct {
	first map[string]http.Handler
	data  http.Handler
	rest  http.Handler

	// The registry once more, below /adfs: where az looks for it when the sign-in endpoint ends so.
	registry http.Handler
}

func (o routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.choose(r.URL.Path).ServeHTTP(w, r)
}

// choose compares without case. Agents' paths differ from those of resources in the fifth segment
// only: provider, not providers.
func (o routes) choose(path string) http.Handler {
	segments := strings.SplitN(strings.ToLower(strings.TrimPrefix(path, "/")), "/", 6)
	if segments[0] == "subscriptions" && len(segments) > 5 && segments[4] == "provider" {
		return o.data
	}
	if segments[0] == "adfs" && len(segments) > 1 && segments[1] == "v2" && o.first["v2"] != nil {
		return o.registry
	}
	if part, ok := o.first[segments[0]]; ok {
		return part
	}
	return o.rest
}

// endPolls tells long polls, by their context, to return at once when the hub stops. Other requests may end
// in peace.
func (h *Hub) endPolls(next http.Handler) http.Handler {
	polls := strings.ToLower(fairlead.OpPendingConfigs)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(strings.ToLower(r.URL.Path), polls) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(h.draining, cancel)() //nolint:contextcheck // the hub's end is no part of the request
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
