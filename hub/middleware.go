package hub

import (
	"log/slog"
	"net/http"
	"regexp"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
)

const (
	requestIDHeader     = "X-Ms-Request-Id"
	correlationIDHeader = "X-Ms-Correlation-Request-Id"
)

var correlationID = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// identifyRequest gives every answer an id of its own and the id by which the caller groups requests.
func identifyRequest(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := uuid.NewString()
		w.Header().Set(requestIDHeader, id)
		correlation := r.Header.Get(correlationIDHeader)
		if !correlationID.MatchString(correlation) {
			correlation = id
			r.Header.Set(correlationIDHeader, id)
		}
		w.Header().Set(correlationIDHeader, correlation)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r.WithContext(withIDs(r.Context(), requestIDs{id, correlation})))
	})
}

// survivePanics turns a panic into an internal error, once, for the request that caused it.
func survivePanics(log *slog.Logger) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			watched := &recorder{ResponseWriter: w}
			defer func() {
				if cause := recover(); cause != nil {
					answerPanic(log, watched, r, cause)
				}
			}()
			next.ServeHTTP(watched, r)
		})
	}
}

func answerPanic(log *slog.Logger, w *recorder, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler { //nolint:errorlint,err113 // net/http compares it in the same way
		panic(cause)
	}
	log.ErrorContext(r.Context(), "request panicked", slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Any("panic", cause), slog.String("stack", string(debug.Stack())))
	if w.status != 0 {
		panic(http.ErrAbortHandler) // half an answer must not look like a whole one
	}
	reply.Writer{Log: log}.Error(w, r, fairlead.Errorf(fairlead.Internal, "the hub could not do that; its log has the reason under the request id"))
}

// logRequests writes a line for each request, for those who look closely.
func logRequests(log *slog.Logger, now func() time.Time) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !log.Enabled(r.Context(), slog.LevelDebug) {
				next.ServeHTTP(w, r)
				return
			}
			ctx, started, watched := r.Context(), now(), &recorder{ResponseWriter: w}
			defer func() {
				log.DebugContext(ctx, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
					slog.Int("status", watched.status), slog.Duration("took", now().Sub(started)), slog.String("client", r.RemoteAddr))
			}()
			next.ServeHTTP(watched, r)
		})
	}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter

	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(content []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(content)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }
