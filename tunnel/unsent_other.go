//go:build !linux

package tunnel

import "net"

// limitUnsent does nothing here.
func limitUnsent(net.Conn) {}
