package client

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	grantDevice  = "urn:ietf:params:oauth:grant-type:device_code"
	personScopes = " openid profile offline_access"
	// Bounds of what a hub may ask a device to do.
	minPoll   = time.Second
	maxDevice = time.Hour
)

// Session is what a person gets by signing in: Refresh is exchanged for tokens later, UserName is who it was.
type Session struct {
	Token    Token
	Refresh  Secret
	UserName string
}

// DeviceCode is what a person is to do in a browser.
type DeviceCode struct {
	UserCode string
	Page     string
	Message  string
	Expires  time.Duration
}

// SignInWithPassword signs a person in by user name and password.
func (c *Credentials) SignInWithPassword(ctx context.Context, userName string, password Secret) (Session, error) {
	return c.session(ctx, url.Values{"grant_type": {"password"}, "username": {userName}, "password": {password.Reveal()}, "scope": {c.scope() + personScopes}})
}

// SignInWithDevice asks for a code, lets show tell it to the person, and waits until they have signed in elsewhere.
func (c *Credentials) SignInWithDevice(ctx context.Context, show func(DeviceCode) error) (Session, error) {
	var begun struct {
		DeviceCode string `json:"device_code"`      //nolint:tagliatelle // OAuth 2.0 names
		UserCode   string `json:"user_code"`        //nolint:tagliatelle // OAuth 2.0 names
		Page       string `json:"verification_uri"` //nolint:tagliatelle // OAuth 2.0 names
		ExpiresIn  int    `json:"expires_in"`       //nolint:tagliatelle // OAuth 2.0 names
		Interval   int    `json:"interval"`
		Message    string `json:"message"`
	}
	response, err := c.post(ctx, c.endpoint("devicecode"), url.Values{"client_id": {c.ClientID}, "scope": {c.scope() + personScopes}})
	if err != nil {
		return Session{}, err
	}
	if _, err := c.answer(response); err != nil {
		return Session{}, err
	}
	if err := response.Decode(&begun); err != nil {
		return Session{}, err
	}
	life := min(time.Duration(begun.ExpiresIn)*time.Second, maxDevice)
	if err := show(DeviceCode{begun.UserCode, begun.Page, begun.Message, life}); err != nil {
		return Session{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	return c.await(ctx, begun.DeviceCode, max(time.Duration(begun.Interval)*time.Second, minPoll))
}

// await asks, as often as it may, whether the person has signed in.
func (c *Credentials) await(ctx context.Context, code string, interval time.Duration) (Session, error) {
	form := url.Values{"grant_type": {grantDevice}, "device_code": {code}}
	for {
		if err := pause(ctx, interval); err != nil {
			return Session{}, fairlead.Errorf(fairlead.Unauthenticated, "nobody has signed in with the code in time: %w", err)
		}
		found, err := c.session(ctx, form)
		switch fairlead.CodeOf(err) {
		case "authorization_pending":
		case "slow_down":
			interval += 5 * time.Second
		default:
			return found, err
		}
	}
}

// session does a grant of a person.
func (c *Credentials) session(ctx context.Context, form url.Values) (Session, error) {
	form.Set("client_id", c.ClientID)
	response, err := c.post(ctx, c.endpoint("token"), form)
	if err != nil {
		return Session{}, err
	}
	return c.answer(response)
}

// userNameOf reads who an ID token is about. It came straight from the hub over TLS, so its signature says nothing new.
func userNameOf(idToken string) string { return saidOf(idToken).UserName }

// KnownAs is how connected clusters know whom a token of the hub is about: a person by user name, a service principal by
// object id; empty when the token does not say.
func (t Token) KnownAs() string {
	said := saidOf(t.Value.Reveal())
	return cmp.Or(said.UserName, said.ObjectID)
}

type saidOfSomebody struct {
	UserName string `json:"preferred_username"` //nolint:tagliatelle // OpenID Connect names
	ObjectID string `json:"oid"`
}

func saidOf(token string) (said saidOfSomebody) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return said
	}
	content, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(content, &said) != nil {
		return saidOfSomebody{}
	}
	return said
}
