package relay

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/lastword"
)

// A status is what kubectl and client libraries expect instead of an answer.
type (
	status  = lastword.Status
	details = lastword.Details
	cause   = lastword.Cause
)

// noAgent is the one sentence by which people know this failure, word for word that of the original.
const noAgent = "Cannot connect to the hybrid connection because no agent is connected in the target arc resource."

// refusal is why a request is not sent on. Causes say more, retry is when to come again, in seconds.
type refusal struct {
	error

	causes []cause
	retry  int
}

func (o *refusal) Unwrap() error { return o.error }

// refuse answers with err as a Status.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	made := s.statusOf(r, err)
	switch made.Code {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer authorization_uri="`+s.URL+"/"+s.TenantID+`"`)
	case http.StatusTooManyRequests:
		made.Details = &details{RetryAfterSeconds: 1}
	}
	if made.Details != nil && made.Details.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(made.Details.RetryAfterSeconds))
	}
	w.Header().Set("Cache-Control", "no-cache, private")
	if discovers(r) {
		inWords(w, made)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(made.Code)
	_ = json.NewEncoder(w).Encode(made) // it can be encoded; the caller is gone if this fails
}

func (s *Server) statusOf(r *http.Request, err error) status {
	known, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		s.Log.ErrorContext(r.Context(), "request for a cluster failed", slog.Any("err", err))
		known = fairlead.Errorf(fairlead.Internal, "the hub could not do that; its log has the reason under the request id")
	}
	made := lastword.Failure(reply.Status(known.Kind), reasonOf(known.Kind), known.Message)
	if more, ok := errors.AsType[*refusal](err); ok {
		made.Details = &details{Causes: more.causes, RetryAfterSeconds: more.retry}
	}
	return made
}

// reasonOf returns Kubernetes' word for a kind of failure.
func reasonOf(kind fairlead.Kind) string {
	words := map[fairlead.Kind]string{
		fairlead.Invalid: "BadRequest", fairlead.Unauthenticated: "Unauthorized", fairlead.Forbidden: "Forbidden", fairlead.NotFound: "NotFound",
		fairlead.Conflict: "Conflict", fairlead.TooLarge: "RequestEntityTooLarge", fairlead.TooManyRequests: "TooManyRequests",
		fairlead.Unavailable: "ServiceUnavailable", fairlead.MethodNotAllowed: "MethodNotAllowed",
	}
	if word, ok := words[kind]; ok {
		return word
	}
	return "InternalError"
}
