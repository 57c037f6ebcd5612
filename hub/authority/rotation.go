package authority

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/fairlead/fairlead"
)

const rotationSecret = "authority/rotation"

// rotation is which authorities there are, as it lies in the vault from the first change on. Servers[Serving] signs the
// hub's TLS; the last of Clients signs the clusters' certificates.
type rotation struct {
	Generation int64    `json:"generation"`
	Serving    int      `json:"serving"`
	Servers    [][]byte `json:"servers"`
	Clients    [][]byte `json:"clients"`
}

// state is a rotation with everything parsed. It never changes.
type state struct {
	generation int64
	servingAt  int
	servers    []*issuer
	clients    []*issuer
	clientPool *x509.CertPool
	stored     rotation
}

func newState(stored rotation) (*state, error) {
	if stored.Serving < 0 || stored.Serving >= len(stored.Servers) || len(stored.Clients) == 0 {
		return nil, fmt.Errorf("secret %q names no authority", rotationSecret)
	}
	read := &state{generation: stored.Generation, servingAt: stored.Serving, stored: stored}
	for _, kind := range []struct {
		from [][]byte
		to   *[]*issuer
	}{{stored.Servers, &read.servers}, {stored.Clients, &read.clients}} {
		for _, bundle := range kind.from {
			found, err := parseIssuer(bundle)
			if err != nil {
				return nil, fmt.Errorf("open certificate authority: %w", err)
			}
			*kind.to = append(*kind.to, found)
		}
	}
	read.clientPool = poolOf(read.clients)
	return read, nil
}

func (s *state) serving() *issuer { return s.servers[s.servingAt] }

func (s *state) issuing() *issuer { return s.clients[len(s.clients)-1] }

func (s *state) serverPEM() []byte {
	text := encodeCertificate(s.serving().certificate)
	for at, other := range s.servers {
		if at != s.servingAt {
			text = append(text, encodeCertificate(other.certificate)...)
		}
	}
	return text
}

func poolOf(issuers []*issuer) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, one := range issuers {
		pool.AddCert(one.certificate)
	}
	return pool
}

// Reload reads again which authorities there are, and reports whether that has changed.
func (a *Authority) Reload(ctx context.Context) (changed bool, err error) {
	text, err := a.vault.Get(ctx, rotationSecret)
	if fairlead.KindOf(err) == fairlead.NotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var stored rotation
	if err := json.Unmarshal(text, &stored); err != nil {
		return false, fmt.Errorf("read secret %q: %w", rotationSecret, err)
	}
	if stored.Generation == a.Generation() {
		return false, nil
	}
	read, err := newState(stored)
	if err != nil {
		return false, err
	}
	a.state.Store(read)
	return true, nil
}

// Stage is how far one authority has followed another.
type Stage string

// The stages, in their order.
const (
	Single  Stage = "Single"  // there is one
	Pending Stage = "Pending" // the next one is published, the old one signs
	Serving Stage = "Serving" // the next one signs, the old one is still trusted
)

// Stage returns how far it is now.
func (a *Authority) Stage() Stage {
	now := a.state.Load()
	switch {
	case len(now.servers) == 1:
		return Single
	case now.servingAt == 0:
		return Pending
	default:
		return Serving
	}
}

// Rotate makes the next authorities and publishes them. The one of the hub's TLS signs nothing yet; that of the clusters'
// certificates does at once, because the hub alone has to trust it.
func (a *Authority) Rotate(ctx context.Context) error {
	if stage := a.Stage(); stage != Single {
		return wrongStage("the last change of the authority is not over", stage)
	}
	server, err := newIssuer(serverName, a.now())
	if err != nil {
		return err
	}
	clients, err := newIssuer(clientsName, a.now())
	if err != nil {
		return err
	}
	now := a.state.Load().stored
	return a.move(ctx, rotation{Servers: [][]byte{now.Servers[0], server}, Clients: append(slices.Clip(now.Clients), clients)})
}

// Switch lets the next authority sign the hub's TLS.
func (a *Authority) Switch(ctx context.Context) error {
	if stage := a.Stage(); stage != Pending {
		return wrongStage("no next authority waits for its turn", stage)
	}
	next := a.state.Load().stored
	next.Serving = 1
	return a.move(ctx, next)
}

// Retire ends the trust in the old authorities.
func (a *Authority) Retire(ctx context.Context) error {
	if stage := a.Stage(); stage != Serving {
		return wrongStage("no authority has been replaced", stage)
	}
	now := a.state.Load().stored
	return a.move(ctx, rotation{Servers: now.Servers[1:], Clients: now.Clients[len(now.Clients)-1:]})
}

func wrongStage(problem string, stage Stage) error {
	next := map[Stage]string{Single: "rotate", Pending: "switch", Serving: "retire"}[stage]
	return fairlead.Errorf(fairlead.Conflict, "%s; the next step is: fairlead hub ca %s", problem, next)
}

func (a *Authority) move(ctx context.Context, next rotation) error {
	next.Generation = a.Generation() + 1
	read, err := newState(next)
	if err != nil {
		return err
	}
	text, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("write secret %q: %w", rotationSecret, err)
	}
	if err := a.vault.Replace(ctx, rotationSecret, text); err != nil {
		return err
	}
	a.state.Store(read)
	return nil
}
