package run

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// Windows has numbers of its own for what connections die of.
const (
	windowsNetUnreachable  syscall.Errno = 10051
	windowsReset           syscall.Errno = 10054
	windowsRefused         syscall.Errno = 10061
	windowsHostUnreachable syscall.Errno = 10065
)

// reason classes an error, the most telling class first.
func reason(err error) wire.Reason {
	if class := answerReason(err); class != "" {
		return class
	}
	var name *net.DNSError
	if errors.As(err, &name) && name.IsNotFound {
		return wire.ReasonNoName
	}
	var timeout net.Error
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout() {
		return wire.ReasonTimeout
	}
	return socketReason(err)
}

// answerReason classes what the other side said.
func answerReason(err error) wire.Reason {
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var remote *net.OpError
	switch {
	case errors.Is(err, errUntrusted):
		return wire.ReasonUntrusted
	case errors.Is(err, errStatus):
		return wire.ReasonStatus
	case errors.Is(err, errMalformed):
		return wire.ReasonMalformed
	case errors.As(err, &record):
		return wire.ReasonNotTLS
	case errors.As(err, &alert), errors.As(err, &remote) && remote.Op == "remote error":
		return wire.ReasonAlert
	}
	return ""
}

func socketReason(err error) wire.Reason {
	switch {
	case isOne(err, syscall.ECONNREFUSED, windowsRefused):
		return wire.ReasonRefused
	case isOne(err, syscall.ECONNRESET, syscall.EPIPE, windowsReset):
		return wire.ReasonReset
	case isOne(err, syscall.EHOSTUNREACH, syscall.ENETUNREACH, windowsHostUnreachable, windowsNetUnreachable):
		return wire.ReasonUnreachable
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return wire.ReasonClosed
	}
	return wire.ReasonOther
}

func isOne(err error, numbers ...syscall.Errno) bool {
	for _, number := range numbers {
		if errors.Is(err, number) {
			return true
		}
	}
	return false
}
