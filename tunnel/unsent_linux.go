package tunnel

import (
	"crypto/tls"
	"net"

	"golang.org/x/sys/unix"
)

// maxUnsent is how much may wait in the kernel before it is on its way. More does not make bulk faster, and whatever is
// small waits behind it: without the limit a GET beside four downloads takes three to five times as long.
const maxUnsent = 64 << 10

// limitUnsent does so on the TCP connection below, where there is one. Failure leaves a tunnel that works, only slower.
func limitUnsent(conn net.Conn) {
	for {
		if tcp, ok := conn.(*net.TCPConn); ok {
			setUnsent(tcp)
			return
		}
		below, ok := conn.(interface{ NetConn() net.Conn })
		if !ok {
			return
		}
		conn = below.NetConn()
	}
}

var _ interface{ NetConn() net.Conn } = (*tls.Conn)(nil)

func setUnsent(tcp *net.TCPConn) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(descriptor uintptr) {
		_ = unix.SetsockoptInt(int(descriptor), unix.IPPROTO_TCP, unix.TCP_NOTSENT_LOWAT, maxUnsent)
	})
}
