package token

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/store"
)

const (
	// The prefix makes browsers keep it for this host alone, over TLS alone.
	signInCookie = "__Host-fairlead-signin"
	signInLife   = 10 * time.Minute
)

// attemptToSignIn is where a person is between opening the page and being signed in. The browser holds its key
// in a cookie; all else is kept here. Either a device or a program on the same machine waits for it.
type attemptToSignIn struct {
	Device  string   `json:"device,omitempty"`
	Client  string   `json:"client,omitempty"`
	From    string   `json:"from,omitempty"`
	Request *request `json:"request,omitempty"`
	Hint    string   `json:"hint,omitempty"`
	// Form is what this page's own forms hold, and nobody else's.
	Form string `json:"form"`
	// What was sent along to the other issuer.
	State    string `json:"state,omitempty"`
	Nonce    string `json:"nonce,omitempty"`
	Verifier string `json:"verifier,omitempty"`
}

func (a attemptToSignIn) clientName() string {
	id := a.Client
	if a.Request != nil {
		id = a.Request.Client
	}
	return publicClients()[id]
}

// open is an attempt that a request belongs to.
type open struct {
	attemptToSignIn

	ticket store.Ticket
}

// startSignIn begins an attempt and gives its key to the browser.
func (s *Service) startSignIn(w http.ResponseWriter, r *http.Request, begun attemptToSignIn) error {
	secret := rand.Text() + rand.Text()
	begun.Form = rand.Text()
	if err := s.keep(r.Context(), store.Ticket{Kind: kindSignIn, Key: digest(secret)}, signInLife, begun); err != nil {
		return err
	}
	http.SetCookie(w, &http.Cookie{
		Name: signInCookie, Value: secret, Path: "/", MaxAge: int(signInLife / time.Second),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return nil
}

func (s *Service) current(r *http.Request) (open, error) {
	cookie, err := r.Cookie(signInCookie)
	if err != nil {
		return open{}, noAttempt()
	}
	var found open
	ticket, good, err := s.find(r.Context(), kindSignIn, digest(cookie.Value), &found.attemptToSignIn)
	if err == nil && !good {
		err = noAttempt()
	}
	found.ticket = ticket
	return found, err
}

func noAttempt() error {
	return fairlead.Errorf(fairlead.NotFound, "This sign-in has ended. Start again in the program that sent you here. Cookies must be allowed for this page.")
}

// submitted is current for what a form of ours has sent.
func (s *Service) submitted(r *http.Request) (open, error) {
	found, err := s.current(r)
	if err == nil && subtle.ConstantTimeCompare([]byte(found.Form), []byte(r.PostForm.Get("form"))) != 1 {
		return open{}, fairlead.Errorf(fairlead.Forbidden, "The form was not this page's. Start again in the program that sent you here.")
	}
	return found, err
}

// fromHere lets through what a page of ours has sent, in a form of bounded size.
func (s *Service) fromHere(next http.HandlerFunc) http.HandlerFunc {
	guard := http.NewCrossOriginProtection()
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := guard.Check(r); err != nil {
			s.showProblem(w, r, fairlead.Errorf(fairlead.Forbidden, "Another site has sent this form, so it was not read."))
			return
		}
		if err := r.ParseForm(); err != nil {
			s.showProblem(w, r, fairlead.Errorf(fairlead.Invalid, "The form cannot be read."))
			return
		}
		next(w, r)
	}
}

func (s *Service) showDevice(w http.ResponseWriter, r *http.Request) {
	code := plainCode(r.URL.Query().Get("user_code"))
	if len(code) == codeLength {
		code = code[:codeLength/2] + "-" + code[codeLength/2:]
	}
	s.show(w, http.StatusOK, page{View: "code", Code: code})
}

// enterCode goes on with the device whose code a person has typed.
func (s *Service) enterCode(w http.ResponseWriter, r *http.Request) {
	typed := r.PostForm.Get("user_code")
	key, asked, err := s.lookUp(r, typed)
	if err == nil {
		err = s.startSignIn(w, r, attemptToSignIn{Device: key, Client: asked.Client, From: asked.From})
	}
	if err != nil {
		s.show(w, statusOf(err), page{View: "code", Code: typed, Problem: s.words(r, err)})
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// showSignIn shows where the attempt is: at the password, or at the question whether to go on.
func (s *Service) showSignIn(w http.ResponseWriter, r *http.Request) {
	found, err := s.current(r)
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	if found.ticket.PrincipalID == "" {
		s.show(w, http.StatusOK, s.pageOf(found, "password"))
		return
	}
	user, err := s.redeemed(r.Context(), found.ticket.PrincipalID)
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	shown := s.pageOf(found, "answer")
	shown.User = user.UserName
	s.show(w, http.StatusOK, shown)
}

func (s *Service) enterPassword(w http.ResponseWriter, r *http.Request) {
	found, err := s.submitted(r)
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	user, err := s.checkPassword(r, r.PostForm.Get("username"), password.Password(r.PostForm.Get("password")))
	if err != nil {
		s.again(w, r, found, "password", err)
		return
	}
	s.enter(w, r, found, user)
}

// again shows a form once more, with what was wrong; a password that must be changed gets its own.
func (s *Service) again(w http.ResponseWriter, r *http.Request, found open, view string, err error) {
	if refused, ok := errors.AsType[*refusal](err); ok && refused.number == 50055 {
		view = "newpassword"
	}
	shown := s.pageOf(found, view)
	shown.User, shown.Problem = r.PostForm.Get("username"), s.words(r, err)
	s.show(w, statusOf(err), shown)
}

// changePassword replaces a password that an administrator gave, and signs in.
func (s *Service) changePassword(w http.ResponseWriter, r *http.Request) {
	found, err := s.submitted(r)
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	user, err := s.newPassword(r)
	if err != nil {
		s.again(w, r, found, "newpassword", err)
		return
	}
	s.enter(w, r, found, user)
}

func (s *Service) newPassword(r *http.Request) (store.Principal, error) {
	name, typed := r.PostForm.Get("username"), password.Password(r.PostForm.Get("password"))
	wanted := r.PostForm.Get("new")
	if wanted != r.PostForm.Get("repeated") {
		return store.Principal{}, fairlead.Errorf(fairlead.Invalid, "The new password was not typed twice in the same way.")
	}
	_, err := s.checkPassword(r, name, typed)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.number != 50055 || !ok && err != nil {
		return store.Principal{}, err
	}
	return s.Users.Change(r.Context(), name, typed, password.Password(wanted), s.Now())
}

// enter notes who has signed in. A program on the same machine gets its code; about another machine the person is
// asked first, because anybody may have sent them there.
func (s *Service) enter(w http.ResponseWriter, r *http.Request, found open, user store.Principal) {
	if found.Request != nil {
		s.endAttempt(w)
		if _, err := s.Store.TakeTicket(r.Context(), kindSignIn, found.ticket.Key); err != nil {
			s.showProblem(w, r, noAttempt())
			return
		}
		if err := s.sendCode(w, r, *found.Request, user); err != nil {
			s.showProblem(w, r, err)
		}
		return
	}
	found.ticket.PrincipalID = user.ObjectID
	if moved, err := s.move(r.Context(), found.ticket, stateApproved, found.attemptToSignIn); err != nil || !moved {
		s.showProblem(w, r, orElse(err, noAttempt()))
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

// answerDevice tells the waiting device what the person has said.
func (s *Service) answerDevice(w http.ResponseWriter, r *http.Request) {
	found, err := s.submitted(r)
	if err == nil && (found.ticket.PrincipalID == "" || found.Device == "") {
		err = noAttempt()
	}
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	user, err := s.redeemed(r.Context(), found.ticket.PrincipalID)
	if err != nil {
		s.showProblem(w, r, err)
		return
	}
	state, view := stateDeclined, "declined"
	if r.PostForm.Get("answer") == "continue" {
		state, view = stateApproved, "done"
	}
	s.endAttempt(w)
	if _, err := s.Store.TakeTicket(r.Context(), kindSignIn, found.ticket.Key); err != nil {
		s.showProblem(w, r, noAttempt())
		return
	}
	if decided, err := s.decide(r, found.Device, user, state); err != nil || !decided {
		s.showProblem(w, r, orElse(err, fairlead.Errorf(fairlead.NotFound, "The code has expired meanwhile. Start again in the other window.")))
		return
	}
	s.logDecision(r, found, user, state)
	s.show(w, http.StatusOK, page{View: view, Client: found.clientName(), User: user.UserName})
}

func (s *Service) endAttempt(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: signInCookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}
