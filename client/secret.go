package client

import "log/slog"

const redacted = "[redacted]"

// Secret is text that must not be seen: every way of printing or logging it hides it.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the secret from fmt.
func (s Secret) String() string { return redacted }

// GoString hides the secret from fmt's %#v.
func (s Secret) GoString() string { return redacted }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText hides the secret from JSON and the like; what is to be kept is written with Reveal.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
