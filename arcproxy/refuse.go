package arcproxy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/fairlead/fairlead"
)

// unauthorizedError is why a request could not be made one of whoever runs the proxy.
type unauthorizedError struct{ err error }

func (e *unauthorizedError) Error() string { return e.err.Error() }

func (e *unauthorizedError) Unwrap() error { return e.err }

// status is an error as Kubernetes writes it, so that kubectl shows the message.
type status struct {
	Kind       string `json:"kind"`
	APIVersion string `json:"apiVersion"`
	Status     string `json:"status"`
	Message    string `json:"message"`
	Reason     string `json:"reason"`
	Code       int    `json:"code"`
}

func refuse(w http.ResponseWriter, code int, reason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(status{"Status", "v1", "Failure", message, reason, code}) // the client is gone if this fails
}

// fail answers a request that the hub has not answered. A sign-in that has ended is told as Forbidden: kubectl would hide the
// message of Unauthorized.
func (c *cluster) fail(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) {
		refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the request was ended, or the local proxy was")
		return
	}
	c.log.WarnContext(r.Context(), "a request could not be passed on", slog.Any("err", err))
	var unauthorized *unauthorizedError
	if errors.As(err, &unauthorized) && fairlead.KindOf(err) == fairlead.Unauthenticated {
		refuse(w, http.StatusForbidden, "Forbidden", err.Error()+" (sign in again: fairlead login)")
		return
	}
	refuse(w, http.StatusServiceUnavailable, "ServiceUnavailable", "the local proxy cannot reach the hub: "+err.Error())
}
