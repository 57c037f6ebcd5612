package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead/client"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// offer puts a chart into the hub's registry and makes an extension type of it. Nobody opens the chart: agents of the fleet install
// nothing.
func (f *fleet) offer(ctx context.Context) error {
	host := strings.TrimPrefix(f.hub.URL(), "https://")
	tag, err := name.NewTag(host + "/charts/demo:1.0.0")
	if err != nil {
		return err
	}
	image, err := mutate.Append(mutate.MediaType(empty.Image, types.OCIManifestSchema1), mutate.Addendum{Layer: static.NewLayer([]byte("a chart"), chartLayer)})
	if err != nil {
		return fmt.Errorf("make a chart: %w", err)
	}
	if err := remote.Write(tag, image, remote.WithContext(ctx), remote.WithTransport(bearer{f.hub.api})); err != nil {
		return fmt.Errorf("push a chart: %w", err)
	}
	properties := client.Document{"chart": "oci://" + host + "/charts/demo", "releaseTrains": client.Document{"stable": ">=1.0"}}
	return f.hub.api.Put(ctx, client.ExtensionTypeID(extensionType).String(), client.ExtensionTypeVersion, client.Document{"properties": properties}, nil)
}

// bearer adds the administrator's token to requests.
type bearer struct{ hub *client.Hub }

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(request *http.Request) (*http.Response, error) {
	token, err := b.hub.Token(request.Context())
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Header.Set("Authorization", "Bearer "+token)
	return b.hub.HTTP.Transport.RoundTrip(request)
}
