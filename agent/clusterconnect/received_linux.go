package clusterconnect

import (
	"context"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxReceived is how much the kernel may hold of what comes from kube-aad-proxy; it takes twice that. Much more would wait
// here whenever the link to the hub is slower than the cluster's network, and whatever is small would wait behind it.
const maxReceived = 128 << 10

// limitReceived does so, before the connection is made.
func limitReceived(_ context.Context, _, _ string, raw syscall.RawConn) error {
	return raw.Control(func(descriptor uintptr) {
		// Failure leaves a bridge that works, only slower beside bulk.
		_ = unix.SetsockoptInt(int(descriptor), unix.SOL_SOCKET, unix.SO_RCVBUF, maxReceived)
	})
}
