package hub

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/audit"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/dataplane"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/extension/upgrade"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/graph"
	"github.com/fairlead/fairlead/hub/identity"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/hub/provider"
	"github.com/fairlead/fairlead/hub/recording"
	"github.com/fairlead/fairlead/hub/registry"
	"github.com/fairlead/fairlead/hub/registry/mirror"
	"github.com/fairlead/fairlead/hub/relay"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/hub/token"
)

// Chart returns the Helm chart that runs a hub on Kubernetes, as helm package would.
func Chart() ([]byte, error) { return chart.Hub() }

// service is a part that does something besides answering requests.
type service interface {
	Run(ctx context.Context) error
}

// parts are what a hub is made of.
type parts struct {
	checker   *access.Checker
	keys      *token.Keys
	tokens    *token.Service
	graph     *graph.API
	tracker   *presence.Tracker
	issuer    *identity.Issuer
	resources *resource.API
	agents    *dataplane.Server
	relay     *relay.Server
	registry  *registry.Server
	audit     *audit.Log
	recorder  *recording.Recorder
	extension *extension.Service
	flux      *gitops.Service
	catalogue *catalogue.Catalogue
	upgrader  *upgrade.Upgrader
}

// services lists what runs beside the server, until it has stopped.
func (p *parts) services() []service {
	return []service{p.keys, p.tokens, p.tracker, p.resources, p.registry, p.relay, p.audit, p.recorder, p.upgrader}
}

// azPlatform is what az may fetch its proxy program for: only with a domain does it look for that at the hub.
func (h *Hub) azPlatform() string {
	if h.config.Domain == "" {
		return ""
	}
	return runtime.GOOS + "/" + runtime.GOARCH
}

func (h *Hub) openParts(ctx context.Context) error {
	p := parts{checker: h.setup.checker}
	p.keys = &token.Keys{Vault: h.vault, Now: h.now, Log: h.log}
	hasher := &password.Hasher{}
	var err error
	if p.tokens, err = h.signIn(p.keys, hasher); err != nil {
		return err
	}
	p.graph = &graph.API{Store: h.db, Access: p.checker, TenantID: h.tenancy.TenantID, Hasher: hasher, Now: h.now, Log: h.log}
	p.tracker = &presence.Tracker{Store: h.db, Now: h.now, Log: h.log}
	p.issuer = &identity.Issuer{Store: h.db, Authority: h.ca, Now: h.now, Started: h.now()}
	h.withoutFlux(ctx)
	pushed, err := mirror.Open(ctx, filepath.Join(h.config.Data, "mirror"), h.now, h.log)
	if err != nil {
		return err
	}
	p.registry = &registry.Server{
		Dir: filepath.Join(h.config.Data, "registry"), Chart: chart.Archive, Binary: h.config.Binary, Precheck: h.precheck, Probe: h.config.Probe, Flux: h.config.FluxChart, Log: h.log,
		URL: h.url, Mirror: pushed, Identity: p.tokens, Access: p.checker, AzPlatform: h.azPlatform(),
	}
	p.audit = &audit.Log{Store: h.db, Limits: h.config.auditLimits(), Now: h.now, Log: h.log}
	p.recorder = &recording.Recorder{
		Store: h.db, Dir: filepath.Join(h.config.Data, "recordings"), Limits: h.config.recordingLimits(), Now: h.now, Log: h.log,
	}
	seen := &witness{log: p.audit, recorder: p.recorder}
	p.relay = &relay.Server{
		Clusters: p.issuer, Tokens: p.tokens, Access: p.checker, Store: h.db, Presence: p.tracker, Audit: seen, Recorder: seen,
		URL: h.url, TenantID: h.tenancy.TenantID, Trust: h.trust.pem, Now: h.now, Log: h.log,
	}
	around := configuration.Surroundings{
		Store: h.db, Box: h.vault.Box, Presence: p.tracker, Patience: configuration.DefaultPatience(), Now: h.now, Started: h.now(), Log: h.log,
	}
	p.extension = extension.New(around)
	p.flux = gitops.New(around, p.extension)
	p.catalogue = &catalogue.Catalogue{
		Store: h.db, Local: charts{h, pushed, p.registry}, BuiltIn: h.builtIn, Open: p.extension.Unseal, Clock: h.now,
	}
	p.extension.Registries = p.catalogue
	p.resources = h.resources(&p)
	p.upgrader = &upgrade.Upgrader{
		Store: h.db, Service: p.extension, Catalogue: p.catalogue, Change: p.resources.Change, Now: h.now, Log: h.log,
	}
	p.agents = &dataplane.Server{
		Identity: p.issuer, Presence: p.tracker, Store: h.db, Access: p.checker, Tunnels: p.relay, Extensions: p.extension, Flux: p.flux,
		URL: h.url, RegistryURL: h.cloud.Base(azcloud.Registry), TenantID: h.tenancy.TenantID, Trust: h.trust.State, Log: h.log,
	}
	h.parts = p
	if err := errors.Join(p.audit.Open(ctx), p.recorder.Open(ctx)); err != nil {
		return err
	}
	if err := p.keys.Load(ctx); err != nil {
		return err
	}
	return p.tracker.Load(ctx)
}

// resources composes the resource API: its types, and the documents about tenants and subscriptions.
func (h *Hub) resources(p *parts) *resource.API {
	answer := reply.Writer{Log: h.log}
	deps := provider.Deps{
		Store: h.db, Access: p.checker, Presence: p.tracker, Connected: p.relay.Connected, URL: h.url,
		TenantID: h.tenancy.TenantID, Locations: h.config.Locations, Now: h.now, Credential: p.relay.Credential, Recording: p.recorder.Content,
		Extensions: p.extension, Catalogue: p.catalogue, Flux: p.flux, Log: h.log, Draining: h.draining.Done(),
	}
	var api *resource.API
	deps.Make = func(ctx context.Context, id fairlead.ResourceID, correlation string, sent resource.Document) error {
		return api.Make(ctx, id, correlation, sent)
	}
	types := provider.All(deps)
	directory := &provider.Directory{
		Store: h.db, Access: p.checker, Reply: answer,
		TenantID: h.tenancy.TenantID, Locations: h.config.Locations, Types: types, Now: h.now,
	}
	activity := &provider.ActivityLog{Store: h.db, Access: p.checker, Reply: answer, URL: h.url, TenantID: h.tenancy.TenantID}
	api = &resource.API{
		Store: h.db, Types: types, Documents: []resource.Mounter{directory, activity, &provider.TypeCatalogue{Deps: deps, Reply: answer}}, Access: p.checker,
		Reply: answer, URL: h.url, Now: h.now, Log: h.log, Registered: provider.Registered(h.db),
	}
	return api
}
