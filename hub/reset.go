package hub

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead"
)

// ResetAdministrator gives the first administrator of a data folder a new secret, in place of all
// that it had. A hub may be running on the folder.
func ResetAdministrator(ctx context.Context, config Config) (Administrator, error) {
	if database := filepath.Join(config.Data, "hub.db"); !exists(database) {
		return Administrator{}, fairlead.Errorf(fairlead.NotFound, "there is no hub in %s: name its data folder with --data", config.Data)
	}
	vault, db, err := openVault(ctx, config.Data)
	if err != nil {
		return Administrator{}, err
	}
	made, err := newSetup(vault, db, config.Locations[0], time.Now).reset(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		return Administrator{}, fmt.Errorf("reset the administrator: %w", err)
	}
	return made, nil
}

func (s *setup) reset(ctx context.Context) (Administrator, error) {
	known, err := s.tenancy(ctx)
	if err != nil {
		return Administrator{}, err
	}
	if err := s.principals(ctx, known); err != nil {
		return Administrator{}, err
	}
	secret, err := s.administrator(ctx, known)
	return Administrator{AppID: known.AdministratorApp, Secret: secret, TenantID: known.TenantID}, err
}
