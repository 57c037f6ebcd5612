package token

import (
	"bytes"
	_ "embed"
	"errors"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

//go:embed page.html
var pageText string

//go:embed page.css
var pageStyle []byte

// page is what a person sees. View is one of the blocks of page.html.
type page struct {
	View    string
	Problem string
	Code    string
	Client  string
	From    string
	User    string
	Form    string
	// Provider is where else one can sign in; Local says that passwords are checked here.
	Provider string
	Local    bool

	targets []string
}

func (s *Service) pageOf(found open, view string) page {
	shown := page{View: view, Client: found.clientName(), From: found.From, User: found.Hint, Form: found.Form, Local: s.Users != nil}
	if found.Request != nil {
		shown.targets = append(shown.targets, originOf(found.Request.Redirect))
	}
	if s.Federation != nil {
		shown.Provider = s.Federation.name()
		shown.targets = append(shown.targets, s.Federation.origins()...)
	}
	return shown
}

// originOf returns scheme, host and port of a URL.
func originOf(text string) string {
	address, err := url.Parse(text)
	if err != nil || address.Host == "" {
		return ""
	}
	return address.Scheme + "://" + address.Host
}

// show writes a page. Browsers check where a form leads also when the answer redirects, so the policy names
// where this one may.
func (s *Service) show(w http.ResponseWriter, status int, shown page) {
	parsed, err := template.New("page").Parse(pageText)
	var text bytes.Buffer
	if err == nil {
		err = parsed.Execute(&text, shown)
	}
	if err != nil {
		s.Log.Error("a page could not be written", slog.Any("err", err))
		status = http.StatusInternalServerError
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "+
		strings.Join(append([]string{"'self'"}, shown.targets...), " "))
	header.Set("X-Frame-Options", "DENY")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cross-Origin-Opener-Policy", "same-origin")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text.Bytes()) // the browser may be gone
}

// showProblem ends an attempt with what was wrong.
func (s *Service) showProblem(w http.ResponseWriter, r *http.Request, err error) {
	s.show(w, statusOf(err), page{View: "problem", Problem: s.words(r, err)})
}

// words says what was wrong to the person at the browser, and more to the log.
func (s *Service) words(r *http.Request, err error) string {
	if refused, ok := errors.AsType[*refusal](err); ok {
		s.Log.WarnContext(r.Context(), "sign-in refused", slog.String("reason", refused.code), slog.Int("number", refused.number), slog.String("client_address", clientAddress(r)))
		return refused.text
	}
	if said, ok := errors.AsType[*fairlead.Error](err); ok && said.Kind != fairlead.Internal {
		return said.Message
	}
	s.Log.ErrorContext(r.Context(), "sign-in failed", slog.Any("err", err))
	return "The hub could not do that. Its log has the reason. Try again later."
}

func statusOf(err error) int {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.status
	}
	return reply.Status(fairlead.KindOf(err))
}

func (s *Service) logDecision(r *http.Request, found open, user store.Principal, state string) {
	s.Log.InfoContext(r.Context(), "sign-in of a device decided", slog.String("decision", state), slog.String("object_id", user.ObjectID),
		slog.String("client", found.clientName()), slog.String("client_address", clientAddress(r)), slog.String("device_address", found.From))
}

func style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(pageStyle) // the browser may be gone
}
