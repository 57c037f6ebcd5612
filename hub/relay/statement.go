package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
	"github.com/fairlead/fairlead/store"
)

const (
	// The renewAfter is how old a statement may be for another request: half of its life.
	renewAfter = caller.Life / 2 * time.Second
	// The bound maxStatements is how many are remembered, each in some kilobytes.
	maxStatements = 10_000
	// The bounds maxGroups and maxGrants are what kube-aad-proxy takes.
	maxGroups, maxGrants = caller.MaxGroups, caller.MaxGrants
)

// speaker is whom statements replace one another for, in one cluster.
type speaker struct {
	principal string
	mode      caller.Mode
}

// subject is what a statement is about.
type subject struct {
	speaker

	cluster string
}

// statement is a signed caller.Statement. Of two about the same subject, the one with the higher order is newer.
type statement struct {
	id, text string
	order    uint64
	made     time.Time
}

// statements remembers the newest statement of each subject.
type statements struct {
	mu    sync.Mutex
	known map[subject]*remembered
	order atomic.Uint64
}

// remembered is the newest statement of a subject, what it says, and the revisions at which that was true.
type remembered struct {
	mu      sync.Mutex
	at      store.Revisions
	content []byte
	newest  *statement
}

func (o *statements) about(of subject, now time.Time) *remembered {
	o.mu.Lock()
	defer o.mu.Unlock()
	if found := o.known[of]; found != nil {
		return found
	}
	if len(o.known) >= maxStatements {
		o.forget(now)
	}
	if o.known == nil || len(o.known) >= maxStatements {
		o.known = map[subject]*remembered{}
	}
	made := &remembered{}
	o.known[of] = made
	return made
}

// forget drops what nobody has asked for in a while.
func (o *statements) forget(now time.Time) {
	for of, known := range o.known {
		if known.mu.TryLock() {
			if known.newest == nil || now.Sub(known.newest.made) > renewAfter {
				delete(o.known, of)
			}
			known.mu.Unlock()
		}
	}
}

// state returns a statement of what is true of a caller in a cluster, at these revisions or later. They were read before: what is
// written meanwhile must not be missed.
func (s *Server) state(ctx context.Context, at store.Revisions, from who, cluster string) (*statement, error) {
	now := s.Now()
	known := s.statements.about(subject{speaker{from.ObjectID, from.mode}, cluster}, now)
	known.mu.Lock()
	defer known.mu.Unlock()
	young := known.newest != nil && now.Sub(known.newest.made) < renewAfter && !now.Before(known.newest.made)
	if young && known.at.Covers(at) {
		return known.newest, nil
	}
	said, err := s.say(ctx, from, cluster)
	if err != nil {
		return nil, err
	}
	content, err := json.Marshal(said)
	if err != nil {
		return nil, fmt.Errorf("state a caller: %w", err)
	}
	if !young || !bytes.Equal(content, known.content) {
		if known.newest, err = s.sign(said, now); err != nil {
			return nil, err
		}
	}
	if !known.at.Covers(at) {
		known.at = at
	}
	known.content = content
	return known.newest, nil
}

// say returns what there is to state, apart from when.
func (s *Server) say(ctx context.Context, from who, cluster string) (caller.Statement, error) {
	said := caller.Statement{
		Issuer: s.Tokens.Issuer(), Audience: cluster, Subject: from.ObjectID, User: from.UserName, Mode: from.mode,
	}
	if said.User == "" {
		said.User = from.ObjectID
	}
	var err error
	if said.Groups, err = s.Store.GroupIDs(ctx, from.ObjectID, 0); err != nil {
		return said, err
	}
	if said.Grants, err = s.grants(ctx, from, cluster); err != nil {
		return said, err
	}
	if len(said.Groups) > maxGroups || len(said.Grants) > maxGrants {
		return said, fairlead.Errorf(fairlead.Forbidden, "you are in %d groups and your roles grant %d things in this cluster: at most %d and %d can be told to it",
			len(said.Groups), len(said.Grants), maxGroups, maxGrants)
	}
	return said, nil
}

// grants returns what the roles of a caller grant in a cluster and in its namespaces.
func (s *Server) grants(ctx context.Context, from who, cluster string) ([]dataaction.Grant, error) {
	held, err := s.Access.DataGrants(ctx, from.ObjectID, cluster)
	if err != nil {
		return nil, err
	}
	var found []dataaction.Grant
	for _, one := range held {
		namespace, below := strings.CutPrefix(one.Scope, cluster+"/namespaces/")
		switch {
		case !below && strings.HasPrefix(one.Scope, cluster+"/"), below && strings.Contains(namespace, "/"):
			continue // on something that is no namespace
		case !below:
			namespace = ""
		}
		found = append(found, dataaction.Grant{Namespace: namespace, DataActions: one.DataActions, NotDataActions: one.NotDataActions})
	}
	return found, nil
}

func (s *Server) sign(said caller.Statement, now time.Time) (*statement, error) {
	said.ID, said.IssuedAt, said.Expiry = rand.Text(), now.Unix(), now.Unix()+caller.Life
	text, err := s.Tokens.SignAs(caller.TokenType, said)
	if err != nil {
		return nil, err
	}
	return &statement{id: said.ID, text: text, order: s.statements.order.Add(1), made: now}, nil
}
