package store

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

// The kinds of principals.
const (
	ServicePrincipal = "ServicePrincipal"
	ManagedIdentity  = "ManagedIdentity"
	User             = "User"
	Group            = "Group"
)

// Principal is someone to whom roles can be given. AppID is what a service principal or the identity
// of a cluster signs in with; users and groups have none. Users have a UserName, unique without
// regard to case, and may have an identity at another issuer, Issuer and Subject, unique together.
type Principal struct {
	ObjectID, AppID, TenantID, Kind, DisplayName string

	UserName, Mail, MailNickname, Description string
	Issuer, Subject                           string
	// Disabled principals sign in no more, and have no access.
	Disabled bool
	// MustChangePassword says that the password was given by somebody else, for one sign-in.
	MustChangePassword bool

	CreatedAt time.Time
}

// Credential is what a principal signs in with. Hash is never the secret itself.
type Credential struct {
	ID, PrincipalID     string
	Hash                []byte
	NotAfter, CreatedAt time.Time
}

const principalColumns = `object_id, app_id, tenant_id, kind, display_name, user_name, mail, mail_nickname,
	description, issuer, subject, disabled, must_change_password, created_at`

func readPrincipal(row scanner) (Principal, error) {
	var p Principal
	var disabled, mustChange, created int64
	err := row.Scan(&p.ObjectID, &p.AppID, &p.TenantID, &p.Kind, &p.DisplayName, &p.UserName, &p.Mail, &p.MailNickname,
		&p.Description, &p.Issuer, &p.Subject, &disabled, &mustChange, &created)
	if p.withoutApp() {
		p.AppID = ""
	}
	p.Disabled, p.MustChangePassword, p.CreatedAt = disabled != 0, mustChange != 0, moment(created)
	return p, err
}

func (p Principal) withoutApp() bool { return p.Kind == User || p.Kind == Group }

// row returns the values of all columns. The column of application ids is unique and has no place for "none":
// those without one hold their object id there, which no query by application id finds.
func (p Principal) row() []any {
	app := p.AppID
	if p.withoutApp() {
		app = p.ObjectID
	}
	return []any{
		p.ObjectID, app, p.TenantID, p.Kind, p.DisplayName, p.UserName, p.Mail, p.MailNickname,
		p.Description, p.Issuer, p.Subject, flag(p.Disabled), flag(p.MustChangePassword), micros(defaultTime(p.CreatedAt)),
		fold(p.DisplayName), fold(p.UserName), fold(p.Mail),
	}
}

// fold returns what is compared when case does not matter. It is done here because the databases disagree
// about letters beyond ASCII.
func fold(text string) string { return strings.ToLower(text) }

func flag(set bool) int64 { //nolint:revive // it converts
	if set {
		return 1
	}
	return 0
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

// CreatePrincipal adds a principal; Conflict when its object id, application id, user name or identity
// at another issuer is taken.
func (db *DB) CreatePrincipal(ctx context.Context, p Principal) error {
	return db.changeDirectory(ctx, "create principal", func(c *change) error { return c.addPrincipal(ctx, p) })
}

func (c *change) addPrincipal(ctx context.Context, p Principal) error {
	result, err := c.ExecContext(ctx, `INSERT INTO principals (`+principalColumns+`, display_key, user_key, mail_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) ON CONFLICT DO NOTHING`, p.row()...)
	if err != nil {
		return err
	}
	return conflictUnlessChanged(result, "principal %s, or another of its names, exists already", first(p.UserName, p.ObjectID))
}

func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// GetPrincipal returns the principal with that object id, or NotFound.
func (db *DB) GetPrincipal(ctx context.Context, objectID string) (Principal, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+principalColumns+` FROM principals WHERE object_id = $1`, objectID)
	return one(row, readPrincipal, "principal %s does not exist", objectID)
}

// PrincipalByAppID returns the principal with that application id, or NotFound.
func (db *DB) PrincipalByAppID(ctx context.Context, appID string) (Principal, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+principalColumns+` FROM principals
		WHERE app_id = $1 AND kind NOT IN ('`+User+`', '`+Group+`')`, appID)
	return one(row, readPrincipal, "no principal has application id %s", appID)
}

// ListPrincipals returns all principals of all kinds, oldest first.
func (db *DB) ListPrincipals(ctx context.Context) ([]Principal, error) {
	return many(ctx, db.read, readPrincipal, `SELECT `+principalColumns+` FROM principals ORDER BY created_at, object_id`)
}

// DeletePrincipal removes a principal with its credentials and memberships; it is no error when there is none.
func (db *DB) DeletePrincipal(ctx context.Context, objectID string) error {
	return db.changeDirectory(ctx, "delete principal", func(c *change) error {
		_, err := c.ExecContext(ctx, `DELETE FROM principals WHERE object_id = $1`, objectID)
		return err
	})
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
