package graph

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/token"
	"github.com/fairlead/fairlead/store"
)

const (
	// How long a secret is good for unless its maker says otherwise.
	passwordLife = 365 * 24 * time.Hour
	// Bounds what sign-in has to compare with.
	maxPasswords = 20
)

// credential is a secret as Graph shows it. Text is there once: in the answer that makes it.
type credential struct {
	KeyID string    `json:"keyId"`
	Start time.Time `json:"startDateTime"`
	End   time.Time `json:"endDateTime"`
	Text  string    `json:"secretText,omitempty"`
}

func shownCredential(held store.Credential) credential {
	return credential{KeyID: held.ID, Start: held.CreatedAt.UTC(), End: held.NotAfter.UTC()}
}

func (a *API) addPassword(w http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), assignAction, stored.ObjectID); err != nil {
		return 0, nil, err
	}
	end, err := a.passwordEnd(w, r)
	if err != nil {
		return 0, nil, err
	}
	held, err := a.Store.Credentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	if len(held) >= maxPasswords {
		return 0, nil, invalid("a service principal has at most %d secrets: remove one first", maxPasswords)
	}
	return a.makePassword(r, stored, end)
}

func (a *API) makePassword(r *http.Request, owner store.Principal, end time.Time) (int, any, error) {
	secret := token.NewSecret()
	made := store.Credential{ID: uuid.NewString(), PrincipalID: owner.ObjectID, Hash: secret.Hash(), NotAfter: end, CreatedAt: a.Now()}
	if err := a.Store.AddCredential(r.Context(), made); err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "secret added to service principal", slog.String("object_id", owner.ObjectID), slog.String("key_id", made.ID))
	answer := shownCredential(made)
	answer.Text = string(secret)
	return http.StatusOK, answer, nil
}

// passwordEnd reads when the new secret is to end.
func (a *API) passwordEnd(w http.ResponseWriter, r *http.Request) (time.Time, error) {
	var wanted struct {
		Credential struct {
			End *time.Time `json:"endDateTime"`
		} `json:"passwordCredential"`
	}
	if r.ContentLength != 0 {
		if err := reply.Decode(w, r, maxBody, &wanted); err != nil {
			return time.Time{}, err
		}
	}
	end := wanted.Credential.End
	if end == nil {
		return a.Now().Add(passwordLife), nil
	}
	if !end.After(a.Now()) {
		return time.Time{}, invalid("endDateTime is in the past")
	}
	return *end, nil
}

func (a *API) removePassword(w http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	var wanted struct {
		KeyID string `json:"keyId"`
	}
	if err := reply.Decode(w, r, maxBody, &wanted); err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), unassignAction, stored.ObjectID); err != nil {
		return 0, nil, err
	}
	held, err := a.Store.Credentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	// A key id is only good together with the principal that it belongs to.
	if !slices.ContainsFunc(held, func(c store.Credential) bool { return c.ID == wanted.KeyID }) {
		return 0, nil, fairlead.Errorf(fairlead.NotFound, "service principal '%s' has no secret '%.64s'", stored.ObjectID, wanted.KeyID).WithCode("Request_ResourceNotFound")
	}
	if err := a.Store.DeleteCredential(r.Context(), wanted.KeyID); err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "secret removed from service principal", slog.String("object_id", stored.ObjectID), slog.String("key_id", wanted.KeyID))
	return http.StatusNoContent, nil, nil
}
