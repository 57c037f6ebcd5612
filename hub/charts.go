package hub

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/registry"
	"github.com/fairlead/fairlead/hub/registry/mirror"
)

// charts lets the catalogue read the charts of this hub, those that were pushed and those that it packs itself, without a way over
// the network.
type charts struct {
	hub    *Hub
	pushed *mirror.Store
	packed *registry.Server
}

// Serves reports whether a host, with its port, is one of the hub's own.
func (c charts) Serves(host string) bool {
	for _, address := range []string{c.hub.url, c.hub.cloud.Base(azcloud.Registry)} {
		own, err := url.Parse(address)
		if err == nil && own.Host != "" && strings.EqualFold(withPort(own.Host), withPort(host)) {
			return true
		}
	}
	return false
}

func withPort(host string) string {
	if _, _, err := net.SplitHostPort(host); err != nil {
		return net.JoinHostPort(host, "443")
	}
	return host
}

// Tags returns the tags of a repository.
func (c charts) Tags(ctx context.Context, repository string) ([]string, error) {
	if c.packs(repository) {
		return c.packed.Packed(ctx, repository)
	}
	tags, ok := c.pushed.Tags(repository)
	if !ok {
		return nil, errors.New("the hub's own registry has no such repository; push the chart with helm push")
	}
	return tags, nil
}

// Manifest returns a manifest.
func (c charts) Manifest(ctx context.Context, repository, reference string) ([]byte, error) {
	if c.packs(repository) {
		return c.packed.PackedManifest(ctx, repository, reference)
	}
	found, ok := c.pushed.Manifest(repository, reference)
	if !ok {
		return nil, fairlead.Errorf(fairlead.NotFound, "the hub's own registry has no %s:%s", repository, reference)
	}
	return os.ReadFile(c.pushed.Path(found.Digest))
}

// packs reports whether the charts of a repository are the hub's own. What somebody pushes beside them, in a version of the future,
// must not become what every cluster upgrades to.
func (c charts) packs(repository string) bool {
	return repository == fairlead.FluxChartRepository && c.packed.Flux != nil
}

// builtIn are the extension types that need no registering: the one that runs Flux, whose chart this binary has.
func (h *Hub) builtIn() []catalogue.Type {
	own, err := url.Parse(h.url)
	if h.config.FluxChart == nil || err != nil {
		return nil
	}
	return []catalogue.Type{{
		Name: fairlead.FluxExtensionType, ETag: "built-in", Description: "GitOps with Flux",
		Chart: "oci://" + own.Host + "/" + fairlead.FluxChartRepository, CABundle: h.trust.pem(),
		Trains:           map[string]string{catalogue.Stable: ">=0.0.0-0"}, // the hub's own version may be one before a release
		DefaultNamespace: fairlead.FluxNamespace, Scopes: []string{fairlead.ScopeCluster},
		DefaultSettings: map[string]string{fairlead.FluxImageSetting: own.Host},
	}}
}

// FluxChart returns the chart of the extension that runs Flux which this binary carries.
func FluxChart() ([]byte, error) { return chart.Flux() }

// withoutFlux stops offering Flux when this build carries none of it, and says so.
func (h *Hub) withoutFlux(ctx context.Context) {
	if h.config.FluxChart == nil {
		return
	}
	if _, err := h.config.FluxChart(); errors.Is(err, chart.ErrNoFlux) {
		h.log.WarnContext(ctx, "an extension is not offered", slog.String("extension", fairlead.FluxExtensionType), slog.String("error", err.Error()))
		h.config.FluxChart = nil
	}
}
