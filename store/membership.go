package store

import (
	"context"
	"fmt"
	"time"

	"github.com/fairlead/fairlead"
)

// Relation is one of the ways in which groups and members are related.
type Relation string

// The relations. The transitive ones follow groups in groups to any depth and visit each once, so that groups
// which contain each other do no harm.
const (
	Members            Relation = "members"
	TransitiveMembers  Relation = "transitive members"
	MemberOf           Relation = "member of"
	TransitiveMemberOf Relation = "transitive member of"
)

// above is the set of groups that $1 is in, below that of what is in $1. UNION keeps every id once: the work
// is bounded by the number of memberships however they are nested, and a circle ends.
const (
	above = `WITH RECURSIVE related (id) AS (
		SELECT group_id FROM memberships WHERE member_id = $1
		UNION SELECT m.group_id FROM related r JOIN memberships m ON m.member_id = r.id)`
	below = `WITH RECURSIVE related (id) AS (
		SELECT member_id FROM memberships WHERE group_id = $1
		UNION SELECT m.member_id FROM related r JOIN memberships m ON m.group_id = r.id)`
)

func (r Relation) related() string {
	switch r {
	case Members:
		return `WITH related (id) AS (SELECT member_id FROM memberships WHERE group_id = $1)`
	case MemberOf:
		return `WITH related (id) AS (SELECT group_id FROM memberships WHERE member_id = $1)`
	case TransitiveMembers:
		return below
	default:
		return above
	}
}

// AddMembers puts principals into a group: NotFound when the group or one of them does not exist, Conflict when
// one is a member already; then none is added.
func (db *DB) AddMembers(ctx context.Context, groupID string, memberIDs []string, now time.Time) error {
	return db.changeDirectory(ctx, "add members", func(c *change) error {
		group, err := c.principal(ctx, groupID)
		if err != nil {
			return err
		}
		if group.Kind != Group {
			return fairlead.Errorf(fairlead.NotFound, "%s is not a group", groupID)
		}
		for _, id := range memberIDs {
			if err := c.addMember(ctx, groupID, id, now); err != nil {
				return err
			}
		}
		return nil
	})
}

func (c *change) addMember(ctx context.Context, groupID, memberID string, now time.Time) error {
	if _, err := c.principal(ctx, memberID); err != nil {
		return err
	}
	result, err := c.ExecContext(ctx, `INSERT INTO memberships (group_id, member_id, added_at)
		VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, groupID, memberID, micros(defaultTime(now)))
	if err != nil {
		return err
	}
	return conflictUnlessChanged(result, "%s is a member of %s already", memberID, groupID)
}

// RemoveMember takes a principal out of a group, or returns NotFound when it is not in it.
func (db *DB) RemoveMember(ctx context.Context, groupID, memberID string) error {
	return db.changeDirectory(ctx, "remove member", func(c *change) error {
		result, err := c.ExecContext(ctx, `DELETE FROM memberships WHERE group_id = $1 AND member_id = $2`, groupID, memberID)
		if err != nil {
			return err
		}
		changed, err := result.RowsAffected()
		if err == nil && changed == 0 {
			return fairlead.Errorf(fairlead.NotFound, "%s is not a member of %s", memberID, groupID)
		}
		return err
	})
}

// Related returns those of the principals related to objectID that q selects, ordered by object id.
func (db *DB) Related(ctx context.Context, relation Relation, objectID string, q PrincipalQuery) ([]Principal, error) {
	where, args := q.conditions([]any{objectID})
	return db.page(ctx, relation.related()+` SELECT `+principalColumns+` FROM principals
		WHERE object_id IN (SELECT id FROM related) AND `+where, args, q.Limit)
}

// CountRelated returns how many of the principals related to objectID q selects, whatever its Limit.
func (db *DB) CountRelated(ctx context.Context, relation Relation, objectID string, q PrincipalQuery) (int64, error) {
	where, args := q.conditions([]any{objectID})
	var count int64
	err := db.read.QueryRowContext(ctx, relation.related()+` SELECT COUNT(*) FROM principals
		WHERE object_id IN (SELECT id FROM related) AND `+where, args...).Scan(&count)
	if err != nil {
		return 0, fmt.Errorf("count principals: %w", diskFault(err))
	}
	return count, nil
}

// GroupIDs returns the object ids of the groups that a principal is in, directly or through other groups,
// ordered; at most limit of them if that is positive.
func (db *DB) GroupIDs(ctx context.Context, objectID string, limit int) ([]string, error) {
	query, args := above+` SELECT id FROM related ORDER BY id`, []any{objectID}
	if limit > 0 {
		query, args = query+` LIMIT $2`, append(args, limit)
	}
	found, err := many(ctx, db.read, readText, query, args...)
	if err != nil {
		return nil, fmt.Errorf("find groups: %w", err)
	}
	return found, nil
}

func readText(row scanner) (string, error) {
	var text string
	err := row.Scan(&text)
	return text, err
}

// ResourcesAbout returns the resources of a type whose subject is the principal or a group that it is in,
// directly or through other groups: its own first.
func (db *DB) ResourcesAbout(ctx context.Context, kind, objectID string) ([]Resource, error) {
	if objectID == "" {
		return nil, nil
	}
	found, err := many(ctx, db.read, readResource, above+`, subjects (about, distance) AS (
		SELECT CAST($1 AS TEXT), 0 UNION ALL SELECT id, 1 FROM related WHERE id <> $1)
		SELECT `+resourceColumns+` FROM subjects JOIN resources ON resources.subject = about
		WHERE resources.type = $2 ORDER BY distance, key`, objectID, kind)
	if err != nil {
		return nil, fmt.Errorf("find resources about %s: %w", objectID, err)
	}
	return found, nil
}
