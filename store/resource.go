package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/fairlead/fairlead"
)

// Resource is one document with the columns by which it is found. Key is the lower-case id;
// Type, Subscription and ResourceGroup are lower case too. Subject is the principal that the
// document is about, if any. ETag and Revision are set by each write, CreatedAt and CreatedBy by
// the first. Parent is not stored: it is a key that must exist for the write to happen. Record, if any, goes into the
// activity log with the write. Sealed, if any, is kept with the resource, apart from its document, for GetSealed; it goes when
// the resource goes, or by Unseal. Wake is the key of what the resource belongs to: its subscribers are told of the write as well.
type Resource struct {
	Key, ID, Type, Subscription, ResourceGroup, Name, Subject, ETag, Parent string

	Body                 json.RawMessage
	CreatedAt, UpdatedAt time.Time
	CreatedBy, UpdatedBy string
	Revision             int64
	Record               *Activity
	Sealed               []byte
	Unseal               bool
	Wake                 string
}

// Query selects resources; empty fields select all. Prefix is the beginning of keys. After and
// Limit page through the result: keys greater than After, at most Limit if that is positive.
type Query struct {
	Type, Subscription, ResourceGroup, Subject, Prefix, After string
	Limit                                                     int
}

const resourceColumns = `key, id, type, subscription, resource_group, name, subject, etag, body,
	created_at, updated_at, created_by, updated_by, revision`

func readResource(row scanner) (Resource, error) {
	var r Resource
	var body string
	var created, updated int64
	err := row.Scan(&r.Key, &r.ID, &r.Type, &r.Subscription, &r.ResourceGroup, &r.Name, &r.Subject, &r.ETag, &body,
		&created, &updated, &r.CreatedBy, &r.UpdatedBy, &r.Revision)
	r.Body, r.CreatedAt, r.UpdatedAt = json.RawMessage(body), moment(created), moment(updated)
	return r, err
}

// GetResource returns the resource with that key, or NotFound.
func (db *DB) GetResource(ctx context.Context, key string) (Resource, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+resourceColumns+` FROM resources WHERE key = $1`, key)
	return one(row, readResource, "%s does not exist", key)
}

// PutResource creates or replaces a resource if the condition holds, and returns it as stored. A
// resource that MustBeAbsent but is not is a Conflict; other broken conditions are
// PreconditionFailed.
func (db *DB) PutResource(ctx context.Context, r Resource, condition Condition) (Resource, error) {
	if err := r.validate(); err != nil {
		return Resource{}, err
	}
	err := db.commit(ctx, "put resource", func(c *change) (err error) {
		r, err = c.put(ctx, r, condition)
		return err
	})
	return r, err
}

// PutResourceWithOperation is PutResource that journals an operation on the resource in the same
// transaction: either both are there afterwards or neither.
func (db *DB) PutResourceWithOperation(ctx context.Context, r Resource, condition Condition, op Operation) (Resource, error) {
	if err := r.validate(); err != nil {
		return Resource{}, err
	}
	err := db.commit(ctx, "put resource with operation", func(c *change) (err error) {
		if r, err = c.put(ctx, r, condition); err != nil {
			return err
		}
		return c.create(ctx, op)
	})
	return r, err
}

func (r Resource) validate() error {
	switch {
	case r.Key == "" || len(r.Key) > maxKey || len(r.ID) > maxKey:
		return fairlead.Errorf(fairlead.Invalid, "a resource needs a key of at most %d bytes", maxKey)
	case len(r.Body) > MaxDocument:
		return fairlead.Errorf(fairlead.TooLarge, "the document is larger than %d bytes", MaxDocument)
	case !json.Valid(r.Body):
		return fairlead.Errorf(fairlead.Invalid, "the document is not JSON")
	default:
		return nil
	}
}

// put decides under the lock of the revision, so that the condition still holds when it writes;
// the etag is compared once more by the database itself.
func (c *change) put(ctx context.Context, r Resource, condition Condition) (Resource, error) {
	revision, err := c.next(ctx)
	if err != nil {
		return Resource{}, err
	}
	stored, err := c.etag(ctx, r.Key)
	if err != nil {
		return Resource{}, err
	}
	if err := condition.check(r.Key, stored); err != nil {
		return Resource{}, err
	}
	if err := c.needParent(ctx, r.Parent); err != nil {
		return Resource{}, err
	}
	r.Revision, r.ETag = revision, strconv.FormatInt(revision, 36)
	r.UpdatedAt = defaultTime(r.UpdatedAt)
	if err := c.record(ctx, r.Record); err != nil {
		return Resource{}, err
	}
	sent := r
	if stored == "" {
		r, err = c.insert(ctx, r)
	} else {
		r, err = c.replace(ctx, r, stored)
	}
	if err != nil {
		return Resource{}, err
	}
	return r, c.alongside(ctx, sent)
}

// alongside does what goes with the write of a resource.
func (c *change) alongside(ctx context.Context, r Resource) error {
	if r.Unseal || len(r.Sealed) > 0 {
		if err := c.seal(ctx, r.Key, r.Sealed); err != nil {
			return err
		}
	}
	if r.Wake != "" {
		if err := c.changedBelow(ctx, r.Wake); err != nil {
			return err
		}
	}
	return c.changed(ctx, r.Key)
}

func (c *change) needParent(ctx context.Context, parent string) error {
	if parent == "" {
		return nil
	}
	etag, err := c.etag(ctx, parent)
	if err == nil && etag == "" {
		return fairlead.Errorf(fairlead.NotFound, "%s does not exist", parent)
	}
	return err
}

func defaultTime(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now()
	}
	return t
}

func (c *change) etag(ctx context.Context, key string) (string, error) {
	var etag string
	err := c.QueryRowContext(ctx, `SELECT etag FROM resources WHERE key = $1`, key).Scan(&etag)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return etag, err
}

func (c *change) insert(ctx context.Context, r Resource) (Resource, error) {
	if r.CreatedAt.IsZero() {
		r.CreatedAt = r.UpdatedAt
	}
	if r.CreatedBy == "" {
		r.CreatedBy = r.UpdatedBy
	}
	row := c.QueryRowContext(ctx, `INSERT INTO resources (`+resourceColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING `+resourceColumns,
		r.Key, r.ID, r.Type, r.Subscription, r.ResourceGroup, r.Name, r.Subject, r.ETag, string(r.Body),
		micros(r.CreatedAt), micros(r.UpdatedAt), r.CreatedBy, r.UpdatedBy, r.Revision)
	return readResource(row)
}

// replace keeps the id's first spelling and who created the resource.
func (c *change) replace(ctx context.Context, r Resource, stored string) (Resource, error) {
	row := c.QueryRowContext(ctx, `UPDATE resources
		SET etag = $1, body = $2, updated_at = $3, updated_by = $4, revision = $5, subject = $6
		WHERE key = $7 AND etag = $8 RETURNING `+resourceColumns,
		r.ETag, string(r.Body), micros(r.UpdatedAt), r.UpdatedBy, r.Revision, r.Subject, r.Key, stored)
	replaced, err := readResource(row)
	if errors.Is(err, sql.ErrNoRows) {
		return Resource{}, MatchETag(stored).check(r.Key, "")
	}
	return replaced, err
}

// DeleteResource removes a resource if the condition holds: NotFound when there is none, Conflict
// when NothingBelow was demanded and resources exist whose keys continue this one.
func (db *DB) DeleteResource(ctx context.Context, key string, condition Condition) error {
	return db.commit(ctx, "delete resource", func(c *change) error { return c.remove(ctx, key, condition) })
}

func (c *change) remove(ctx context.Context, key string, condition Condition) error {
	if _, err := c.next(ctx); err != nil {
		return err
	}
	stored, err := c.etag(ctx, key)
	switch {
	case err != nil:
		return err
	case stored == "":
		return fairlead.Errorf(fairlead.NotFound, "%s does not exist", key)
	}
	if err := condition.check(key, stored); err != nil {
		return err
	}
	if condition == NothingBelow {
		if err := c.refuseBelow(ctx, key); err != nil {
			return err
		}
	}
	if _, err := c.ExecContext(ctx, `DELETE FROM resources WHERE key = $1 AND etag = $2`, key, stored); err != nil {
		return err
	}
	if err := c.seal(ctx, key, nil); err != nil {
		return err
	}
	return c.changed(ctx, key)
}

func (c *change) refuseBelow(ctx context.Context, key string) error {
	var below int
	err := c.QueryRowContext(ctx, `SELECT COUNT(*) FROM resources WHERE key >= $1 AND key < $2`,
		key+"/", prefixEnd(key+"/")).Scan(&below)
	if err == nil && below > 0 {
		return fairlead.Errorf(fairlead.Conflict, "%s still has resources below it", key)
	}
	return err
}

// ListResources returns the resources that q selects, ordered by key.
func (db *DB) ListResources(ctx context.Context, q Query) ([]Resource, error) {
	statement, args := q.statement()
	found, err := many(ctx, db.read, readResource, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("list resources: %w", err)
	}
	return found, nil
}

func (q Query) statement() (string, []any) {
	// One lower bound alone: of two, SQLite would seek to the first and look at all that is between them.
	text, args := `SELECT `+resourceColumns+` FROM resources WHERE key > $1`, []any{q.After}
	if q.Prefix > q.After {
		text, args = `SELECT `+resourceColumns+` FROM resources WHERE key >= $1`, []any{q.Prefix}
	}
	add := func(clause, value string) {
		if value != "" {
			args = append(args, value)
			text += clause + strconv.Itoa(len(args))
		}
	}
	add(` AND type = $`, q.Type)
	add(` AND subscription = $`, q.Subscription)
	add(` AND resource_group = $`, q.ResourceGroup)
	add(` AND subject <> '' AND subject = $`, q.Subject) // the first half is the index's condition, without which it is not used
	add(` AND key < $`, prefixEnd(q.Prefix))
	text += ` ORDER BY key`
	if q.Limit > 0 {
		args = append(args, q.Limit)
		text += ` LIMIT $` + strconv.Itoa(len(args))
	}
	return text, args
}

// prefixEnd returns the smallest string after all that begin with prefix; keys are ASCII.
func prefixEnd(prefix string) string {
	if prefix == "" {
		return ""
	}
	last := len(prefix) - 1
	return prefix[:last] + string(rune(prefix[last])+1)
}
