package arcproxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
)

// sameUser reports whether the other end of a connection from this machine belongs to the user of this process, or to root.
func sameUser(remote string, local net.Addr) bool {
	_, from, err := net.SplitHostPort(remote)
	if err != nil || local == nil {
		return false
	}
	_, to, err := net.SplitHostPort(local.String())
	if err != nil {
		return false
	}
	read := false
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		file, err := os.Open(path) //nolint:gosec // one of the two above
		if err != nil {
			continue
		}
		read = true
		owner, found := ownerOf(file, from, to)
		_ = file.Close() // nothing was written
		if found {
			return owner == os.Getuid() || owner == 0
		}
	}
	return !read // a kernel that does not say must not lock its owner out
}

// ownerOf finds the user of a socket on the loopback interface in a table of the kernel's, by the ports of its two ends.
func ownerOf(table io.Reader, from, to string) (int, bool) {
	local, remote := loopback(from), loopback(to)
	for lines := bufio.NewScanner(table); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 8 || !strings.HasSuffix(fields[1], local) || !strings.HasSuffix(fields[2], remote) {
			continue
		}
		owner, err := strconv.Atoi(fields[7])
		return owner, err == nil
	}
	return 0, false
}

// loopback is 127.0.0.1 with a port as the kernel writes it, which also ends its form for IPv6 sockets.
func loopback(port string) string {
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return "no port"
	}
	return fmt.Sprintf("0100007F:%04X", number)
}
