package store

import (
	"context"
	"fmt"

	"github.com/fairlead/fairlead"
)

// Secret is a named value that its owner has sealed: the store cannot read it.
type Secret struct {
	Name  string
	Value []byte
}

func readSecret(row scanner) (Secret, error) {
	var s Secret
	err := row.Scan(&s.Name, &s.Value)
	return s, err
}

// PutSecret stores a new secret; Conflict when the name is taken, so that of several hubs that
// make the same secret at first start one wins and the others read.
func (db *DB) PutSecret(ctx context.Context, name string, value []byte) error {
	if err := boundSecret(name, value); err != nil {
		return err
	}
	changed, err := db.exec(ctx, "put secret",
		`INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, value)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "secret %s exists already", name)
	}
	return err
}

// ReplaceSecret stores a secret whether or not the name is taken.
func (db *DB) ReplaceSecret(ctx context.Context, name string, value []byte) error {
	if err := boundSecret(name, value); err != nil {
		return err
	}
	_, err := db.exec(ctx, "replace secret", `INSERT INTO secrets (name, value) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
	return err
}

func boundSecret(name string, value []byte) error {
	if name == "" || len(name) > maxKey || len(value) == 0 || len(value) > MaxDocument {
		return fairlead.Errorf(fairlead.Invalid, "a secret needs a name and a value of at most %d bytes", MaxDocument)
	}
	return nil
}

// GetSecret returns a secret's value, or NotFound.
func (db *DB) GetSecret(ctx context.Context, name string) ([]byte, error) {
	row := db.read.QueryRowContext(ctx, `SELECT name, value FROM secrets WHERE name = $1`, name)
	secret, err := one(row, readSecret, "secret %s does not exist", name)
	return secret.Value, err
}

// ListSecrets returns the secrets whose names begin with prefix, ordered by name.
func (db *DB) ListSecrets(ctx context.Context, prefix string) ([]Secret, error) {
	end := prefixEnd(prefix)
	found, err := many(ctx, db.read, readSecret,
		`SELECT name, value FROM secrets WHERE name >= $1 AND ($2 = '' OR name < $2) ORDER BY name`, prefix, end)
	if err != nil {
		return nil, fmt.Errorf("list secrets: %w", err)
	}
	return found, nil
}

// DeleteSecret removes a secret; it is no error when there is none.
func (db *DB) DeleteSecret(ctx context.Context, name string) error {
	_, err := db.exec(ctx, "delete secret", `DELETE FROM secrets WHERE name = $1`, name)
	return err
}
