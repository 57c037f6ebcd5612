package store

import (
	"context"
	"database/sql"
	"time"

	"github.com/fairlead/fairlead"
)

// The kinds of principals.
const (
	ServicePrincipal = "ServicePrincipal"
	ManagedIdentity  = "ManagedIdentity"
)

// Principal is someone to whom roles can be given.
type Principal struct {
	ObjectID, AppID, TenantID, Kind, DisplayName string

	CreatedAt time.Time
}

// Credential is what a principal signs in with. Hash is never the secret itself.
type Credential struct {
	ID, PrincipalID     string
	Hash                []byte
	NotAfter, CreatedAt time.Time
}

const principalColumns = `object_id, app_id, tenant_id, kind, display_name, created_at`

func readPrincipal(row scanner) (Principal, error) {
	var p Principal
	var created int64
	err := row.Scan(&p.ObjectID, &p.AppID, &p.TenantID, &p.Kind, &p.DisplayName, &created)
	p.CreatedAt = moment(created)
	return p, err
}

func readCredential(row scanner) (Credential, error) {
	var c Credential
	var notAfter, created int64
	err := row.Scan(&c.ID, &c.PrincipalID, &c.Hash, &notAfter, &created)
	c.NotAfter, c.CreatedAt = moment(notAfter), moment(created)
	return c, err
}

// conflictUnlessChanged turns ON CONFLICT DO NOTHING into a Conflict.
func conflictUnlessChanged(result sql.Result, message string, args ...any) error {
	changed, err := result.RowsAffected()
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, message, args...)
	}
	return err
}

// CreatePrincipal adds a principal; Conflict when its object id or app id is taken.
func (db *DB) CreatePrincipal(ctx context.Context, p Principal) error {
	changed, err := db.exec(ctx, "create principal", `INSERT INTO principals (`+principalColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		p.ObjectID, p.AppID, p.TenantID, p.Kind, p.DisplayName, micros(defaultTime(p.CreatedAt)))
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "principal %s exists already", p.ObjectID)
	}
	return err
}

// GetPrincipal returns the principal with that object id, or NotFound.
func (db *DB) GetPrincipal(ctx context.Context, objectID string) (Principal, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+principalColumns+` FROM principals WHERE object_id = $1`, objectID)
	return one(row, readPrincipal, "principal %s does not exist", objectID)
}

// PrincipalByAppID returns the principal with that application id, or NotFound.
func (db *DB) PrincipalByAppID(ctx context.Context, appID string) (Principal, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+principalColumns+` FROM principals WHERE app_id = $1`, appID)
	return one(row, readPrincipal, "no principal has application id %s", appID)
}

// ListPrincipals returns all principals, oldest first.
func (db *DB) ListPrincipals(ctx context.Context) ([]Principal, error) {
	return many(ctx, db.read, readPrincipal, `SELECT `+principalColumns+` FROM principals ORDER BY created_at, object_id`)
}

// DeletePrincipal removes a principal and its credentials; it is no error when there is none.
func (db *DB) DeletePrincipal(ctx context.Context, objectID string) error {
	_, err := db.exec(ctx, "delete principal", `DELETE FROM principals WHERE object_id = $1`, objectID)
	return err
}

// AddCredential gives an existing principal one more credential: NotFound when there is no such
// principal, Conflict when the id is taken.
func (db *DB) AddCredential(ctx context.Context, credential Credential) error {
	if _, err := db.GetPrincipal(ctx, credential.PrincipalID); err != nil {
		return err
	}
	changed, err := db.exec(ctx, "add credential", `INSERT INTO credentials (id, principal_id, hash, not_after, created_at)
		VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
		credential.ID, credential.PrincipalID, credential.Hash, micros(credential.NotAfter), micros(defaultTime(credential.CreatedAt)))
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "credential %s exists already", credential.ID)
	}
	return err
}

// Credentials returns a principal's credentials, oldest first, whether they have expired or not.
func (db *DB) Credentials(ctx context.Context, principalID string) ([]Credential, error) {
	return many(ctx, db.read, readCredential, `SELECT id, principal_id, hash, not_after, created_at
		FROM credentials WHERE principal_id = $1 ORDER BY created_at, id`, principalID)
}

// DeleteCredential removes a credential, or returns NotFound.
func (db *DB) DeleteCredential(ctx context.Context, id string) error {
	changed, err := db.exec(ctx, "delete credential", `DELETE FROM credentials WHERE id = $1`, id)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.NotFound, "credential %s does not exist", id)
	}
	return err
}
