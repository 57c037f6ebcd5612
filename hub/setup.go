package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/store"
)

const (
	tenancySecret = "hub/tenancy"
	// It is there once an administrator's credential has been handed over.
	doneSecret = "hub/first-start-done"

	// The well-known application whose object id clients look up to let it
	// into connected clusters.
	customLocationsApp = "bc313c14-388c-4e7d-a58e-70017303ee3b"
)

// tenancy is who a hub is: its tenant, and the first of what is in it. All of it is made at once, so that there is never half of it.
type tenancy struct {
	TenantID         string `json:"tenantId"`
	SubscriptionID   string `json:"subscriptionId"`
	AdministratorID  string `json:"administratorId"`
	AdministratorApp string `json:"administratorApp"`
	CustomLocations  string `json:"customLocations"`
}

func newTenancy() ([]byte, error) {
	text, err := json.Marshal(tenancy{
		TenantID: uuid.NewString(), SubscriptionID: uuid.NewString(),
		AdministratorID: uuid.NewString(), AdministratorApp: uuid.NewString(), CustomLocations: uuid.NewString(),
	})
	if err != nil {
		return nil, fmt.Errorf("write the hub's tenancy: %w", err)
	}
	return text, nil
}

// openVault reads the master key of a data folder, or makes one for a folder without a database:
// next to a database, a new key would only hide that the right one is missing.
func openVault(ctx context.Context, folder string) (*authority.Vault, *store.DB, error) {
	keyFile, database := filepath.Join(folder, "master.key"), filepath.Join(folder, "hub.db")
	if exists(database) && !exists(keyFile) {
		return nil, nil, fmt.Errorf("%s is missing, without which the secrets in %s cannot be read: restore it from a backup", keyFile, database)
	}
	key, err := authority.LoadMasterKey(keyFile)
	if err != nil {
		return nil, nil, err
	}
	box, err := authority.NewBox(key)
	if err != nil {
		return nil, nil, err
	}
	db, err := store.Open(ctx, "sqlite:"+database)
	if err != nil {
		return nil, nil, fmt.Errorf("open database %s: %w", database, err)
	}
	return &authority.Vault{Box: box, Store: db}, db, nil
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return !errors.Is(err, fs.ErrNotExist)
}

// setup is the first start. Every step may be done again, so that a hub that was killed in the
// middle of it goes on with its next start.
type setup struct {
	vault    *authority.Vault
	db       *store.DB
	checker  *access.Checker
	location string
	now      func() time.Time
}

func newSetup(vault *authority.Vault, db *store.DB, location string, now func() time.Time) *setup {
	return &setup{vault: vault, db: db, checker: &access.Checker{Store: db}, location: location, now: now}
}

// tenancy returns who the hub is, and makes it when it is nobody yet.
func (s *setup) tenancy(ctx context.Context) (tenancy, error) {
	text, err := s.vault.GetOrCreate(ctx, tenancySecret, newTenancy)
	if err != nil {
		return tenancy{}, err
	}
	var known tenancy
	if err := json.Unmarshal(text, &known); err != nil {
		return tenancy{}, fmt.Errorf("read the hub's tenancy: %w", err)
	}
	return known, nil
}

// run does what a first start has to do. It returns the administrator's new secret, or none when the first
// start is over: when somebody has been handed such a secret.
func (s *setup) run(ctx context.Context, known tenancy) (token.Secret, error) {
	_, err := s.db.GetSecret(ctx, doneSecret)
	if fairlead.KindOf(err) != fairlead.NotFound {
		return "", err
	}
	for _, step := range []func(context.Context, tenancy) error{s.subscription, s.group, s.principals} {
		if err := step(ctx, known); err != nil {
			return "", fmt.Errorf("first start: %w", err)
		}
	}
	secret, err := s.administrator(ctx, known)
	if err != nil {
		return "", fmt.Errorf("first start: %w", err)
	}
	return secret, nil
}

// finish notes that the administrator's secret was handed over.
func (s *setup) finish(ctx context.Context) error {
	if err := s.db.ReplaceSecret(ctx, doneSecret, []byte(s.now().UTC().Format(time.RFC3339))); err != nil {
		return fmt.Errorf("note that the first start is over: %w", err)
	}
	return nil
}

func (s *setup) subscription(ctx context.Context, known tenancy) error {
	id := fairlead.ResourceID{Subscription: known.SubscriptionID}
	return s.put(ctx, id, map[string]any{"subscriptionId": known.SubscriptionID, "displayName": "Fairlead", "state": "Enabled"})
}

func (s *setup) group(ctx context.Context, known tenancy) error {
	id := fairlead.ResourceID{Subscription: known.SubscriptionID, ResourceGroup: "default"}
	return s.put(ctx, id, map[string]any{"location": s.location, "properties": map[string]any{"provisioningState": "Succeeded"}})
}

// put stores a resource unless it is there already.
func (s *setup) put(ctx context.Context, id fairlead.ResourceID, document map[string]any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("write %s: %w", id, err)
	}
	_, err = s.db.PutResource(ctx, newResource(id, body), store.MustBeAbsent)
	if kind := fairlead.KindOf(err); err != nil && kind != fairlead.PreconditionFailed && kind != fairlead.Conflict {
		return fmt.Errorf("put %s: %w", id, err)
	}
	return nil
}

func (s *setup) principals(ctx context.Context, known tenancy) error {
	for _, principal := range []store.Principal{
		{ObjectID: known.AdministratorID, AppID: known.AdministratorApp, DisplayName: "administrator"},
		{ObjectID: known.CustomLocations, AppID: customLocationsApp, DisplayName: "Custom Locations RP"},
	} {
		principal.TenantID, principal.Kind, principal.CreatedAt = known.TenantID, store.ServicePrincipal, s.now()
		if err := s.db.CreatePrincipal(ctx, principal); err != nil && fairlead.KindOf(err) != fairlead.Conflict {
			return fmt.Errorf("create principal %s: %w", principal.DisplayName, err)
		}
	}
	if err := s.checker.Assign(ctx, known.AdministratorID, access.Owner, "/"); err != nil {
		return fmt.Errorf("make the administrator an owner: %w", err)
	}
	return nil
}

// administrator gives the administrator a secret in place of those that an interrupted start may have
// made and shown to nobody.
func (s *setup) administrator(ctx context.Context, known tenancy) (token.Secret, error) {
	orphans, err := s.db.Credentials(ctx, known.AdministratorID)
	if err != nil {
		return "", fmt.Errorf("read the administrator's secrets: %w", err)
	}
	secret := token.NewSecret()
	credential := store.Credential{ID: uuid.NewString(), PrincipalID: known.AdministratorID, Hash: secret.Hash(), CreatedAt: s.now()}
	if err := s.db.AddCredential(ctx, credential); err != nil {
		return "", fmt.Errorf("add the administrator's secret: %w", err)
	}
	for _, orphan := range orphans {
		if err := s.db.DeleteCredential(ctx, orphan.ID); err != nil {
			return "", fmt.Errorf("remove a secret of an interrupted start: %w", err)
		}
	}
	return secret, nil
}

func newResource(id fairlead.ResourceID, body []byte) store.Resource {
	return store.Resource{
		Key: id.Key(), ID: id.String(), Type: strings.ToLower(id.Type()), Name: id.Name(),
		Subscription: strings.ToLower(id.Subscription), ResourceGroup: strings.ToLower(id.ResourceGroup), Body: body,
	}
}
