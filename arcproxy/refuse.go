package arcproxy

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/discovery"
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

// refuse answers a request for a path of a cluster's API server.
func refuse(w http.ResponseWriter, r *http.Request, path string, answer status) {
	w.Header().Set("Cache-Control", "no-store")
	if discovery.Asks(r, path) {
		discovery.Refuse(w, answer.Code, answer.Message)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(answer.Code)
	_ = json.NewEncoder(w).Encode(answer) // the client is gone if this fails
}

func failure(code int, reason, message string) status {
	return status{"Status", "v1", "Failure", message, reason, code}
}

// fail answers a request that the hub has not answered. A sign-in that has ended is told as Forbidden: kubectl would hide the
// message of Unauthorized.
func (c *cluster) fail(w http.ResponseWriter, r *http.Request, err error) {
	c.mutex.RLock()
	path := strings.TrimPrefix(r.URL.Path, c.way.Base.Path)
	c.mutex.RUnlock()
	refuse(w, r, path, c.failureOf(r.Context(), err))
}

func (c *cluster) failureOf(ctx context.Context, err error) status {
	if errors.Is(err, context.Canceled) {
		return failure(http.StatusServiceUnavailable, "ServiceUnavailable", "the request was ended, or the local proxy was")
	}
	c.log.WarnContext(ctx, "a request could not be passed on", slog.Any("err", err))
	var unauthorized *unauthorizedError
	if errors.As(err, &unauthorized) && fairlead.KindOf(err) == fairlead.Unauthenticated {
		return failure(http.StatusForbidden, "Forbidden", err.Error()+" (sign in again: fairlead login)")
	}
	return failure(http.StatusServiceUnavailable, "ServiceUnavailable", "the local proxy cannot reach the hub: "+err.Error())
}
