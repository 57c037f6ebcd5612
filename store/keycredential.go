package store

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
)

// KeyCredential is a certificate by whose key a principal signs in. Certificate is DER and public.
type KeyCredential struct {
	ID, PrincipalID, DisplayName   string
	Certificate                    []byte
	NotBefore, NotAfter, CreatedAt time.Time
}

// FederatedCredential lets a principal sign in with tokens of another issuer.
type FederatedCredential struct {
	ID, PrincipalID, Name, Issuer, Subject, Audience string

	CreatedAt time.Time
}

func readKeyCredential(row scanner) (KeyCredential, error) {
	var c KeyCredential
	var notBefore, notAfter, created int64
	err := row.Scan(&c.ID, &c.PrincipalID, &c.DisplayName, &c.Certificate, &notBefore, &notAfter, &created)
	c.NotBefore, c.NotAfter, c.CreatedAt = moment(notBefore), moment(notAfter), moment(created)
	return c, err
}

func readFederatedCredential(row scanner) (FederatedCredential, error) {
	var c FederatedCredential
	var created int64
	err := row.Scan(&c.ID, &c.PrincipalID, &c.Name, &c.Issuer, &c.Subject, &c.Audience, &created)
	c.CreatedAt = moment(created)
	return c, err
}

// AddKeyCredential gives an existing principal one more certificate: NotFound when there is no such
// principal, Conflict when the id is taken.
func (db *DB) AddKeyCredential(ctx context.Context, c KeyCredential) error {
	if _, err := db.GetPrincipal(ctx, c.PrincipalID); err != nil {
		return err
	}
	changed, err := db.exec(ctx, "add certificate", `INSERT INTO key_credentials
		(id, principal_id, display_name, certificate, not_before, not_after, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		c.ID, c.PrincipalID, c.DisplayName, c.Certificate, micros(c.NotBefore), micros(c.NotAfter), micros(defaultTime(c.CreatedAt)))
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "certificate %s exists already", c.ID)
	}
	return err
}

// KeyCredentials returns a principal's certificates, oldest first, whether they have expired or not.
func (db *DB) KeyCredentials(ctx context.Context, principalID string) ([]KeyCredential, error) {
	return many(ctx, db.read, readKeyCredential, `SELECT id, principal_id, display_name, certificate, not_before, not_after, created_at
		FROM key_credentials WHERE principal_id = $1 ORDER BY created_at, id`, principalID)
}

// DeleteKeyCredential removes a certificate, or returns NotFound.
func (db *DB) DeleteKeyCredential(ctx context.Context, id string) error {
	changed, err := db.exec(ctx, "delete certificate", `DELETE FROM key_credentials WHERE id = $1`, id)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.NotFound, "certificate %s does not exist", id)
	}
	return err
}

// AddFederatedCredential lets an existing principal sign in by one more issuer and subject: NotFound when there
// is no such principal, Conflict when the id is taken.
func (db *DB) AddFederatedCredential(ctx context.Context, c FederatedCredential) error {
	if _, err := db.GetPrincipal(ctx, c.PrincipalID); err != nil {
		return err
	}
	changed, err := db.exec(ctx, "add federated credential", `INSERT INTO federated_credentials
		(id, principal_id, name, issuer, subject, audience, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
		c.ID, c.PrincipalID, c.Name, c.Issuer, c.Subject, c.Audience, micros(defaultTime(c.CreatedAt)))
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "federated credential %s exists already", c.ID)
	}
	return err
}

// FederatedCredentials returns a principal's federated credentials, oldest first.
func (db *DB) FederatedCredentials(ctx context.Context, principalID string) ([]FederatedCredential, error) {
	return many(ctx, db.read, readFederatedCredential, `SELECT id, principal_id, name, issuer, subject, audience, created_at
		FROM federated_credentials WHERE principal_id = $1 ORDER BY created_at, id`, principalID)
}

// DeleteFederatedCredential removes a federated credential, or returns NotFound.
func (db *DB) DeleteFederatedCredential(ctx context.Context, id string) error {
	changed, err := db.exec(ctx, "delete federated credential", `DELETE FROM federated_credentials WHERE id = $1`, id)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.NotFound, "federated credential %s does not exist", id)
	}
	return err
}
