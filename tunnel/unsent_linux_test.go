package tunnel_test

import (
	"net"
	"net/http"
	"testing"

	"golang.org/x/sys/unix"
)

func TestLittleWaitsInTheKernel(t *testing.T) {
	r := newRig(t, http.NotFoundHandler())
	var conn net.Conn = r.conn
	for {
		if tcp, ok := conn.(*net.TCPConn); ok {
			raw, err := tcp.SyscallConn()
			if err != nil {
				t.Fatal(err)
			}
			_ = raw.Control(func(descriptor uintptr) {
				if got, err := unix.GetsockoptInt(int(descriptor), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT); err != nil || got != 64<<10 {
					t.Errorf("the limit is %d, %v", got, err)
				}
			})
			return
		}
		conn = conn.(interface{ NetConn() net.Conn }).NetConn()
	}
}
