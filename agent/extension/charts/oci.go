package charts

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"github.com/fairlead/fairlead"
)

const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// pull fetches the archive of a chart in a registry. A tag cannot hold the + of a version.
func pull(ctx context.Context, way *addressed, repository, version string) ([]byte, error) {
	reference, err := name.ParseReference(repository+":"+strings.ReplaceAll(version, "+", "_"), name.StrictValidation)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "%w", err)
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithTransport(way)}
	if !way.given.none() {
		options = append(options, remote.WithAuth(&authn.Basic{Username: way.given.Username, Password: way.given.Password}))
	}
	image, err := remote.Image(reference, options...)
	if err != nil {
		return nil, classify(err)
	}
	layer, err := archiveLayer(image)
	if err != nil {
		return nil, classify(err)
	}
	body, err := layer.Compressed()
	if err != nil {
		return nil, classify(err)
	}
	defer func() { _ = body.Close() }() // it was read
	return readAll(body, maxArchive)
}

func archiveLayer(image v1.Image) (v1.Layer, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	for _, one := range layers {
		if kind, err := one.MediaType(); err == nil && kind == chartLayer {
			return one, nil
		}
	}
	return nil, fairlead.Errorf(fairlead.Invalid, "what the registry has there is no chart")
}

// classify tells what will not change by asking again from what may.
func classify(err error) error {
	if refused, ok := errors.AsType[*transport.Error](err); ok {
		switch refused.StatusCode {
		case http.StatusNotFound:
			return fairlead.Errorf(fairlead.NotFound, "%w", err)
		case http.StatusUnauthorized, http.StatusForbidden:
			return fairlead.Errorf(fairlead.Forbidden, "%w", err)
		}
	}
	return err
}
