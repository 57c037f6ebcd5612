package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	refreshBefore = 5 * time.Minute
	maxTokenBody  = 1 << 20
)

// Token is an access token and when it ends.
type Token struct {
	Value     Secret
	ExpiresOn time.Time
}

// Credentials obtains tokens and keeps the current one: for a person who has signed in before by Refresh, else for a
// service principal by its Certificate or its Secret.
type Credentials struct {
	URL, TenantID, ClientID string
	Name                    string // who signs in, for errors; ClientID when empty
	Audience                string // the hub's URL when empty
	Secret                  Secret
	Certificate             *Certificate
	Refresh                 Secret
	HTTP                    *http.Client
	Now                     func() time.Time

	// Exclusive, if set, keeps other processes from exchanging the refresh token at the same time. Before, Recall tells
	// what they have kept meanwhile; after, KeepRefresh is told of the next one.
	Exclusive   func(func() error) error
	Recall      func() (Token, Secret)
	KeepRefresh func(Secret) error

	// Cached is a token kept from an earlier run; Keep, if set, is told of every new one.
	Cached Token
	Keep   func(Token)

	mutex sync.Mutex
}

// Token returns an access token that is good for minutes to come; it may be asked from several goroutines.
func (c *Credentials) Token(ctx context.Context) (string, error) {
	token, err := c.Current(ctx)
	return token.Value.Reveal(), err
}

// Current is Token with the time at which the token ends.
func (c *Credentials) Current(ctx context.Context) (Token, error) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if c.good(c.Cached) {
		return c.Cached, nil
	}
	token, err := c.next(ctx)
	if err != nil {
		return Token{}, err
	}
	c.Cached = token
	if c.Keep != nil {
		c.Keep(token)
	}
	return token, nil
}

func (c *Credentials) next(ctx context.Context) (Token, error) {
	if c.Refresh == "" || c.Exclusive == nil {
		found, err := c.obtain(ctx)
		return found.Token, err
	}
	var token Token
	err := c.Exclusive(func() error {
		if kept, refresh := c.Recall(); refresh != "" {
			if refresh != c.Refresh && c.good(kept) {
				token, c.Refresh = kept, refresh
				return nil
			}
			c.Refresh = refresh
		}
		found, err := c.obtain(ctx)
		if err != nil {
			return err
		}
		token, c.Refresh = found.Token, found.Refresh
		return c.KeepRefresh(found.Refresh)
	})
	return token, err
}

func (c *Credentials) good(token Token) bool {
	return token.Value != "" && c.Now().Before(token.ExpiresOn.Add(-refreshBefore))
}

// Renew forgets the current token: the hub may refuse one that was kept, although its time is not over.
func (c *Credentials) Renew() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.Cached = Token{}
}

func (c *Credentials) obtain(ctx context.Context) (Session, error) {
	for attempt := 1; ; attempt++ {
		form, err := c.form()
		if err != nil {
			return Session{}, err
		}
		response, err := c.post(ctx, c.endpoint("token"), form)
		if wait, again := retryAfter(response, err, attempt); again && attempt < maxAttempts && pause(ctx, wait) == nil {
			continue
		}
		if err != nil {
			return Session{}, err
		}
		return c.answer(response)
	}
}

func (c *Credentials) name() string {
	if c.Name == "" {
		return c.ClientID
	}
	return c.Name
}

func (c *Credentials) endpoint(name string) string {
	return c.URL + "/" + url.PathEscape(c.TenantID) + "/oauth2/v2.0/" + name
}

func (c *Credentials) scope() string {
	audience := c.Audience
	if audience == "" {
		audience = c.URL
	}
	return strings.TrimSuffix(audience, "/") + "/.default"
}

func (c *Credentials) form() (url.Values, error) {
	form := url.Values{"client_id": {c.ClientID}, "scope": {c.scope()}}
	switch {
	case c.Refresh != "":
		form.Set("grant_type", "refresh_token")
		form.Set("refresh_token", c.Refresh.Reveal())
		form.Set("scope", c.scope()+personScopes)
	case c.Certificate != nil:
		assertion, err := c.Certificate.assertion(c.ClientID, c.endpoint("token"), c.Now())
		if err != nil {
			return nil, err
		}
		form.Set("grant_type", "client_credentials")
		form.Set("client_assertion_type", assertionType)
		form.Set("client_assertion", assertion)
	default:
		form.Set("grant_type", "client_credentials")
		form.Set("client_secret", c.Secret.Reveal())
	}
	return form, nil
}

func (c *Credentials) post(ctx context.Context, address string, form url.Values) (*Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("prepare the token request: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, unreachable(ctx, c.URL, err)
	}
	defer func() { _ = response.Body.Close() }() // the body has been read by then
	body, err := io.ReadAll(io.LimitReader(response.Body, maxTokenBody))
	if err != nil {
		return nil, unreachable(ctx, c.URL, err)
	}
	return &Response{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}

// answer reads what the token service said; of a device code only that it is no refusal.
func (c *Credentials) answer(response *Response) (Session, error) {
	var said struct {
		AccessToken  string `json:"access_token"`  //nolint:tagliatelle // OAuth 2.0 names
		RefreshToken string `json:"refresh_token"` //nolint:tagliatelle // OAuth 2.0 names
		IDToken      string `json:"id_token"`      //nolint:tagliatelle // OAuth 2.0 names
		DeviceCode   string `json:"device_code"`   //nolint:tagliatelle // OAuth 2.0 names
		ExpiresIn    int    `json:"expires_in"`    //nolint:tagliatelle // OAuth 2.0 names
		Error        string `json:"error"`
		Description  string `json:"error_description"` //nolint:tagliatelle // OAuth 2.0 names
	}
	if json.Unmarshal(response.Body, &said) != nil {
		said.Error = "" // the envelope of the resource API, or not JSON at all
	}
	switch {
	case said.Error != "":
		refused := fairlead.Errorf(fairlead.Unauthenticated, "the hub refused to sign in %s: %s (%s)", c.name(), said.Description, said.Error)
		return Session{}, refused.WithCode(said.Error)
	case response.Status != http.StatusOK:
		return Session{}, problem(response)
	case said.AccessToken == "" && said.DeviceCode == "":
		return Session{}, fairlead.Errorf(fairlead.Unauthenticated, "the hub's token answer holds no token")
	}
	token := Token{Value: Secret(said.AccessToken), ExpiresOn: c.Now().Add(time.Duration(said.ExpiresIn) * time.Second)}
	return Session{Token: token, Refresh: Secret(said.RefreshToken), UserName: userNameOf(said.IDToken)}, nil
}
