package fairlead

import (
	"errors"
	"fmt"
)

// Kind says what went wrong in a way that every edge (HTTP, CLI) can translate once.
type Kind int

// The kinds of failure. Their order is not part of any wire format.
const (
	Internal Kind = iota
	Invalid
	Unauthenticated
	Forbidden
	NotFound
	Conflict
	PreconditionFailed
	TooLarge
	TooManyRequests
	Unavailable
	MethodNotAllowed
	UnsupportedMedia
)

// Error is the one error type whose text is meant for people outside the process. Code is Azure's
// error code where Azure has one; Err, if any, is the cause, for errors.Is and errors.As.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Err     error
}

func (e *Error) Error() string { return e.Message }

func (e *Error) Unwrap() error { return e.Err }

// Errorf makes an Error of a kind with that kind's default code; a %w operand becomes the cause.
func Errorf(kind Kind, format string, args ...any) *Error {
	wrapped := fmt.Errorf(format, args...)
	return &Error{Kind: kind, Code: kind.code(), Message: wrapped.Error(), Err: errors.Unwrap(wrapped)}
}

// WithCode returns a copy of the error that carries another code.
func (e *Error) WithCode(code string) *Error {
	changed := *e
	changed.Code = code
	return &changed
}

// KindOf returns the kind of the first Error in the chain, Internal when there is none.
func KindOf(err error) Kind {
	if known, ok := errors.AsType[*Error](err); ok {
		return known.Kind
	}
	return Internal
}

// CodeOf returns the code of the first Error in the chain, "InternalServerError" when there is none.
func CodeOf(err error) string {
	if known, ok := errors.AsType[*Error](err); ok && known.Code != "" {
		return known.Code
	}
	return Internal.code()
}

func (k Kind) code() string {
	codes := map[Kind]string{
		Invalid: "BadRequest", Unauthenticated: "AuthenticationFailed", Forbidden: "AuthorizationFailed",
		NotFound: "ResourceNotFound", Conflict: "Conflict", PreconditionFailed: "PreconditionFailed",
		TooLarge: "RequestEntityTooLarge", TooManyRequests: "TooManyRequests", Unavailable: "ServiceUnavailable",
		MethodNotAllowed: "MethodNotAllowed", UnsupportedMedia: "UnsupportedMediaType",
	}
	if code, ok := codes[k]; ok {
		return code
	}
	return "InternalServerError"
}
