package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// PrincipalQuery selects principals; empty fields select all. Names and mail are compared without case.
// After and Limit page through the result: object ids greater than After, at most Limit if that is positive.
type PrincipalQuery struct {
	Kinds, ObjectIDs                                  []string
	AppID, DisplayName, DisplayPrefix, UserName, Mail string
	After                                             string
	Limit                                             int
}

// FindPrincipals returns the principals that q selects, ordered by object id.
func (db *DB) FindPrincipals(ctx context.Context, q PrincipalQuery) ([]Principal, error) {
	where, args := q.conditions(nil)
	return db.page(ctx, `SELECT `+principalColumns+` FROM principals WHERE `+where, args, q.Limit)
}

// CountPrincipals returns how many principals q selects, whatever its Limit.
func (db *DB) CountPrincipals(ctx context.Context, q PrincipalQuery) (int64, error) {
	where, args := q.conditions(nil)
	var count int64
	err := db.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM principals WHERE `+where, args...).Scan(&count)
	if err != nil {
		return 0, fmt.Errorf("count principals: %w", diskFault(err))
	}
	return count, nil
}

// page runs a query on principals, in the order by which all of them are paged.
func (db *DB) page(ctx context.Context, query string, args []any, limit int) ([]Principal, error) {
	query += ` ORDER BY object_id`
	if limit > 0 {
		args = append(args, limit)
		query += ` LIMIT $` + strconv.Itoa(len(args))
	}
	found, err := many(ctx, db.read, readPrincipal, query, args...)
	if err != nil {
		return nil, fmt.Errorf("find principals: %w", err)
	}
	return found, nil
}

// conditions returns the clause for q and the arguments up to its last.
func (q PrincipalQuery) conditions(args []any) (string, []any) {
	args = append(args, q.After)
	where := `object_id > $` + strconv.Itoa(len(args))
	add := func(column string, values ...string) {
		if len(values) == 0 {
			return
		}
		var places []string
		for _, value := range values {
			args = append(args, value)
			places = append(places, "$"+strconv.Itoa(len(args)))
		}
		where += ` AND ` + column + ` IN (` + strings.Join(places, ", ") + `)`
	}
	add(`kind`, q.Kinds...)
	add(`object_id`, q.ObjectIDs...)
	if q.AppID != "" {
		add(`app_id`, q.AppID)
		where += ` AND kind NOT IN ('` + User + `', '` + Group + `')`
	}
	if q.DisplayName != "" { // names older than the column were folded by a database, which knew ASCII only
		add(`display_key`, fold(q.DisplayName), foldASCII(q.DisplayName))
	}
	if q.UserName != "" {
		add(`user_key`, fold(q.UserName))
	}
	if q.Mail != "" {
		add(`mail_key`, fold(q.Mail))
	}
	if q.DisplayPrefix != "" {
		args = append(args, fold(q.DisplayPrefix), fold(q.DisplayPrefix)+"\U0010FFFF") // no text sorts after the last code point
		where += fmt.Sprintf(` AND display_key >= $%d AND display_key < $%d`, len(args)-1, len(args))
	}
	return where, args
}

func foldASCII(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}
