package caller

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/go-jose/go-jose/v4"
)

// Bounds of a statement. What is larger is refused by both ends: the API server takes a megabyte of headers, which is
// some eighteen thousand groups.
const (
	MaxSize   = 4 << 20 // of a signed statement, in bytes
	MaxGroups = 15000
	MaxGrants = 10000
	MaxName   = 1024 // of a user or group, in bytes
	MaxID     = 64
)

// Leeway is how far the clocks of hub and cluster may be apart after they were corrected for the difference that is known.
const Leeway = 10 * time.Second

// algorithm is that of the hub's token service.
const algorithm = jose.RS256

// Verifier verifies statements that are for one cluster.
type Verifier struct {
	Issuer   func() string // of the hub's tokens; known at the latest when a key is
	Audience string
	Key      func(ctx context.Context, id string) (*rsa.PublicKey, error)
	Now      func() time.Time // the hub's clock
}

// ErrExpired is the error of a statement that was good once.
var ErrExpired = errors.New("the statement has expired")

// ErrEarly is the error of a statement that will be good, or that is looked at with a clock that is slow.
var ErrEarly = errors.New("the statement is from the future")

// Verify returns what the hub states under an id. Everything that it holds may be impersonated and put into headers
// afterwards.
func (v Verifier) Verify(ctx context.Context, id, signed string) (Statement, error) {
	if len(signed) > MaxSize {
		return Statement{}, fmt.Errorf("the statement has more than %d bytes", MaxSize)
	}
	token, err := jose.ParseSignedCompact(signed, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return Statement{}, errors.New("it is not a statement signed with " + string(algorithm))
	}
	header := token.Signatures[0].Protected
	if kind, _ := header.ExtraHeaders[jose.HeaderType].(string); kind != TokenType {
		return Statement{}, errors.New("it is a token of another type")
	}
	key, err := v.Key(ctx, header.KeyID)
	if err != nil {
		return Statement{}, err
	}
	payload, err := token.Verify(key)
	if err != nil {
		return Statement{}, errors.New("its signature does not match")
	}
	var found Statement
	if err := json.Unmarshal(payload, &found); err != nil {
		return Statement{}, errors.New("what was signed is not a statement")
	}
	return found, errors.Join(v.meant(found, id), found.check())
}

// meant checks that a statement is of this hub, for this cluster, under this id and for now.
func (v Verifier) meant(s Statement, id string) error {
	now := v.Now()
	issued, expiry := time.Unix(s.IssuedAt, 0), time.Unix(s.Expiry, 0)
	switch {
	case s.Issuer != v.Issuer():
		return errors.New("its issuer is not the hub of this cluster")
	case s.Audience != v.Audience:
		return errors.New("it is for another cluster")
	case s.ID != id || !ValidID(id):
		return errors.New("it has another id than it was sent under")
	case s.Expiry <= s.IssuedAt || s.Expiry-s.IssuedAt > Life:
		return fmt.Errorf("it is good for longer than %d seconds", Life)
	case issued.After(now.Add(Leeway)):
		return ErrEarly
	case !now.Before(expiry.Add(Leeway)):
		return ErrExpired
	}
	return nil
}

// ValidID reports whether a text may name a statement.
func ValidID(id string) bool {
	return id != "" && len(id) <= MaxID && strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == ""
}

// check refuses what must not be impersonated, whoever states it.
func (s Statement) check() error {
	switch {
	case s.Mode != AAD && s.Mode != Token:
		return fmt.Errorf("there is no mode %.20q", s.Mode)
	case len(s.Groups) > MaxGroups || len(s.Grants) > MaxGrants:
		return fmt.Errorf("it holds more than %d groups or %d grants", MaxGroups, MaxGrants)
	}
	if err := checkName(s.Subject); err != nil {
		return fmt.Errorf("the caller's object id: %w", err)
	}
	if err := checkName(s.User); err != nil {
		return fmt.Errorf("the caller's name: %w", err)
	}
	for _, group := range s.Groups {
		if err := checkName(group); err != nil {
			return fmt.Errorf("a group of the caller: %w", err)
		}
	}
	return nil
}

// reserved are the beginnings of names that mean rights by themselves: to Kubernetes, and to the chart's bindings.
func reserved() []string { return []string{"system:", "fairlead:"} }

// checkName refuses names that a header would change on its way, and those that mean rights by themselves.
func checkName(name string) error {
	switch {
	case name == "":
		return errors.New("it is empty")
	case len(name) > MaxName:
		return fmt.Errorf("it has more than %d bytes", MaxName)
	case strings.TrimSpace(name) != name || strings.ContainsFunc(name, unprintable):
		return errors.New("it holds blanks at its ends or unprintable characters")
	}
	for _, prefix := range reserved() {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			return fmt.Errorf("%.80q begins with %s, which no caller's may", name, prefix)
		}
	}
	return nil
}

func unprintable(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }
