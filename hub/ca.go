package hub

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/backup"
	"github.com/fairlead/fairlead/hub/presence"
	"github.com/fairlead/fairlead/store"
)

// maxWaiting bounds how many clusters a message names.
const maxWaiting = 10

// AuthorityStatus is how far one authority of the hub's TLS has followed another.
type AuthorityStatus struct {
	Stage       authority.Stage
	Authorities []authority.Described
	// Waiting are the connected clusters whose agents do not trust all of them yet, as far as they run.
	Waiting []string
}

// Next is what to do next, for people.
func (s AuthorityStatus) Next() string {
	return map[authority.Stage]string{
		authority.Single:  "fairlead hub ca rotate, before the authority ends",
		authority.Pending: "give people and nodes the new ca.crt, then: fairlead hub ca switch",
		authority.Serving: "fairlead hub ca retire, then fairlead hub backup",
	}[s.Stage]
}

// AuthorityStep is a step from one authority to the next.
type AuthorityStep func(ctx context.Context, ca *authority.Authority, waiting []string) error

// RotateAuthority publishes the next authority.
func RotateAuthority(ctx context.Context, ca *authority.Authority, _ []string) error {
	return ca.Rotate(ctx)
}

// SwitchAuthority lets the next authority sign, once all clusters trust it.
func SwitchAuthority(ctx context.Context, ca *authority.Authority, waiting []string) error {
	if len(waiting) > 0 && ca.Stage() == authority.Pending {
		return untrusted(waiting)
	}
	return ca.Switch(ctx)
}

// SwitchAuthorityNow does not wait for clusters. Those that lag behind have to be connected again.
func SwitchAuthorityNow(ctx context.Context, ca *authority.Authority, _ []string) error {
	return ca.Switch(ctx)
}

// RetireAuthority ends the trust in the old one.
func RetireAuthority(ctx context.Context, ca *authority.Authority, _ []string) error {
	return ca.Retire(ctx)
}

func untrusted(waiting []string) error {
	named := strings.Join(waiting[:min(len(waiting), maxWaiting)], "\n  ")
	return fairlead.Errorf(fairlead.Conflict, "%d connected clusters do not trust the next authority yet and could not reach the hub any more. Agents take it within ten minutes; "+
		"those that are off take it when they come back. Wait, or go on without them with --force, and connect them again afterwards:\n  %s", len(waiting), named)
}

// ChangeAuthority does one step on the authorities of a data folder; a hub that runs there follows within seconds. A nil
// step changes nothing.
func ChangeAuthority(ctx context.Context, data string, step AuthorityStep) (AuthorityStatus, error) {
	database := filepath.Join(data, backup.Database)
	if !exists(database) {
		return AuthorityStatus{}, fairlead.Errorf(fairlead.NotFound, "there is no hub in %s: name its data folder with --data", data)
	}
	if err := store.Current(ctx, database); err != nil {
		return AuthorityStatus{}, err
	}
	vault, db, err := openVault(ctx, data)
	if err != nil {
		return AuthorityStatus{}, err
	}
	status, err := changeAuthority(ctx, vault, db, step)
	return status, errors.Join(err, db.Close())
}

func changeAuthority(ctx context.Context, vault *authority.Vault, db *store.DB, step AuthorityStep) (AuthorityStatus, error) {
	ca, err := authority.Open(ctx, vault, time.Now)
	if err != nil {
		return AuthorityStatus{}, err
	}
	waiting, err := waitingClusters(ctx, db, ca.Generation())
	if err != nil {
		return AuthorityStatus{}, err
	}
	if step != nil {
		if err := step(ctx, ca, waiting); err != nil {
			return AuthorityStatus{}, err
		}
		waiting, err = waitingClusters(ctx, db, ca.Generation())
	}
	return AuthorityStatus{Stage: ca.Stage(), Authorities: ca.Describe(), Waiting: waiting}, err
}

// waitingClusters lists the clusters that have ever reported and do not follow this generation.
func waitingClusters(ctx context.Context, db *store.DB, generation int64) ([]string, error) {
	saved, err := db.LoadPresence(ctx)
	if err != nil {
		return nil, fmt.Errorf("read which authorities clusters trust: %w", err)
	}
	var waiting []string
	for _, one := range saved {
		if !strings.HasPrefix(one.ClusterKey, "/subscriptions/") || one.LastSeen.IsZero() || presence.TrustGeneration(one) >= generation {
			continue
		}
		waiting = append(waiting, one.ClusterKey)
	}
	slices.Sort(waiting)
	return waiting, nil
}
