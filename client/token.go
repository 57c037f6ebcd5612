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

// Credentials obtains tokens for a service principal by its secret and keeps the current one.
type Credentials struct {
	URL, TenantID, ClientID string
	Audience                string // the hub's URL when empty
	Secret                  Secret
	HTTP                    *http.Client
	Now                     func() time.Time

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
	if c.Cached.Value != "" && c.Now().Before(c.Cached.ExpiresOn.Add(-refreshBefore)) {
		return c.Cached, nil
	}
	token, err := c.obtain(ctx)
	if err != nil {
		return Token{}, err
	}
	c.Cached = token
	if c.Keep != nil {
		c.Keep(token)
	}
	return token, nil
}

// Renew forgets the current token: the hub may refuse one that was kept, although its time is not over.
func (c *Credentials) Renew() {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.Cached = Token{}
}

func (c *Credentials) obtain(ctx context.Context) (Token, error) {
	for attempt := 1; ; attempt++ {
		response, err := c.ask(ctx)
		if wait, again := retryAfter(response, err, attempt); again && attempt < maxAttempts && pause(ctx, wait) == nil {
			continue
		}
		if err != nil {
			return Token{}, err
		}
		return c.read(response)
	}
}

func (c *Credentials) ask(ctx context.Context) (*Response, error) {
	audience := c.Audience
	if audience == "" {
		audience = c.URL
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.ClientID}, "client_secret": {c.Secret.Reveal()},
		"scope": {strings.TrimSuffix(audience, "/") + "/.default"},
	}
	address := c.URL + "/" + url.PathEscape(c.TenantID) + "/oauth2/v2.0/token"
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

func (c *Credentials) read(response *Response) (Token, error) {
	var answer struct {
		AccessToken string `json:"access_token"` //nolint:tagliatelle // OAuth 2.0 names
		ExpiresIn   int    `json:"expires_in"`   //nolint:tagliatelle // OAuth 2.0 names
		Error       string `json:"error"`
		Description string `json:"error_description"` //nolint:tagliatelle // OAuth 2.0 names
	}
	if json.Unmarshal(response.Body, &answer) != nil {
		answer.Error = "" // the envelope of the resource API, or not JSON at all
	}
	switch {
	case answer.Error != "":
		refused := fairlead.Errorf(fairlead.Unauthenticated, "the hub refused to sign in %s: %s (%s)", c.ClientID, answer.Description, answer.Error)
		return Token{}, refused.WithCode(answer.Error)
	case response.Status != http.StatusOK:
		return Token{}, problem(response)
	case answer.AccessToken == "":
		return Token{}, fairlead.Errorf(fairlead.Unauthenticated, "the hub's token answer holds no token")
	}
	return Token{Value: Secret(answer.AccessToken), ExpiresOn: c.Now().Add(time.Duration(answer.ExpiresIn) * time.Second)}, nil
}
