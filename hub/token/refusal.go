package token

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/fairlead/fairlead/hub/reply"
)

const codePending = "authorization_pending"

// refusal is an OAuth error with Entra's number, which people search for.
type refusal struct {
	status     int
	code       string
	number     int
	text       string
	knownApp   string // only of an app that exists: strangers may send a secret in place of the id
	retryAfter time.Duration
}

func (e *refusal) Error() string { return fmt.Sprintf("AADSTS%d: %s", e.number, e.text) }

// level is low for a device that asks whether its person is there yet: it does so every few seconds.
func (e *refusal) level() slog.Level {
	if e.code == codePending {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// naming says in the log of which application, which exists, a credential was refused.
func naming(appID string, err error) error {
	if refused, ok := errors.AsType[*refusal](err); ok {
		refused.knownApp = appID
	}
	return err
}

func badRequest(code string, number int, format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, code: code, number: number, text: fmt.Sprintf(format, args...)}
}

func unknownTenant(tenant string) *refusal {
	return badRequest("invalid_request", 90002, "Tenant '%.64s' not found. Check the tenant id; this hub has one tenant, which its metadata names.", tenant)
}

func unknownApplication(appID, tenant string) *refusal {
	return badRequest("unauthorized_client", 700016, "Application with identifier '%.64s' was not found in the directory '%s'.", appID, tenant)
}

func wrongSecret(appID string) *refusal {
	return &refusal{
		status: http.StatusUnauthorized, code: "invalid_client", number: 7000215, knownApp: appID,
		text: fmt.Sprintf("Invalid client secret provided for app '%.64s'. Use the secret's value, not its id.", appID),
	}
}

func expiredSecret(appID string) *refusal {
	return &refusal{
		status: http.StatusUnauthorized, code: "invalid_client", number: 7000222, knownApp: appID,
		text: fmt.Sprintf("The provided client secret keys for app '%.64s' are expired.", appID),
	}
}

func tooManyFailures(wait time.Duration) *refusal {
	return &refusal{
		status: http.StatusTooManyRequests, code: "temporarily_unavailable", number: 50196, retryAfter: wait,
		text: "Too many failed sign-ins for this client from this address. Try again later.",
	}
}

// refusalBody is Entra's error document.
type refusalBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

func (s *Service) refuse(w http.ResponseWriter, r *http.Request, e *refusal) {
	s.Log.LogAttrs(r.Context(), e.level(), "sign-in refused", slog.String("reason", e.code), slog.Int("number", e.number),
		slog.String("app_id", e.knownApp), slog.String("client_address", clientAddress(r)))
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.retryAfter.Seconds()))))
	}
	if e.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="`+s.TenantID+`"`)
	}
	w.Header().Set("Cache-Control", "no-store")
	reply.JSON(w, e.status, refusalBody{
		Error: e.code, Description: e.Error(), Codes: []int{e.number}, Timestamp: s.Now().UTC().Format("2006-01-02 15:04:05Z"),
		TraceID: w.Header().Get("X-Ms-Request-Id"), CorrelationID: w.Header().Get("X-Ms-Correlation-Request-Id"),
	})
}
