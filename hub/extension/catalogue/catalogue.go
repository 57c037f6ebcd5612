package catalogue

import (
	"context"
	"crypto/x509"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"

	"github.com/fairlead/fairlead"
)

const (
	// What was listed counts for so long.
	freshFor = 5 * time.Minute
	// Even who asks for a version that is not there makes the hub ask again only so often.
	again = 10 * time.Second
	// A registry has so long to answer.
	patience = 20 * time.Second
	// Bounds what one chart's registry can make the hub remember.
	maxVersions = 5000
	maxText     = 256
)

// Local reads charts of the hub's own registry. Host is that of a chart's URL, with the port.
type Local interface {
	Serves(host string) bool
	Tags(ctx context.Context, repository string) ([]string, error)
	Manifest(ctx context.Context, repository, reference string) ([]byte, error)
}

// Credentials are for a chart's registry.
type Credentials struct{ Username, Password string }

// Catalogue lists versions. Local may be nil. BuiltIn are the types that the hub offers without anybody's registering; nil for none. Open unseals what Store has sealed with a resource. Roots are the authorities
// that are trusted besides those of the types, nil for the system's.
type Catalogue struct {
	Store   Store
	Local   Local
	BuiltIn func() []Type
	Open    func(key string, sealed []byte) ([]byte, error)
	Roots   *x509.CertPool
	Clock   func() time.Time

	mu    sync.Mutex
	known map[string]*shelf
	lent  lent
}

// shelf holds what is known of one type's versions. Its lock is held while they are listed, so that many who ask cause one listing.
type shelf struct {
	sync.Mutex

	of     string // the type's etag
	listed time.Time
	known  known
}

// known are the versions of a chart, by their original spelling, with the digests of those whose digest is known.
type known map[string]version

type version struct {
	parsed *semver.Version
	digest string
}

func (k known) versions() []*semver.Version {
	all := make([]*semver.Version, 0, len(k))
	for _, one := range k {
		all = append(all, one.parsed)
	}
	return all
}

func (k known) has(pinned string) bool {
	_, ok := k[pinned]
	return ok
}

func (k known) add(text, digest string) {
	parsed, err := semver.StrictNewVersion(strings.TrimPrefix(text, "v"))
	if err != nil || len(text) > maxText || len(k) >= maxVersions {
		return // tags are for people, and not all of them are versions
	}
	if strings.HasPrefix(text, "v") {
		if parsed, err = semver.NewVersion(text); err != nil {
			return
		}
	}
	k[text] = version{parsed, digest}
}

func (c *Catalogue) shelf(name string) *shelf {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]*shelf{}
	}
	if c.known[name] == nil {
		if len(c.known) >= maxTypes {
			clear(c.known)
		}
		c.known[name] = &shelf{}
	}
	return c.known[name]
}

// list returns the versions of a type's chart, remembered ones when they are younger than age.
func (c *Catalogue) list(ctx context.Context, t Type, age time.Duration) (known, error) {
	at := c.shelf(t.Name)
	at.Lock()
	defer at.Unlock()
	if at.of == t.ETag && c.Clock().Sub(at.listed) < age {
		return at.known, nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	given, err := c.credentials(ctx, t)
	if err != nil {
		return nil, err
	}
	found, err := c.read(ctx, t, given)
	if err != nil {
		return nil, unlisted(t, err)
	}
	at.of, at.listed, at.known = t.ETag, c.Clock(), found
	return found, nil
}

// Now is Versions that does not rely on what is remembered for more than some seconds.
func (c *Catalogue) Now(ctx context.Context, t Type, train string) ([]*semver.Version, error) {
	found, err := c.list(ctx, t, again)
	if err != nil {
		return nil, err
	}
	return t.In(found.versions(), train)
}

// Try lists the versions of a type that is not stored yet, with credentials that are not either, and says what keeps it from
// being of use.
func (c *Catalogue) Try(ctx context.Context, t Type, given Credentials) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	_, err := c.read(ctx, t, given)
	if err != nil {
		return unlisted(t, err)
	}
	return nil
}

// Versions returns the versions of a type that a train takes, newest first; of all trains when none is named.
func (c *Catalogue) Versions(ctx context.Context, t Type, train string) ([]*semver.Version, error) {
	found, err := c.list(ctx, t, freshFor)
	if err != nil {
		return nil, err
	}
	return t.In(found.versions(), train)
}

func unlisted(t Type, err error) error {
	return fairlead.Errorf(fairlead.Invalid, "The versions of extension type '%s' cannot be listed at %s: %w. "+
		"Check properties.chart, properties.caBundle and properties.credentials of the type, and that the hub reaches that address.", t.Name, t.Chart, err).
		WithCode("ChartRepositoryUnavailable")
}

func (c *Catalogue) read(ctx context.Context, t Type, given Credentials) (known, error) {
	place, err := url.Parse(t.Chart)
	if err != nil {
		return nil, err
	}
	if place.Scheme == "oci" {
		return c.tags(ctx, t, place, given)
	}
	return c.index(ctx, t, place, given)
}
