package hub

import (
	"net"
	"net/http"
	"testing"
)

func TestSilentConnectionsMakeRoom(t *testing.T) {
	all := newConnections(3)
	conns := map[string]net.Conn{}
	dial := func(name string) (closed string) {
		mine, theirs := net.Pipe()
		t.Cleanup(func() { _ = theirs.Close() })
		conns[name] = mine
		if surplus := all.note(mine, http.StateNew); surplus != nil {
			for other, conn := range conns {
				if conn == surplus {
					return other
				}
			}
		}
		return ""
	}
	for _, name := range []string{"agent", "idle", "halfOpen"} {
		if closed := dial(name); closed != "" {
			t.Fatalf("%s was closed too early", closed)
		}
	}
	all.note(conns["agent"], http.StateActive)
	all.note(conns["idle"], http.StateActive)
	all.note(conns["idle"], http.StateIdle)
	if closed := dial("next"); closed != "halfOpen" {
		t.Errorf("%q was closed, want the one that is silent longest", closed)
	}
	all.note(conns["halfOpen"], http.StateClosed)
	all.note(conns["next"], http.StateActive)
	if closed := dial("another"); closed != "idle" {
		t.Errorf("%q was closed, want the idle one", closed)
	}
	all.note(conns["idle"], http.StateClosed)
	all.note(conns["another"], http.StateActive)
	if closed := dial("last"); closed != "last" {
		t.Errorf("%q was closed: what works must not be cut off for a newcomer", closed)
	}
}
