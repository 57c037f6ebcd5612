// Package charts gets the charts of extensions from their repositories and keeps them for a while, so that an operation that is
// done again needs no network. It knows archives and where they come from; it renders and installs nothing.
package charts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	chartv2 "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"github.com/fairlead/fairlead"
)

// maxArchive bounds a packed chart. What it unpacks to is bounded by Helm's loader.
const maxArchive = 20 << 20

// Fetcher fetches charts.
type Fetcher struct {
	// Folder is where archives are kept, up to maxKept bytes. Empty keeps none.
	Folder string
	// Outward returns the way to a repository which certificates of these authorities (PEM) vouch for, too.
	Outward func(authorities []byte) *http.Transport
	Log     *slog.Logger
}

// Fetch returns a version of a chart, with credentials where its registry asks for some. An archive of another digest than the one
// asked for is refused.
func (f *Fetcher) Fetch(ctx context.Context, from fairlead.ExtensionChart, version string, given Credentials) (*chartv2.Chart, error) {
	packed, err := f.archive(ctx, from, version, given)
	if err != nil {
		return nil, fmt.Errorf("fetch chart %s: %w", describe(from, version), err)
	}
	loaded, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read chart %s: %w", describe(from, version), err)
	}
	if loaded.Metadata.Version != version {
		return nil, fairlead.Errorf(fairlead.Invalid, "chart %s says of itself that it is version %s", describe(from, version), loaded.Metadata.Version)
	}
	return loaded, nil
}

func describe(from fairlead.ExtensionChart, version string) string {
	return strings.TrimSuffix(from.Repository+" "+from.Name, " ") + " " + version
}

// archive prefers what is kept when its digest is known. Otherwise the repository is asked, and what is kept serves when that
// does not answer.
func (f *Fetcher) archive(ctx context.Context, from fairlead.ExtensionChart, version string, given Credentials) ([]byte, error) {
	kept, found := f.load(from, version)
	if found && from.Digest != "" {
		return kept, nil
	}
	packed, err := f.download(ctx, from, version, given)
	switch {
	case err != nil && found && ctx.Err() == nil:
		f.Log.WarnContext(ctx, "the repository does not answer; the chart fetched before is used", slog.String("error", err.Error()))
		return kept, nil
	case err != nil:
		return nil, err
	}
	if err := checkDigest(packed, from.Digest); err != nil {
		return nil, err
	}
	f.keep(ctx, from, version, packed)
	return packed, nil
}

func (f *Fetcher) download(ctx context.Context, from fairlead.ExtensionChart, version string, given Credentials) ([]byte, error) {
	transport := f.Outward([]byte(from.CABundle))
	defer transport.CloseIdleConnections()
	if !given.fit(from) {
		given = Credentials{}
	}
	way := &addressed{next: transport, given: given}
	packed, err := fetch(ctx, way, from, version)
	return packed, given.hide(way.explain(err))
}

func fetch(ctx context.Context, way *addressed, from fairlead.ExtensionChart, version string) ([]byte, error) {
	if repository, found := strings.CutPrefix(from.Repository, "oci://"); found {
		return pull(ctx, way, repository, version)
	}
	return get(ctx, way, from, version)
}

func checkDigest(packed []byte, wanted string) error {
	if got := digestOf(packed); wanted != "" && !strings.EqualFold(got, wanted) {
		return fairlead.Errorf(fairlead.Invalid, "the archive's digest is %s, and the hub expects %.80s: the chart was replaced in the repository after the hub had read it, or on the way", got, wanted)
	}
	return nil
}

func digestOf(packed []byte) string {
	sum := sha256.Sum256(packed)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// readAll reads a body that may have limit bytes.
func readAll(body io.Reader, limit int64) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(content)) > limit {
		return nil, fairlead.Errorf(fairlead.Invalid, "it is larger than %d MiB", limit>>20)
	}
	return content, nil
}
