// Package reply writes the hub's HTTP answers: JSON documents and Azure's error envelope. Errors
// are translated here, once; what is not a fairlead.Error is logged and told as an internal error.
package reply

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"

	"github.com/fairlead/fairlead"
)

// JSON answers with status and v as JSON.
func JSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client is gone if this fails, and nobody is left to tell
}

// Writer answers errors and logs those that are the hub's own fault.
type Writer struct{ Log *slog.Logger }

type envelope struct {
	Error body `json:"error"`
}

type body struct {
	Code    string                 `json:"code"`
	Message string                 `json:"message"`
	Details []fairlead.ErrorDetail `json:"details,omitempty"`
}

// Error answers with err in Azure's envelope: {"error":{"code","message","details"}}.
func (o Writer) Error(w http.ResponseWriter, r *http.Request, err error) {
	var known *fairlead.Error
	if !errors.As(err, &known) {
		o.Log.ErrorContext(r.Context(), "request failed", slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Any("err", err))
		known = fairlead.Errorf(fairlead.Internal, "the hub could not do that; its log has the reason under the request id")
	}
	w.Header().Set("X-Ms-Error-Code", known.Code)
	JSON(w, Status(known.Kind), envelope{body{known.Code, known.Message, known.Details}})
}

// Status returns the HTTP status of an error kind.
func Status(kind fairlead.Kind) int {
	statuses := map[fairlead.Kind]int{
		fairlead.Invalid: http.StatusBadRequest, fairlead.Unauthenticated: http.StatusUnauthorized,
		fairlead.Forbidden: http.StatusForbidden, fairlead.NotFound: http.StatusNotFound,
		fairlead.Conflict: http.StatusConflict, fairlead.PreconditionFailed: http.StatusPreconditionFailed,
		fairlead.TooLarge: http.StatusRequestEntityTooLarge, fairlead.TooManyRequests: http.StatusTooManyRequests,
		fairlead.Unavailable: http.StatusServiceUnavailable, fairlead.MethodNotAllowed: http.StatusMethodNotAllowed,
		fairlead.UnsupportedMedia: http.StatusUnsupportedMediaType,
	}
	if status, ok := statuses[kind]; ok {
		return status
	}
	return http.StatusInternalServerError
}

// Body reads at most limit bytes of r's body; more is a TooLarge error.
func Body(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, fairlead.Errorf(fairlead.TooLarge, "the request body is larger than %d bytes", limit)
	case err != nil:
		return nil, fairlead.Errorf(fairlead.Invalid, "the request body could not be read")
	}
	return content, nil
}

// Decode reads r's body of at most limit bytes as JSON into v.
func Decode(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	content, err := Body(w, r, limit)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, v); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "the request body is not the JSON expected here: %w", err).WithCode("InvalidRequestContent")
	}
	return nil
}
