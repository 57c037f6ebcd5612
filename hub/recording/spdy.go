package recording

import (
	"encoding/binary"
	"errors"
	"sync"
)

var (
	errControl = errors.New("a SPDY frame is malformed, or of a kind that Kubernetes does not use")
	errStream  = errors.New("a SPDY stream is opened that is not one of a session")
)

// The types of control frames, SPDY 3.1.
const (
	spdySynStream    = 1
	spdySynReply     = 2
	spdyRstStream    = 3
	spdyPing         = 6
	spdyGoAway       = 7
	spdyHeaders      = 8
	spdyWindowUpdate = 9
)

const (
	spdyHeader  = 8
	spdyVersion = 3
	maxStreams  = 32
	maxHeaders  = 32 << 10 // bytes of a block of headers, compressed and not
)

// streams are the streams of one SPDY connection. Callers open all of them, and say in a header what each is for.
type streams struct {
	session *Recording
	size    sizes // of the caller's direction only

	mu    sync.Mutex
	kinds map[uint32]string
}

func (s *streams) open(id uint32, kind string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch kind {
	case "stdin", "stdout", "stderr", "error", "resize":
	default:
		return errStream
	}
	if _, again := s.kinds[id]; again || id == 0 || len(s.kinds) == maxStreams {
		return errStream
	}
	s.kinds[id] = kind
	return nil
}

func (s *streams) kind(id uint32) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds[id]
}

// shown takes what a container writes; typed what a caller does.
func (s *streams) shown(id uint32, data []byte) error {
	switch s.kind(id) {
	case "stdout", "stderr":
		return s.session.output(data)
	case "error":
		return nil // how the command ended
	default:
		return errStream
	}
}

func (s *streams) typed(id uint32, data []byte) error {
	switch s.kind(id) {
	case "stdin":
		return s.session.typed(data)
	case "resize":
		return s.size.take(data, s.session.resized)
	default:
		return errStream
	}
}

// spdyFrames reads one direction of a SPDY connection. It holds headers only, and no data.
type spdyFrames struct {
	streams    *streams
	fromServer bool

	header []byte
	block  []byte // of a control frame whose content matters
	left   int
	id     uint32
	kind   uint16 // 0: data
	names  inflater
}

func (f *spdyFrames) feed(passing []byte) error {
	for len(passing) > 0 {
		if f.left > 0 {
			n := min(f.left, len(passing))
			if err := f.content(passing[:n]); err != nil {
				return err
			}
			passing = passing[n:]
			continue
		}
		n := min(spdyHeader-len(f.header), len(passing))
		f.header = append(f.header, passing[:n]...)
		passing = passing[n:]
		if len(f.header) == spdyHeader {
			if err := f.begin(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *spdyFrames) begin() error {
	first, second := binary.BigEndian.Uint32(f.header), binary.BigEndian.Uint32(f.header[4:])
	f.header, f.block = f.header[:0], nil
	f.left, f.kind = int(second&0xffffff), 0
	if first>>31 == 0 {
		f.id = first
		return nil
	}
	f.kind = uint16(first & 0xffff)
	if first>>16&0x7fff != spdyVersion {
		return errControl
	}
	return f.check()
}

// check refuses frames of another length than their kind has: an API server reads on after those bytes that it expects.
func (f *spdyFrames) check() error {
	switch f.kind {
	case spdySynStream, spdySynReply, spdyHeaders:
		if f.left == 0 || f.left > maxHeaders {
			return errControl
		}
		if f.kind == spdySynStream && f.fromServer {
			return errStream
		}
		return nil
	case spdyPing:
		return unless(f.left == 4)
	case spdyRstStream, spdyGoAway, spdyWindowUpdate:
		return unless(f.left == 8)
	default:
		return errControl
	}
}

func unless(sound bool) error { //nolint:revive // the flag is what is asked
	if sound {
		return nil
	}
	return errControl
}

func (f *spdyFrames) content(part []byte) error {
	f.left -= len(part)
	switch {
	case f.kind == 0 && f.fromServer:
		return f.streams.shown(f.id, part)
	case f.kind == 0:
		return f.streams.typed(f.id, part)
	case f.fromServer, f.kind != spdySynStream && f.kind != spdySynReply && f.kind != spdyHeaders:
		return nil // the server opens no streams, so its headers mean nothing
	}
	if f.block = append(f.block, part...); f.left > 0 {
		return nil
	}
	return f.headers()
}

// headers understands a frame with headers. Each has to be inflated, because all share one dictionary.
func (f *spdyFrames) headers() error {
	skip := 4
	if f.kind == spdySynStream {
		skip = 10
	}
	if len(f.block) < skip {
		return errControl
	}
	id := binary.BigEndian.Uint32(f.block) & 0x7fffffff
	found, err := f.names.read(f.block[skip:])
	if err != nil || f.kind != spdySynStream {
		return err
	}
	return f.streams.open(id, found["streamtype"])
}
