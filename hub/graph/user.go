package graph

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"unicode"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// userName is what a userPrincipalName looks like: Entra's characters, and a domain.
var userName = regexp.MustCompile(`^[A-Za-z0-9'._!#^~+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$`)

const maxUserName = 113 // Entra's own limit

// sentUser is a user as a request has it; what is missing stays as it is.
type sentUser struct {
	DisplayName  *string          `json:"displayName"`
	UserName     *string          `json:"userPrincipalName"`
	Mail         *string          `json:"mail"`
	MailNickname *string          `json:"mailNickname"`
	Enabled      *bool            `json:"accountEnabled"`
	Password     *passwordProfile `json:"passwordProfile"`
	Identities   *[]identity      `json:"identities"`
}

type passwordProfile struct {
	Password    password.Password `json:"password"`
	ForceChange *bool             `json:"forceChangePasswordNextSignIn"`
}

// mustChange is true unless the sender says otherwise, as Graph has it.
func (p passwordProfile) mustChange() bool { return p.ForceChange == nil || *p.ForceChange }

// identity says whom another issuer means.
type identity struct {
	SignInType string `json:"signInType"`
	Issuer     string `json:"issuer"`
	Subject    string `json:"issuerAssignedId"`
}

func (u sentUser) sensitive() bool {
	return u.UserName != nil || u.Enabled != nil || u.Password != nil || u.Identities != nil || u.Mail != nil
}

// apply changes a user as the request has it.
func (u sentUser) apply(p *store.Principal) error {
	for field, value := range map[*string]*string{
		&p.DisplayName: u.DisplayName, &p.UserName: u.UserName, &p.Mail: u.Mail, &p.MailNickname: u.MailNickname,
	} {
		if value != nil {
			*field = strings.TrimSpace(*value)
		}
	}
	if u.Enabled != nil {
		p.Disabled = !*u.Enabled
	}
	if u.Password != nil {
		p.MustChangePassword = u.Password.mustChange()
	}
	if u.Identities != nil {
		if err := applyIdentities(p, *u.Identities); err != nil {
			return err
		}
	}
	return checkUser(*p)
}

// applyIdentities takes the one identity at another issuer that a user can have here; those that Graph shows of the
// user name itself are left aside.
func applyIdentities(p *store.Principal, sent []identity) error {
	p.Issuer, p.Subject = "", ""
	for _, one := range sent {
		if strings.EqualFold(one.SignInType, "userPrincipalName") {
			continue
		}
		if p.Subject != "" || !strings.EqualFold(one.SignInType, "federated") || one.Issuer == "" || one.Subject == "" ||
			len(one.Issuer) > maxText || len(one.Subject) > maxText || unprintable(one.Issuer+one.Subject) {
			return invalid("identities: one with signInType federated, an issuer and an issuerAssignedId is possible")
		}
		p.Issuer, p.Subject = one.Issuer, one.Subject
	}
	return nil
}

func unprintable(text string) bool {
	return !validText(text) || strings.ContainsFunc(text, unicode.IsControl)
}

func checkUser(p store.Principal) error {
	switch {
	case len(p.UserName) > maxUserName || !userName.MatchString(p.UserName):
		return invalid("The specified userPrincipalName '%.64s' is not valid: it is a name, an @ and a domain", p.UserName)
	case p.Mail != "" && (len(p.Mail) > maxDisplayName || !strings.Contains(p.Mail, "@") || unprintable(p.Mail)):
		return invalid("Invalid value specified for property 'mail' of resource 'User'.")
	case len(p.MailNickname) > 64 || unprintable(p.MailNickname):
		return invalid("Invalid value specified for property 'mailNickname' of resource 'User'.")
	}
	return checkDisplayName(p.DisplayName)
}

func checkDisplayName(name string) error {
	if name == "" || len(name) > maxDisplayName || unprintable(name) {
		return invalid("a displayName of at most %d characters is needed", maxDisplayName)
	}
	return nil
}

// hash checks and hashes the password that was sent, if one was.
func (a *API) hash(r *http.Request, sent *passwordProfile, userName string) ([]byte, error) {
	if sent == nil || sent.Password == "" {
		return nil, nil
	}
	if err := sent.Password.Check(userName); err != nil {
		return nil, err
	}
	return a.Hasher.Hash(r.Context(), sent.Password)
}

// createUser makes a user. One without a password has to be known at another issuer.
func (a *API) createUser(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var sent sentUser
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return 0, nil, err
	}
	made := store.Principal{ObjectID: uuid.NewString(), TenantID: a.TenantID, Kind: store.User, CreatedAt: a.Now()}
	if err := sent.apply(&made); err != nil {
		return 0, nil, err
	}
	hash, err := a.hash(r, sent.Password, made.UserName)
	if err != nil {
		return 0, nil, err
	}
	if hash == nil && made.Subject == "" {
		return 0, nil, invalid("A password must be specified to create a new user, or an identity at another issuer.")
	}
	if err := a.Store.CreateUser(r.Context(), made, hash); err != nil {
		return 0, nil, taken(err)
	}
	a.Log.InfoContext(r.Context(), "user created", slog.String("object_id", made.ObjectID), slog.String("by", caller(r.Context())))
	return http.StatusCreated, shown(made), nil
}

// taken words a conflict as Graph does.
func taken(err error) error {
	if fairlead.KindOf(err) != fairlead.Conflict {
		return err
	}
	return invalid("Another object with the same value for property userPrincipalName already exists.")
}

// updateUser changes a user. Whoever sets a password, a name or an identity could sign in as the user next, and
// whoever disables one takes all roles away: that needs the right to give each role that the user has.
func (a *API) updateUser(w http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.find(r, store.User)
	if err != nil {
		return 0, nil, err
	}
	var sent sentUser
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return 0, nil, err
	}
	if sent.sensitive() {
		if err := a.mayOnEveryRole(r.Context(), assignAction, stored.ObjectID); err != nil {
			return 0, nil, err
		}
	}
	if sent.Enabled != nil && !*sent.Enabled {
		if err := a.keepOwner(r.Context(), stored.ObjectID); err != nil {
			return 0, nil, err
		}
	}
	hash, err := a.hash(r, sent.Password, stored.UserName)
	if err != nil {
		return 0, nil, err
	}
	if _, err := a.Store.ChangePrincipal(r.Context(), stored.ObjectID, sent.apply, hash, a.Now()); err != nil {
		return 0, nil, taken(err)
	}
	a.Log.InfoContext(r.Context(), "user changed", slog.String("object_id", stored.ObjectID), slog.String("by", caller(r.Context())),
		slog.Bool("password", hash != nil))
	return http.StatusNoContent, nil, nil
}

// changePassword lets a user who knows their password choose another.
func (a *API) changePassword(w http.ResponseWriter, r *http.Request) (int, any, error) {
	user, err := a.find(r, store.User)
	if err != nil {
		return 0, nil, err
	}
	var sent struct {
		Current password.Password `json:"currentPassword"`
		Wanted  password.Password `json:"newPassword"`
	}
	if err := reply.Decode(w, r, maxBody, &sent); err != nil {
		return 0, nil, err
	}
	keeper := password.Keeper{Store: a.Store, Hasher: a.Hasher}
	_, err = keeper.Change(r.Context(), user.UserName, sent.Current, sent.Wanted, a.Now())
	if fairlead.KindOf(err) == fairlead.Unauthenticated {
		return 0, nil, invalid("The specified current password is not right.")
	}
	return http.StatusNoContent, nil, err
}

// deleter removes a principal of these kinds, with what it may.
func (a *API) deleter(kinds ...string) answer {
	return func(_ http.ResponseWriter, r *http.Request) (int, any, error) {
		stored, err := a.find(r, kinds...)
		if err != nil {
			return 0, nil, err
		}
		if err := a.mayOnEveryRole(r.Context(), unassignAction, stored.ObjectID); err != nil {
			return 0, nil, err
		}
		if err := a.keepOwner(r.Context(), stored.ObjectID); err != nil {
			return 0, nil, err
		}
		if err := a.delete(r.Context(), stored.ObjectID); err != nil {
			return 0, nil, err
		}
		a.Log.InfoContext(r.Context(), "principal deleted", slog.String("object_id", stored.ObjectID), slog.String("kind", stored.Kind),
			slog.String("by", caller(r.Context())))
		return http.StatusNoContent, nil, nil
	}
}

// referenced reads a reference such as https://host/v1.0/directoryObjects/ID: only its last segment matters.
func referenced(raw json.RawMessage) (string, error) {
	var reference string
	if err := json.Unmarshal(raw, &reference); err != nil || len(reference) > maxText {
		return "", invalid("Invalid URL format specified in payload.")
	}
	id := strings.ToLower(reference[strings.LastIndex(reference, "/")+1:])
	if uuid.Validate(id) != nil {
		return "", invalid("Invalid URL format specified in payload: it ends with an object id")
	}
	return id, nil
}
