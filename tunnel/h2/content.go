package h2

import "sync"

// small and large are the pieces in which content waits.
type (
	small [4 << 10]byte
	large [64 << 10]byte
)

var (
	smalls = sync.Pool{New: func() any { return new(small) }} //nolint:gochecknoglobals // a pool is of use to many or to none
	larges = sync.Pool{New: func() any { return new(large) }} //nolint:gochecknoglobals // as above
)

// piece is some of what has come: from from to to.
type piece struct {
	bytes    []byte
	from, to int
}

// content is what has come of a body and waits for its reader, in buffers that all bodies share. What is not full is filled up, so
// it takes little more than what it holds.
type content struct {
	pieces []piece
	first  int
}

func (c *content) put(p []byte) {
	if last := len(c.pieces) - 1; last >= c.first {
		at := &c.pieces[last]
		n := copy(at.bytes[at.to:], p)
		at.to += n
		p = p[n:]
	}
	if c.first > 0 && len(c.pieces) == cap(c.pieces) { // what was taken makes room
		c.pieces, c.first = append(c.pieces[:0], c.pieces[c.first:]...), 0
	}
	for len(p) > 0 {
		made := piece{bytes: buffer(len(p))}
		made.to = copy(made.bytes, p)
		p = p[made.to:]
		c.pieces = append(c.pieces, made)
	}
}

func buffer(size int) []byte {
	if size <= len(small{}) {
		return smalls.Get().(*small)[:] //nolint:forcetypeassert // nothing else is in it
	}
	return larges.Get().(*large)[:] //nolint:forcetypeassert // nothing else is in it
}

func release(buffer []byte) {
	if len(buffer) == len(small{}) {
		smalls.Put((*small)(buffer))
		return
	}
	larges.Put((*large)(buffer))
}

func (c *content) empty() bool { return c.first == len(c.pieces) }

// take fills p with as much as there is.
func (c *content) take(p []byte) int {
	taken := 0
	for taken < len(p) && c.first < len(c.pieces) {
		at := &c.pieces[c.first]
		n := copy(p[taken:], at.bytes[at.from:at.to])
		at.from += n
		taken += n
		if at.from < at.to {
			break
		}
		release(at.bytes)
		*at = piece{}
		c.first++
	}
	if c.first == len(c.pieces) {
		c.pieces, c.first = c.pieces[:0], 0
	}
	return taken
}

// drop forgets what was not taken.
func (c *content) drop() {
	for _, one := range c.pieces[c.first:] {
		release(one.bytes)
	}
	c.pieces, c.first = nil, 0
}
