package tunnel_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/fairlead/fairlead/tunnel"
)

// update is a WINDOW_UPDATE.
func update(stream, bytes uint32) []byte {
	head := []byte{0, 0, 4, 8, 0}
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(head, stream), bytes)
}

// data is a frame of DATA.
func data(stream uint32, text []byte) []byte {
	head := []byte{byte(len(text) >> 16), byte(len(text) >> 8), byte(len(text)), 0, 0}
	return append(binary.BigEndian.AppendUint32(head, stream), text...)
}

// sent writes to a connection and returns what came at the other side.
func sent(t *testing.T, texts ...[]byte) []byte {
	t.Helper()
	noLeaks(t)
	under := &slow{may: make(chan error)}
	close(under.may)
	conn := tunnel.Watch(under)
	for _, text := range texts {
		write(t, conn, text)
	}
	_ = conn.Close()
	return bytes.Join(under.seen(), nil)
}

func TestUpdatesOfWindows(t *testing.T) {
	half := uint32(tunnel.MaxHeld / 2)
	both := append(update(0, half), update(3, half)...)
	looks := data(3, append(make([]byte, 5000), update(3, 7)...))
	many := make([][]byte, 32)
	for i := range many {
		many[i] = update(uint32(2*i+1), 1)
	}
	for name, c := range map[string]struct{ write, want [][]byte }{
		"Held":       {[][]byte{both}, nil},
		"Due":        {[][]byte{both, both}, [][]byte{update(0, 2*half), update(3, 2*half)}},
		"Large":      {[][]byte{update(5, 4*half)}, [][]byte{update(5, 4*half)}},
		"WithOthers": {[][]byte{update(3, 5), data(3, []byte("text"))}, [][]byte{update(3, 5), data(3, []byte("text"))}},
		"ManyOwners": {many, many},
		// What somebody else has written only looks like one.
		"WithinData":       {[][]byte{looks[:5009], looks[5009:]}, [][]byte{looks}},
		"AfterABrokenHead": {[][]byte{looks[:4], looks[4:], update(3, 5)}, [][]byte{looks}},
		"Once":             {[][]byte{update(3, 2*half), update(3, 5)}, [][]byte{update(3, 2*half)}},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := sent(t, c.write...), bytes.Join(c.want, nil); !bytes.Equal(got, want) {
				t.Errorf("%d bytes came in place of %d: % x", len(got), len(want), got[:min(len(got), 60)])
			}
		})
	}
}
