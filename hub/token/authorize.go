package token

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/fairlead/fairlead/store"
)

const (
	codeLife = 5 * time.Minute
	// Bounds what a program may have carried along.
	maxState = 4096
)

// request is what a program wants that has opened a browser on the person's own machine.
type request struct {
	Client    string    `json:"client"`
	Redirect  string    `json:"redirect"`
	Scope     string    `json:"scope"`
	State     string    `json:"state"`
	Nonce     string    `json:"nonce"`
	Challenge string    `json:"challenge"`
	Since     time.Time `json:"since"`
}

// authorize shows the page on which a person signs in to a program. What is wrong with the request is shown as
// well and sent nowhere: whoever made it may not own the address that it names.
func (s *Service) authorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	wanted, err := s.readRequest(r)
	if err == nil {
		err = s.startSignIn(w, r, attemptToSignIn{Request: &wanted, Hint: r.Form.Get("login_hint")})
	}
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

func (s *Service) readRequest(r *http.Request) (request, error) {
	if err := r.ParseForm(); err != nil {
		return request{}, badRequest("invalid_request", 900144, "The request cannot be read.")
	}
	form := r.Form
	client, err := s.publicClient(r)
	if err != nil {
		return request{}, err
	}
	found := request{
		Client: client, Redirect: form.Get("redirect_uri"), Scope: form.Get("scope"),
		State: form.Get("state"), Nonce: form.Get("nonce"), Challenge: form.Get("code_challenge"),
	}
	if _, err := s.readScopes(found.Scope); err != nil {
		return request{}, err
	}
	switch mode := form.Get("response_mode"); {
	case form.Get("response_type") != "code":
		return request{}, badRequest("unsupported_response_type", 700054, "response_type must be 'code'.")
	case mode == "fragment":
		return request{}, badRequest("invalid_request", 900144, "The response_mode '%.64s' is not supported: use query.", mode)
	case !isLoopback(found.Redirect):
		return request{}, badRequest("invalid_request", 50011, "The redirect URI '%.200s' is not one of the application's: it must be http://localhost, with any port and path.", found.Redirect)
	case form.Get("code_challenge_method") != "S256" || len(found.Challenge) != base64.RawURLEncoding.EncodedLen(sha256.Size):
		return request{}, badRequest("invalid_request", 9002325, "Proof Key for Code Exchange is required: code_challenge with code_challenge_method S256.")
	case len(found.State) > maxState || len(found.Nonce) > maxState:
		return request{}, badRequest("invalid_request", 900144, "state and nonce have at most %d characters.", maxState)
	}
	return found, nil
}

// isLoopback accepts addresses on the person's own machine only: what is sent there reaches nobody else.
func isLoopback(text string) bool {
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "http" || address.User != nil || address.Fragment != "" || len(text) > maxScope {
		return false
	}
	ip := net.ParseIP(address.Hostname())
	return address.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// sendCode sends the browser back to the program with a code that is good once.
func (s *Service) sendCode(w http.ResponseWriter, r *http.Request, wanted request, user store.Principal) error {
	code := rand.Text() + rand.Text()
	wanted.Since = s.Now()
	ticket := store.Ticket{Kind: kindCode, Key: digest(code), PrincipalID: user.ObjectID}
	if err := s.keep(r.Context(), ticket, codeLife, wanted); err != nil {
		return err
	}
	address, err := url.Parse(wanted.Redirect)
	if err != nil {
		return badRequest("invalid_request", 50011, "The redirect URI cannot be read.")
	}
	query := address.Query()
	query.Set("code", code)
	query.Set("state", wanted.State)
	query.Set("session_state", strings.ToLower(rand.Text()))
	address.RawQuery = query.Encode()
	http.Redirect(w, r, address.String(), http.StatusSeeOther)
	return nil
}

// grantCode exchanges such a code, for whoever can show what only the program has.
func (s *Service) grantCode(r *http.Request) (granted, error) {
	client, err := s.publicClient(r)
	if err != nil {
		return granted{}, err
	}
	var wanted request
	ticket, good, err := s.take(r.Context(), kindCode, digest(r.PostForm.Get("code")), &wanted)
	switch {
	case err != nil:
		return granted{}, err
	case !good:
		return granted{}, badRequest("invalid_grant", 70008, "The authorization code is not known, has expired or was used already.")
	case wanted.Client != client || wanted.Redirect != r.PostForm.Get("redirect_uri"):
		return granted{}, badRequest("invalid_grant", 700084, "The authorization code was issued to another application or address.")
	case !verifies(r.PostForm.Get("code_verifier"), wanted.Challenge):
		return granted{}, badRequest("invalid_grant", 501481, "The code_verifier does not match the code_challenge supplied in the authorization request.")
	}
	asked, err := s.readScopes(orText(r.PostForm.Get("scope"), wanted.Scope))
	if err != nil {
		return granted{}, err
	}
	user, err := s.redeemed(r.Context(), ticket.PrincipalID)
	if err != nil {
		return granted{}, err
	}
	return s.answerPerson(r, person{user: user, client: client, nonce: wanted.Nonce, since: wanted.Since}, asked, "")
}

func verifies(verifier, challenge string) bool {
	sum := sha256.Sum256([]byte(verifier))
	encoded := base64.RawURLEncoding.EncodeToString(sum[:])
	return len(verifier) >= 43 && subtle.ConstantTimeCompare([]byte(encoded), []byte(challenge)) == 1
}
