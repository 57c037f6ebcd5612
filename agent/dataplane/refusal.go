package dataplane

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/fairlead/fairlead"
)

// maxMessage bounds what of a message that somebody else wrote gets into logs and objects.
const maxMessage = 500

// Refusal is an answer that is not a success: of the hub, or of something in between.
type Refusal struct {
	Status  int
	Code    string
	Message string
	Target  string    // the path that was called
	Date    time.Time // the answering clock, zero if it does not say
	kind    fairlead.Kind
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("the hub answers %d %s: %s", r.Status, r.Code, r.Message)
}

// Unwrap gives the refusal its kind and code.
func (r *Refusal) Unwrap() error {
	return &fairlead.Error{Kind: r.kind, Code: r.Code, Message: r.Message}
}

func refusalOf(err error) *Refusal {
	refused, _ := errors.AsType[*Refusal](err)
	return refused
}

func refuse(answer *http.Response, path string, body io.Reader) error {
	refused := &Refusal{Status: answer.StatusCode, Target: path, kind: kindOf(answer.StatusCode)}
	refused.Date, _ = http.ParseTime(answer.Header.Get("Date"))
	var envelope struct {
		Error struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.NewDecoder(body).Decode(&envelope) == nil {
		refused.Code, refused.Message = envelope.Error.Code, envelope.Error.Message
	}
	if refused.Message == "" {
		refused.Message = http.StatusText(answer.StatusCode)
	}
	if len(refused.Message) > maxMessage {
		refused.Message = refused.Message[:maxMessage]
	}
	return refused
}

func kindOf(status int) fairlead.Kind {
	kinds := map[int]fairlead.Kind{
		http.StatusBadRequest: fairlead.Invalid, http.StatusUnauthorized: fairlead.Unauthenticated,
		http.StatusForbidden: fairlead.Forbidden, http.StatusNotFound: fairlead.NotFound, http.StatusConflict: fairlead.Conflict,
		http.StatusTooManyRequests: fairlead.TooManyRequests, http.StatusRequestEntityTooLarge: fairlead.TooLarge,
		http.StatusBadGateway: fairlead.Unavailable, http.StatusServiceUnavailable: fairlead.Unavailable,
		http.StatusGatewayTimeout: fairlead.Unavailable,
	}
	return kinds[status] // the zero Kind is Internal
}

func outcome(err error) string {
	if err == nil {
		return "200"
	}
	if refused := refusalOf(err); refused != nil {
		return strconv.Itoa(refused.Status)
	}
	return "unreachable"
}
