package clusterconnect

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

func TestTheKernelHoldsLittle(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := dialer().DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn() //nolint:forcetypeassert // it is TCP
	if err != nil {
		t.Fatal(err)
	}
	var size int
	if problem := raw.Control(func(descriptor uintptr) {
		size, err = unix.GetsockoptInt(int(descriptor), unix.SOL_SOCKET, unix.SO_RCVBUF)
	}); problem != nil || err != nil || size > 2*maxReceived {
		t.Errorf("it holds %d bytes: %v, %v", size, problem, err)
	}
}
