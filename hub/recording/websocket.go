package recording

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

var (
	errFrame   = errors.New("a WebSocket frame is malformed, or uses an extension")
	errChannel = errors.New("a message is on a channel that is not known")
	errBase64  = errors.New("a message is not in base64")
)

// The opcodes of frames, RFC 6455, 5.2.
const (
	opText   = 1
	opBinary = 2
	opClose  = 8
	opPong   = 10
)

const maxControl = 125

// encodedIn64 reports whether messages of a subprotocol are written in base64. All of Kubernetes' have the same channels.
func encodedIn64(subprotocol string) (bool, error) {
	switch {
	case slices.Contains([]string{"", "channel.k8s.io", "v4.channel.k8s.io", "v5.channel.k8s.io"}, subprotocol):
		return false, nil
	case strings.HasSuffix(subprotocol, "base64.channel.k8s.io"):
		return true, nil
	}
	return false, unreadable(fmt.Sprintf("the sessions of this cluster are recorded, and the hub cannot read the protocol %.64q", subprotocol))
}

// frames reads one direction of a WebSocket, RFC 6455. It holds no more of it than a frame's header. A message in
// several frames is refused: API servers take each for a message of its own, and no client of theirs sends any.
type frames struct {
	to     *channels
	masked bool

	header []byte
	opcode byte
	left   uint64
	key    [4]byte
	at     int
}

func (f *frames) feed(passing []byte) error {
	for len(passing) > 0 {
		if f.left > 0 {
			n := int(min(f.left, uint64(len(passing)))) //nolint:gosec // bounded by a length
			if err := f.payload(passing[:n]); err != nil {
				return err
			}
			passing = passing[n:]
			continue
		}
		f.header = append(f.header, passing[0])
		passing = passing[1:]
		if len(f.header) < f.headerSize() {
			continue
		}
		if err := f.begin(); err != nil {
			return err
		}
	}
	return nil
}

// headerSize returns how long the header is, as far as is known.
func (f *frames) headerSize() int {
	size := 2
	if len(f.header) < size {
		return size
	}
	switch f.header[1] & 0x7f {
	case 126:
		size += 2
	case 127:
		size += 8
	}
	if f.header[1]&0x80 != 0 {
		size += 4
	}
	return size
}

// begin understands a header that is complete.
func (f *frames) begin() error {
	head := f.header
	f.header = nil
	opcode, masked := head[0]&0x0f, head[1]&0x80 != 0
	if head[0]&0xf0 != 0x80 || masked != f.masked {
		return errFrame
	}
	rest := head[2:]
	switch length := head[1] & 0x7f; length {
	case 126:
		f.left, rest = uint64(binary.BigEndian.Uint16(rest)), rest[2:]
	case 127:
		f.left, rest = binary.BigEndian.Uint64(rest), rest[8:]
	default:
		f.left = uint64(length)
	}
	copy(f.key[:], rest)
	f.at = 0
	return f.enter(opcode)
}

// enter begins a frame of that kind, and ends it when it is empty.
func (f *frames) enter(opcode byte) error {
	f.opcode = opcode
	switch {
	case f.left>>63 != 0:
		return errFrame
	case opcode >= opClose && opcode <= opPong && f.left <= maxControl:
		return nil
	case opcode == opText, opcode == opBinary:
		f.to.begin()
		return f.leave()
	default:
		return errFrame
	}
}

// leave ends a message with its last byte.
func (f *frames) leave() error {
	if f.left > 0 {
		return nil
	}
	return f.to.end()
}

func (f *frames) payload(part []byte) error {
	f.left -= uint64(len(part))
	if f.opcode >= opClose {
		return nil
	}
	if err := f.to.data(f.unmask(part)); err != nil {
		return err
	}
	return f.leave()
}

// unmask returns what a part of a frame means; the part itself passes as it is.
func (f *frames) unmask(part []byte) []byte {
	if !f.masked {
		return part
	}
	plain := make([]byte, len(part))
	for i, b := range part {
		plain[i] = b ^ f.key[(f.at+i)%4]
	}
	f.at = (f.at + len(part)) % 4
	return plain
}

// The channels of Kubernetes' subprotocols: the first byte of each message.
const (
	channelInput  = 0
	channelOutput = 1
	channelStderr = 2
	channelError  = 3
	channelResize = 4
	channelClose  = 255 // of v5: a channel is closed
	none          = -1
)

// channels reads messages of Kubernetes' subprotocols, in one direction.
type channels struct {
	session    *Recording
	encoded    bool
	fromServer bool

	channel int
	rest64  []byte // the beginning of four characters of base64
	size    sizes
}

func (c *channels) begin() { c.channel, c.rest64, c.size = none, nil, sizes{} }

func (c *channels) end() error {
	if len(c.rest64) > 0 {
		return errBase64
	}
	return nil
}

func (c *channels) data(part []byte) error {
	if len(part) > 0 && c.channel == none {
		c.channel, part = int(part[0]), part[1:]
		if c.encoded {
			c.channel -= '0'
		}
	}
	if len(part) == 0 {
		return nil
	}
	if c.encoded && c.fromServer { // what callers send is not decoded by API servers of today
		var err error
		if part, err = c.decode(part); err != nil {
			return err
		}
	}
	return c.take(part)
}

// decode takes base64 in parts of four characters.
func (c *channels) decode(part []byte) ([]byte, error) {
	text := append(c.rest64, part...) //nolint:gocritic // what was split is put together
	whole := len(text) / 4 * 4
	plain := make([]byte, base64.StdEncoding.DecodedLen(whole))
	n, err := base64.StdEncoding.Decode(plain, text[:whole])
	if err != nil {
		return nil, errBase64
	}
	c.rest64 = append([]byte(nil), text[whole:]...)
	return plain[:n], nil
}

func (c *channels) take(data []byte) error {
	switch {
	case c.fromServer && (c.channel == channelOutput || c.channel == channelStderr):
		return c.session.output(data)
	case c.fromServer && c.channel == channelError:
		return nil // how the command ended
	case c.fromServer:
		return errChannel
	case c.channel == channelInput:
		return c.session.typed(data)
	case c.channel == channelResize:
		return c.size.take(data, c.session.resized)
	case c.channel == channelClose:
		return nil
	default:
		return errChannel
	}
}
