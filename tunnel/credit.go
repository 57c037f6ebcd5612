package tunnel

import "encoding/binary"

const (
	updateSize   = frameHead + 4 // of a WINDOW_UPDATE
	windowUpdate = 0x8
	// So much less than a window may be under way, which is not missed. Each read of 64 KiB would be a message otherwise.
	maxHeld   = streamWindow / 8
	maxOwners = 32
)

// frames follows a stream of HTTP/2's frames from write to write.
type frames struct {
	left int // of a frame, or of what is none
	head [frameHead]byte
	have int // of the head
}

func (f *frames) atStart() bool { return f.left == 0 && f.have == 0 }

func (f *frames) follow(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left, p = f.left-n, p[n:]
			continue
		}
		n := copy(f.head[f.have:], p)
		f.have, p = f.have+n, p[n:]
		if f.have == frameHead {
			f.left, f.have = int(f.head[0])<<16|int(f.head[1])<<8|int(f.head[2]), 0
		}
	}
}

// credits is by how much windows have grown of which the peer has not been told.
type credits []credit

type credit struct{ stream, bytes uint32 }

// take takes a write that is nothing but updates of windows.
func (c *credits) take(p []byte) bool {
	if len(p) == 0 || len(p)%updateSize != 0 {
		return false
	}
	for rest := p; len(rest) > 0; rest = rest[updateSize:] {
		if [5]byte(rest) != [5]byte{0, 0, updateSize - frameHead, windowUpdate, 0} {
			return false
		}
	}
	for ; len(p) > 0; p = p[updateSize:] {
		c.add(credit{binary.BigEndian.Uint32(p[5:]), binary.BigEndian.Uint32(p[frameHead:])})
	}
	return true
}

func (c *credits) add(more credit) {
	for i := range *c {
		if (*c)[i].stream == more.stream {
			(*c)[i].bytes += more.bytes
			return
		}
	}
	*c = append(*c, more)
}

// due reports whether the peer has to be told.
func (c *credits) due() bool {
	for _, one := range *c {
		if one.bytes >= maxHeld {
			return true
		}
	}
	return len(*c) >= maxOwners
}

// tell appends the updates, and begins anew.
func (c *credits) tell(to []byte) []byte {
	for _, one := range *c {
		to = append(to, 0, 0, updateSize-frameHead, windowUpdate, 0)
		to = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(to, one.stream), one.bytes)
	}
	*c = (*c)[:0]
	return to
}
