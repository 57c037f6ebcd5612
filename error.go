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
// error code where Azure has one; Err, if any, is the cause, for errors.Is and errors.As. Details say more to those who look.
type Error struct {
	Kind    Kind
	Code    string
	Message string
	Err     error
	Details []ErrorDetail
}

// ErrorDetail is one of an Error's details as Azure writes them.
type ErrorDetail struct {
	Code           string      `json:"code"`
	Message        string      `json:"message"`
	Target         string      `json:"target,omitempty"`
	AdditionalInfo []ErrorInfo `json:"additionalInfo,omitempty"`
}

// ErrorInfo is something of a type that the reader has to know.
type ErrorInfo struct {
	Type string `json:"type"`
	Info any    `json:"info"`
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

// DetailsOf returns the details of the first Error in the chain.
func DetailsOf(err error) []ErrorDetail {
	if known, ok := errors.AsType[*Error](err); ok {
		return known.Details
	}
	return nil
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
