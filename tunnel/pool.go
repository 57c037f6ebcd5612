package tunnel

import "sync"

// chunk holds a message with its heads, and the records of TLS that it becomes.
type chunk [64<<10 + 4*recordOverhead]byte

// recordOverhead is what TLS adds to a record, at most.
const recordOverhead = 256

// chunks are shared by all connections: each needs one for the length of a call only.
var chunks = sync.Pool{New: func() any { return new(chunk) }} //nolint:gochecknoglobals // a pool is of use to many or to none

// Buffers is a pool for httputil.ReverseProxy, of the size of a frame.
type Buffers struct{}

// Get returns a buffer.
func (Buffers) Get() []byte { return chunks.Get().(*chunk)[:FrameSize] } //nolint:forcetypeassert // nothing else is in it

// Put takes a buffer back that Get has returned.
func (Buffers) Put(buffer []byte) {
	if cap(buffer) == len(chunk{}) {
		chunks.Put((*chunk)(buffer[:len(chunk{})]))
	}
}
