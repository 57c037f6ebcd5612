package arcproxy

import (
	"net"
	"os"
	"strings"
	"testing"
)

const socketTable = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:B7A2 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0
   1: 0100007F:C350 0100007F:B7A2 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0
   2: 0100007F:B7A2 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1001        0 3 1 0
   3: 0000000000000000FFFF00000100007F:C351 0000000000000000FFFF00000100007F:B7A2 01 00000000:00000000 00:00000000 00000000  1002        0 3 1 0
`

func TestOwnerOfASocket(t *testing.T) {
	for name, c := range map[string]struct {
		from, to string
		owner    int
		found    bool
	}{
		"TheOtherEnd": {"50000", "47010", 1000, true}, "IPv6Socket": {"50001", "47010", 1002, true},
		"Nobody": {"50002", "47010", 0, false}, "NoPort": {"x", "47010", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if owner, found := ownerOf(strings.NewReader(socketTable), c.from, c.to); owner != c.owner || found != c.found {
				t.Errorf("%d, %v", owner, found)
			}
		})
	}
}

func TestOneselfIsTheSameUser(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	connection, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close() }()
	if !sameUser(connection.LocalAddr().String(), connection.RemoteAddr()) {
		t.Errorf("user %d is not known as such", os.Getuid())
	}
	if sameUser("127.0.0.1:1", connection.RemoteAddr()) {
		t.Error("somebody who is not there was let in")
	}
}

func FuzzOwnerOf(f *testing.F) {
	f.Add(socketTable, "50000", "47010")
	f.Fuzz(func(_ *testing.T, table, from, to string) { ownerOf(strings.NewReader(table), from, to) })
}
