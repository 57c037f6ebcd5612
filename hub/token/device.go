package token

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	deviceLife = 15 * time.Minute
	// How long a device waits between two questions.
	pollInterval = 5 * time.Second
	// Bounds what strangers can make the hub keep.
	maxDevices = 10_000

	// Letters that nobody mistakes for one another, and that make no words: 20^8 codes, of which at most
	// maxDevices are good at a time.
	codeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	codeLength  = 8

	statePending  = "pending"
	stateApproved = "approved"
	stateDeclined = "declined"
)

// device is a program on another machine that waits for a person to sign in.
type device struct {
	Client string    `json:"client"`
	Scope  string    `json:"scope"`
	From   string    `json:"from"`
	Since  time.Time `json:"since"`
}

// deviceAnswer tells the program what to show and how often to ask.
type deviceAnswer struct {
	DeviceCode      string `json:"device_code"`
	UserCode        string `json:"user_code"`
	VerificationURI string `json:"verification_uri"`
	Complete        string `json:"verification_uri_complete"`
	ExpiresIn       int    `json:"expires_in"`
	Interval        int    `json:"interval"`
	Message         string `json:"message"`
}

func newUserCode() string {
	letters := make([]byte, 0, codeLength+1)
	random := make([]byte, 1)
	for len(letters) < codeLength+1 {
		if len(letters) == codeLength/2 {
			letters = append(letters, '-')
		}
		_, _ = rand.Read(random) // it never fails
		if random[0] >= 240 {    // the largest multiple of 20: no letter is likelier than another
			continue
		}
		letters = append(letters, codeLetters[int(random[0])%len(codeLetters)])
	}
	return string(letters)
}

// plainCode is a user code as people type it: in any case, with any or no separators.
func plainCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(codeLetters, r) {
			return r
		}
		return -1
	}, strings.ToUpper(typed))
}

// startDevice hands out a code for a person to type elsewhere.
func (s *Service) startDevice(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	answer, err := s.newDevice(r)
	if err != nil {
		s.refuseOrFail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	reply.JSON(w, http.StatusOK, answer)
}

func (s *Service) newDevice(r *http.Request) (deviceAnswer, error) {
	if err := r.ParseForm(); err != nil {
		return deviceAnswer{}, badRequest("invalid_request", 900144, "The request body must be a form of at most %d bytes.", maxForm)
	}
	client, err := s.publicClient(r)
	if err != nil {
		return deviceAnswer{}, err
	}
	if _, err := s.readScopes(r.PostForm.Get("scope")); err != nil {
		return deviceAnswer{}, err
	}
	if err := s.roomForDevice(r); err != nil {
		return deviceAnswer{}, err
	}
	return s.keepDevice(r, device{Client: client, Scope: r.PostForm.Get("scope"), From: clientAddress(r), Since: s.Now()})
}

func (s *Service) roomForDevice(r *http.Request) error {
	asker := attempt{appID: kindDevice, address: network(r)}
	if wait := s.asked.wait(asker, s.Now()); wait > 0 {
		return tooManyFailures(wait)
	}
	s.asked.count(asker, s.Now())
	count, err := s.Store.CountTickets(r.Context(), kindDevice)
	if err == nil && count >= maxDevices {
		return tooManyFailures(time.Minute)
	}
	return err
}

func (s *Service) keepDevice(r *http.Request, asked device) (deviceAnswer, error) {
	code, userCode := rand.Text()+rand.Text(), newUserCode()
	key := digest(code)
	if err := s.keep(r.Context(), store.Ticket{Kind: kindUserCode, Key: digest(plainCode(userCode))}, deviceLife, key); err != nil {
		return deviceAnswer{}, err
	}
	if err := s.keep(r.Context(), store.Ticket{Kind: kindDevice, Key: key, State: statePending}, deviceLife, asked); err != nil {
		return deviceAnswer{}, err
	}
	page := s.reached(r) + "/device"
	return deviceAnswer{
		DeviceCode: code, UserCode: userCode, VerificationURI: page, Complete: page + "?user_code=" + userCode,
		ExpiresIn: int(deviceLife / time.Second), Interval: int(pollInterval / time.Second),
		Message: "To sign in, use a web browser to open the page " + page + " and enter the code " + userCode + " to authenticate.",
	}, nil
}

// grantDevice answers a program that asks whether its person has signed in.
func (s *Service) grantDevice(r *http.Request) (granted, error) {
	client, err := s.publicClient(r)
	if err != nil {
		return granted{}, err
	}
	key := digest(orText(r.PostForm.Get("device_code"), r.PostForm.Get("code")))
	var asked device
	ticket, good, err := s.find(r.Context(), kindDevice, key, &asked)
	switch {
	case err != nil:
		return granted{}, err
	case !good:
		return granted{}, badRequest("expired_token", 70020, "The device code is not known or has expired. Start again.")
	case asked.Client != client:
		return granted{}, badRequest("invalid_grant", 70000, "The device code was issued to another application.")
	case ticket.State == stateDeclined:
		return granted{}, badRequest("authorization_declined", 70017, "The person declined to sign in.")
	case ticket.State != stateApproved && s.polls.early(key, s.Now()):
		return granted{}, badRequest("slow_down", 70016, "The device asks too often. Ask every %d seconds.", int(pollInterval/time.Second)+5)
	case ticket.State != stateApproved:
		return granted{}, badRequest(codePending, 70016, "The person has not signed in yet. Ask again.")
	}
	return s.redeemDevice(r, key, asked)
}

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// redeemDevice gives the tokens to whoever takes the ticket.
func (s *Service) redeemDevice(r *http.Request, key string, asked device) (granted, error) {
	ticket, good, err := s.take(r.Context(), kindDevice, key, &asked)
	if err != nil {
		return granted{}, err
	}
	if !good {
		return granted{}, badRequest("expired_token", 70020, "The device code was used already.")
	}
	user, err := s.redeemed(r.Context(), ticket.PrincipalID)
	if err != nil {
		return granted{}, err
	}
	wanted, err := s.readScopes(asked.Scope)
	if err != nil {
		return granted{}, err
	}
	return s.answerPerson(r, person{user: user, client: asked.Client, since: asked.Since}, wanted, "")
}

// decide notes what the person said; false when there is nothing to decide any more.
func (s *Service) decide(r *http.Request, key string, user store.Principal, state string) (bool, error) {
	var asked device
	ticket, good, err := s.find(r.Context(), kindDevice, key, &asked)
	if err != nil || !good || ticket.State != statePending {
		return false, err
	}
	ticket.PrincipalID, asked.Since = user.ObjectID, s.Now()
	return s.move(r.Context(), ticket, state, asked)
}

// lookUp finds the device that waits under a user code.
func (s *Service) lookUp(r *http.Request, typed string) (string, device, error) {
	attempt := attempt{appID: kindUserCode, address: network(r)}
	if wait := s.failures.wait(attempt, s.Now()); wait > 0 {
		return "", device{}, tooManyFailures(wait)
	}
	var key string
	var asked device
	_, good, err := s.find(r.Context(), kindUserCode, digest(plainCode(typed)), &key)
	if err == nil && good {
		var ticket store.Ticket
		ticket, good, err = s.find(r.Context(), kindDevice, key, &asked)
		good = good && ticket.State == statePending
	}
	switch {
	case err != nil:
		return "", device{}, err
	case !good:
		s.failures.count(attempt, s.Now())
		return "", device{}, fairlead.Errorf(fairlead.NotFound, "That code is not right, or it has expired. Look at the other window again, or start again there.")
	}
	return key, asked, nil
}

// polls remembers when devices last asked. It is forgotten with the process: then one question more is answered.
type polls struct {
	mutex sync.Mutex
	last  map[string]time.Time
}

// early notes a question and says whether it came too soon after the one before.
func (p *polls) early(key string, now time.Time) bool {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if p.last == nil || len(p.last) >= maxDevices {
		p.last = map[string]time.Time{}
	}
	before, asked := p.last[key]
	p.last[key] = now
	return asked && now.Sub(before) < pollInterval-time.Second
}
