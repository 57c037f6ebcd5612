package catalogue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// chartLayer is the media type of a chart's archive in a registry.
const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// tags lists the versions that a registry has of a chart. Tags have no +, so Helm writes _ there.
func (c *Catalogue) tags(ctx context.Context, t Type, place *url.URL, given Credentials) (known, error) {
	found := known{}
	if c.Local != nil && c.Local.Serves(place.Host) {
		tags, err := c.Local.Tags(ctx, strings.Trim(place.Path, "/"))
		if err != nil {
			return nil, err
		}
		for _, tag := range tags {
			found.add(strings.ReplaceAll(tag, "_", "+"), "")
		}
		return found, nil
	}
	puller, repository, err := c.puller(ctx, t, place, given)
	if err != nil {
		return nil, err
	}
	lister, err := puller.Lister(ctx, repository)
	if err != nil {
		return nil, shortened(err)
	}
	for lister.HasNext() && len(found) < maxVersions {
		page, err := lister.Next(ctx)
		if err != nil {
			return nil, shortened(err)
		}
		for _, tag := range page.Tags {
			found.add(strings.ReplaceAll(tag, "_", "+"), "")
		}
		if page.Next == "" {
			break
		}
	}
	return found, nil
}

func (c *Catalogue) puller(ctx context.Context, t Type, place *url.URL, given Credentials) (*remote.Puller, name.Repository, error) {
	repository, err := name.NewRepository(place.Host+place.Path, name.StrictValidation)
	if err != nil {
		return nil, repository, err
	}
	transport, err := c.transport(t)
	if err != nil {
		return nil, repository, err
	}
	options := []remote.Option{remote.WithContext(ctx), remote.WithTransport(transport), remote.WithRetryBackoff(remote.Backoff{Steps: 2})}
	if given.Username != "" || given.Password != "" {
		options = append(options, remote.WithAuth(&authn.Basic{Username: given.Username, Password: given.Password}))
	}
	puller, err := remote.NewPuller(options...)
	return puller, repository, err
}

// credentials are those that the type's administrator has given; without, none.
func (c *Catalogue) credentials(ctx context.Context, t Type) (Credentials, error) {
	sealed, err := c.Store.GetSealed(ctx, Key(t.Name))
	if err != nil {
		return Credentials{}, orNone(err)
	}
	text, err := c.Open(Key(t.Name), sealed)
	if err != nil {
		return Credentials{}, err
	}
	var known Credentials
	if err := json.Unmarshal(text, &known); err != nil {
		return Credentials{}, errors.New("the sealed credentials cannot be read")
	}
	return known, nil
}

// digest is that of a version's archive, empty when nobody says.
func (c *Catalogue) digest(ctx context.Context, t Type, found known, chosen *semver.Version) (string, error) {
	place, err := url.Parse(t.Chart)
	if err != nil || place.Scheme != "oci" {
		return found[chosen.Original()].digest, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	manifest, err := c.manifest(ctx, t, place, strings.ReplaceAll(chosen.Original(), "+", "_"))
	if err != nil {
		return "", unavailable(t, fmt.Errorf("read the manifest of version %s: %w", chosen.Original(), err))
	}
	return archive(manifest), nil
}

func (c *Catalogue) manifest(ctx context.Context, t Type, place *url.URL, tag string) ([]byte, error) {
	if c.Local != nil && c.Local.Serves(place.Host) {
		return c.Local.Manifest(ctx, strings.Trim(place.Path, "/"), tag)
	}
	given, err := c.credentials(ctx, t)
	if err != nil {
		return nil, err
	}
	puller, repository, err := c.puller(ctx, t, place, given)
	if err != nil {
		return nil, err
	}
	found, err := puller.Get(ctx, repository.Tag(tag))
	if err != nil {
		return nil, shortened(err)
	}
	return found.Manifest, nil
}

// archive reads the digest of the chart's archive out of a manifest.
func archive(manifest []byte) string {
	var known struct {
		Layers []struct {
			MediaType string `json:"mediaType"`
			Digest    string `json:"digest"`
		} `json:"layers"`
	}
	if json.Unmarshal(manifest, &known) != nil {
		return ""
	}
	for _, layer := range known.Layers {
		if layer.MediaType == chartLayer && strings.HasPrefix(layer.Digest, "sha256:") {
			return layer.Digest
		}
	}
	return ""
}
