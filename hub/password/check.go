package password

import (
	"context"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

// Store is what this package needs of the store; store.DB is one.
type Store interface {
	UserByName(ctx context.Context, userName string) (store.Principal, error)
	Credentials(ctx context.Context, principalID string) ([]store.Credential, error)
	ChangePrincipal(ctx context.Context, objectID string, edit func(*store.Principal) error, hash []byte, now time.Time) (store.Principal, error)
}

// Codes of the refusals of SignIn, for whoever words them for a client.
const (
	CodeWrong    = "InvalidUserNameOrPassword" // Entra's 50126
	CodeDisabled = "UserDisabled"              // Entra's 50057
	CodeExpired  = "PasswordMustChange"        // Entra's 50055
)

// Keeper checks the passwords of the users in a store. Whoever asks limits how often one may guess.
type Keeper struct {
	Store  Store
	Hasher *Hasher
}

// SignIn returns the user whose name and password these are. Unknown names, users without a password and wrong passwords
// are one refusal, Unauthenticated with CodeWrong, after the same time. Whoever has the right password is told of a
// disabled user with CodeDisabled, and of a password that must be changed first with CodeExpired; the user is
// returned along with the latter.
func (k *Keeper) SignIn(ctx context.Context, userName string, typed Password) (store.Principal, error) {
	user, err := k.Store.UserByName(ctx, userName)
	unknown := fairlead.KindOf(err) == fairlead.NotFound
	if err != nil && !unknown {
		return store.Principal{}, err
	}
	var hash []byte
	if !unknown {
		if hash, err = k.hash(ctx, user.ObjectID); err != nil {
			return store.Principal{}, err
		}
	}
	right, err := k.Hasher.Matches(ctx, typed, hash)
	switch {
	case err != nil:
		return store.Principal{}, err
	case !right || unknown:
		return store.Principal{}, refused(CodeWrong, "Error validating credentials due to invalid username or password.")
	case user.Disabled:
		return store.Principal{}, refused(CodeDisabled, "The user account is disabled.")
	case user.MustChangePassword:
		return user, refused(CodeExpired, "The password is expired: it was given by an administrator and must be changed.")
	}
	return user, nil
}

func (k *Keeper) hash(ctx context.Context, userID string) ([]byte, error) {
	held, err := k.Store.Credentials(ctx, userID)
	if err != nil || len(held) == 0 {
		return nil, err
	}
	return held[0].Hash, nil
}

func refused(code, why string) error {
	return fairlead.Errorf(fairlead.Unauthenticated, "%s", why).WithCode(code)
}

// Change replaces the password of a user who knows the one that there is, also one that must be changed. It refuses
// as SignIn and Password.Check do.
func (k *Keeper) Change(ctx context.Context, userName string, typed, wanted Password, now time.Time) (store.Principal, error) {
	user, err := k.SignIn(ctx, userName, typed)
	if err != nil && fairlead.CodeOf(err) != CodeExpired {
		return store.Principal{}, err
	}
	if err := wanted.Check(user.UserName); err != nil {
		return store.Principal{}, err
	}
	if typed == wanted {
		return store.Principal{}, weak("it must be another than before")
	}
	hash, err := k.Hasher.Hash(ctx, wanted)
	if err != nil {
		return store.Principal{}, err
	}
	return k.Store.ChangePrincipal(ctx, user.ObjectID, func(p *store.Principal) error {
		p.MustChangePassword = false
		return nil
	}, hash, now)
}
