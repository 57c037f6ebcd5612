package recording

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/moby/spdystream/spdy"

	"github.com/fairlead/fairlead/store"
)

// frame writes a WebSocket frame, masked as a caller's or not.
func frame(head byte, payload []byte, masked bool) []byte { //nolint:revive // the flag is a bit of the frame
	out := []byte{head}
	bit := byte(0)
	if masked {
		bit = 0x80
	}
	switch {
	case len(payload) < 126:
		out = append(out, bit|byte(len(payload)))
	case len(payload) < 1<<16:
		out = binary.BigEndian.AppendUint16(append(out, bit|126), uint16(len(payload)))
	default:
		out = binary.BigEndian.AppendUint64(append(out, bit|127), uint64(len(payload)))
	}
	if !masked {
		return append(out, payload...)
	}
	key := []byte{1, 2, 3, 4}
	out = append(out, key...)
	for i, b := range payload {
		out = append(out, b^key[i%4])
	}
	return out
}

func begun(tb testing.TB, settings string) (*Recorder, *Recording) {
	tb.Helper()
	r := newRecorder(tb, settings)
	recording, err := r.Start(tb.Context(), execSession("websocket"))
	if err != nil {
		tb.Fatal(err)
	}
	recording.begin()
	tb.Cleanup(func() { recording.End(tb.Context()) })
	return r, recording
}

// inBits feeds a reader in parts of one size.
func inBits(to reader, all []byte, size int) error {
	for len(all) > 0 {
		n := min(size, len(all))
		if err := to.feed(all[:n]); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func TestWebSocketInBits(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 70_000)
	shown := bytes.Join([][]byte{
		frame(0x82, []byte("\x01one"), false), frame(0x89, []byte("ping"), false), frame(0x82, []byte("\x01"), false), frame(0x82, nil, false),
		frame(0x82, []byte("\x02two"), false), frame(0x82, append([]byte{1}, bytes.Repeat([]byte("y"), 200)...), false), frame(0x82, append([]byte{1}, long...), false),
		frame(0x82, []byte("\x03{}"), false), frame(0x88, []byte{3, 232}, false),
	}, nil)
	encoded := frame(0x81, []byte("1"+base64.StdEncoding.EncodeToString([]byte("onetwo"+strings.Repeat("y", 200)+string(long)))), false)
	said := func(zero byte) []byte {
		return bytes.Join([][]byte{
			frame(0x82, append([]byte{zero}, "hello"...), true), frame(0x82, append([]byte{zero + channelResize}, "{\"Width\":100,\"Height\":30}\n"...), true),
			frame(0x82, append([]byte{zero + channelResize}, "nonsense}"...), true),
		}, nil)
	}
	for _, size := range []int{1, 2, 3, 7, 1000, 1 << 20} {
		for _, in64 := range []bool{false, true} {
			r, recording := begun(t, onAndType)
			protocol, all, typed := "v5.channel.k8s.io", shown, append(said(0), frame(0x82, []byte{255, 0}, true)...)
			if in64 {
				protocol, all, typed = "v4.base64.channel.k8s.io", encoded, said('0')
			}
			output, input, err := recording.readers("websocket", protocol)
			if err != nil {
				t.Fatal(err)
			}
			kept := bytes.Clone(all)
			if err := errors.Join(inBits(output, all, size), inBits(input, typed, size)); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(kept, all) {
				t.Fatal("what passes was changed")
			}
			recording.End(t.Context())
			_, got := events(t, r, only(t, r).ID)
			if want := "onetwo" + strings.Repeat("y", 200) + string(long); got["o"] != want || got["i"] != "hello" || got["r"] != "100x30" {
				t.Errorf("in bits of %d, base64 %v: %d bytes of output, %q, %q", size, in64, len(got["o"]), got["i"], got["r"])
			}
		}
	}
}

func TestHostileWebSocket(t *testing.T) {
	cases := map[string]struct {
		reason  string
		masked  bool
		in64    bool
		content []byte
	}{
		"Compressed":     {"an extension hides the content", false, false, frame(0xc2, []byte("\x01x"), false)},
		"Fragment":       {"API servers take each part for a message", false, false, frame(0x02, []byte("\x01x"), false)},
		"Continuation":   {"of nothing", false, false, frame(0x80, []byte("\x01x"), false)},
		"UnknownOpcode":  {"not in RFC 6455", false, false, frame(0x83, []byte("\x01x"), false)},
		"LongPing":       {"control frames are short", false, false, frame(0x89, make([]byte, 126), false)},
		"MaskedServer":   {"servers do not mask", false, false, frame(0x82, []byte("\x01x"), true)},
		"UnmaskedCaller": {"callers mask", true, false, frame(0x82, []byte("\x00x"), false)},
		"HugeLength":     {"the highest bit is never set", false, false, append([]byte{0x82, 127}, bytes.Repeat([]byte{0xff}, 8)...)},
		"ServerInput":    {"output on the channel for input", false, false, frame(0x82, []byte("\x00x"), false)},
		"ServerUnknown":  {"output on no channel", false, false, frame(0x82, []byte("\x09x"), false)},
		"CallerOutput":   {"input on the channel for output", true, false, frame(0x82, []byte("\x01x"), true)},
		"BadBase64":      {"nobody can read it", false, true, frame(0x81, []byte("1!!!!"), false)},
		"HalfBase64":     {"something is left", false, true, frame(0x81, []byte("1eH"), false)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			protocol := map[bool]string{false: "v4.channel.k8s.io", true: "base64.channel.k8s.io"}[c.in64]
			shown, typed, err := unkept(t).readers("websocket", protocol)
			if err != nil {
				t.Fatal(err)
			}
			to := shown
			if c.masked {
				to = typed
			}
			if err := to.feed(c.content); err == nil {
				t.Errorf("%s, and it passed", c.reason)
			}
		})
	}
}

type closing struct {
	io.Reader
	io.Writer
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// What cannot be read reaches neither end, and ends the session.
func TestUnreadableEndsTheSession(t *testing.T) {
	for name, do := range map[string]func(io.ReadWriteCloser) (int, error){
		"Shown": func(s io.ReadWriteCloser) (int, error) { return s.Read(make([]byte, 100)) },
		"Typed": func(s io.ReadWriteCloser) (int, error) { return s.Write([]byte("\xc2\x01x")) },
	} {
		t.Run(name, func(t *testing.T) {
			r, recording := begun(t, on)
			var cluster bytes.Buffer
			stream := &closing{Reader: strings.NewReader("\xc2\x01x"), Writer: &cluster}
			wrapped, err := recording.Wrap("websocket", "v4.channel.k8s.io", stream)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := do(wrapped); n != 0 || !errors.Is(err, errFrame) || !stream.closed || cluster.Len() > 0 {
				t.Errorf("%d, %v, closed %v, %d bytes reached the cluster", n, err, stream.closed, cluster.Len())
			}
			recording.End(t.Context())
			if row := only(t, r); row.State != store.RecordingInterrupted {
				t.Errorf("%+v", row)
			}
		})
	}
}

// spdyBytes is what a caller sends, written by the library that Kubernetes uses.
func spdyBytes(tb testing.TB, frames ...spdy.Frame) []byte {
	tb.Helper()
	var out bytes.Buffer
	framer, err := spdy.NewFramer(&out, &out)
	if err != nil {
		tb.Fatal(err)
	}
	for _, one := range frames {
		if err := framer.WriteFrame(one); err != nil {
			tb.Fatal(err)
		}
	}
	return out.Bytes()
}

func opened(id spdy.StreamId, kind string) *spdy.SynStreamFrame {
	return &spdy.SynStreamFrame{StreamId: id, Headers: http.Header{"Streamtype": {kind}}}
}

func TestSPDYInBits(t *testing.T) {
	typed := spdyBytes(t, opened(1, "error"), opened(3, "stdin"), opened(5, "stdout"), &spdy.PingFrame{Id: 1},
		&spdy.HeadersFrame{StreamId: 3, Headers: http.Header{"More": {"x"}}}, opened(7, "resize"), &spdy.WindowUpdateFrame{StreamId: 5, DeltaWindowSize: 9},
		&spdy.DataFrame{StreamId: 3, Data: []byte("hello")}, &spdy.DataFrame{StreamId: 7, Data: []byte(`{"Width":100,`)}, &spdy.DataFrame{StreamId: 7, Data: []byte(`"Height":30}`)},
		&spdy.DataFrame{StreamId: 3, Flags: spdy.DataFlagFin}, &spdy.GoAwayFrame{LastGoodStreamId: 1})
	shown := spdyBytes(t, &spdy.SynReplyFrame{StreamId: 5, Headers: http.Header{}}, &spdy.DataFrame{StreamId: 5, Data: []byte("one")},
		&spdy.DataFrame{StreamId: 5, Data: bytes.Repeat([]byte("x"), 70_000)}, &spdy.DataFrame{StreamId: 1, Data: []byte("{}")}, &spdy.RstStreamFrame{StreamId: 5, Status: spdy.Cancel})
	for _, size := range []int{1, 5, 1000, 1 << 20} {
		r, recording := begun(t, onAndType)
		output, input, err := recording.readers("SPDY/3.1", "")
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(inBits(input, typed, size), inBits(output, shown, size)); err != nil {
			t.Fatal(err)
		}
		recording.End(t.Context())
		if _, got := events(t, r, only(t, r).ID); got["o"] != "one"+strings.Repeat("x", 70_000) || got["i"] != "hello" || got["r"] != "100x30" {
			t.Errorf("in bits of %d: %d bytes of output, %q, %q", size, len(got["o"]), got["i"], got["r"])
		}
	}
}

// block is a SYN_STREAM frame with a block of headers of our own making.
func block(tb testing.TB, plain []byte) []byte {
	tb.Helper()
	var packed bytes.Buffer
	writer, err := zlib.NewWriterLevelDict(&packed, zlib.BestCompression, dictionary)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := writer.Write(plain); err != nil {
		tb.Fatal(err)
	}
	if err := writer.Flush(); err != nil {
		tb.Fatal(err)
	}
	out := []byte{0x80, 3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(out[4:], uint32(10+packed.Len()))
	return append(out, packed.Bytes()...)
}

func pairs(all ...string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(all)/2))
	for _, one := range all {
		out = append(binary.BigEndian.AppendUint32(out, uint32(len(one))), one...)
	}
	return out
}

func TestHostileSPDY(t *testing.T) {
	cases := map[string]struct {
		reason     string
		fromServer bool
		content    []byte
	}{
		"ServerOpens":   {"servers of Kubernetes open no streams", true, spdyBytes(t, opened(2, "stdout"))},
		"UnknownOutput": {"output on a stream that nobody opened", true, spdyBytes(t, &spdy.DataFrame{StreamId: 5, Data: []byte("x")})},
		"UnknownInput":  {"input on a stream that nobody opened", false, spdyBytes(t, &spdy.DataFrame{StreamId: 5, Data: []byte("x")})},
		"OutputAsInput": {"input on the stream for output", false, spdyBytes(t, opened(5, "stdout"), &spdy.DataFrame{StreamId: 5, Data: []byte("x")})},
		"OpenedTwice":   {"which of both counts?", false, spdyBytes(t, opened(5, "stdout"), opened(5, "error"))},
		"UnknownKind":   {"no stream of a session", false, spdyBytes(t, opened(5, "data"))},
		"NoKind":        {"no stream of a session", false, spdyBytes(t, &spdy.SynStreamFrame{StreamId: 1, Headers: http.Header{}})},
		"TwoValues":     {"readers differ in which counts", false, block(t, pairs("streamtype", "stdout\x00error"))},
		"TwoHeaders":    {"readers differ in which counts", false, block(t, pairs("streamtype", "error", "streamtype", "stdout"))},
		"UpperCase":     {"readers differ in whether it counts", false, block(t, pairs("streamtype", "error", "StreamType", "stdout"))},
		"ManyHeaders":   {"four thousand million of them", false, block(t, []byte{0xff, 0xff, 0xff, 0xff})},
		"LongName":      {"four gigabytes of it", false, block(t, []byte{0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff})},
		"Bomb":          {"small and large", false, block(t, pairs("streamtype", "stdout", "x", strings.Repeat("a", 1<<20)))},
		"NotCompressed": {"no block at all", false, append([]byte{0x80, 3, 0, 1, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, "text"...)},
		"LongPing":      {"API servers read four bytes of it, and frames after those", false, append([]byte{0x80, 3, 0, 6, 0, 0, 1, 0}, make([]byte, 256)...)},
		"Settings":      {"Kubernetes has none", false, []byte{0x80, 3, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0}},
		"UnknownType":   {"nobody knows", false, []byte{0x80, 3, 0, 99, 0, 0, 0, 4, 0, 0, 0, 0}},
		"OtherVersion":  {"SPDY 2 has another dictionary", false, []byte{0x80, 2, 0, 6, 0, 0, 0, 4, 0, 0, 0, 0}},
		"LargeHeaders":  {"more than is kept", false, []byte{0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff}},
		"EmptyHeaders":  {"nothing opened", false, []byte{0x80, 3, 0, 1, 0, 0, 0, 0}},
		"ShortHeaders":  {"less than a stream's number", false, []byte{0x80, 3, 0, 1, 0, 0, 0, 4, 0, 0, 0, 1}},
		"LeftOver": {"content after the headers", false, func() []byte {
			out := append(block(t, pairs("streamtype", "stdin")), make([]byte, 64)...)
			out[7] += 64
			return out
		}()},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			shown, typed, err := unkept(t).readers("SPDY/3.1", "")
			if err != nil {
				t.Fatal(err)
			}
			to := typed
			if c.fromServer {
				to = shown
			}
			if err := inBits(to, c.content, 11); err == nil {
				t.Errorf("%s, and it passed", c.reason)
			}
		})
	}
}

func TestStreamsAreBounded(t *testing.T) {
	_, typed, err := unkept(t).readers("SPDY/3.1", "")
	if err != nil {
		t.Fatal(err)
	}
	var frames []spdy.Frame
	for i := range maxStreams + 1 {
		frames = append(frames, opened(spdy.StreamId(2*i+1), "stdin"))
	}
	if err := typed.feed(spdyBytes(t, frames...)); !errors.Is(err, errStream) {
		t.Error(err)
	}
}

func FuzzWebSocket(f *testing.F) {
	f.Add(frame(0x82, []byte("\x01x"), false), frame(0x82, []byte("\x04{\"Width\":1,\"Height\":2}"), true), uint8(3), true)
	f.Add(frame(0x81, []byte("1eHg="), false), frame(0x88, nil, true), uint8(1), false)
	f.Fuzz(func(t *testing.T, shown, typed []byte, size uint8, in64 bool) {
		fuzzed(t, "websocket", map[bool]string{false: "v5.channel.k8s.io", true: "v4.base64.channel.k8s.io"}[in64], shown, typed, int(size)+1)
	})
}

func FuzzSPDY(f *testing.F) {
	f.Add(spdyBytes(f, &spdy.DataFrame{StreamId: 5, Data: []byte("x")}), spdyBytes(f, opened(5, "stdout"), opened(3, "stdin"), &spdy.PingFrame{Id: 1}), uint8(3))
	f.Add([]byte{0x80, 3, 0, 2, 0, 0, 0, 1, 1}, block(f, pairs("streamtype", "resize", "a", "b")), uint8(1))
	f.Fuzz(func(t *testing.T, shown, typed []byte, size uint8) {
		fuzzed(t, "SPDY/3.1", "", shown, typed, int(size)+1)
	})
}

// fuzzed reads the same in one piece and in bits: either way as much of it is understood, and nothing is recorded that did not pass.
func fuzzed(t *testing.T, protocol, subprotocol string, shown, typed []byte, size int) {
	t.Helper()
	var results [2]string
	for i, bits := range []int{1 << 30, size} {
		file := &memory{}
		recording := &Recording{input: true, cast: file.cast(t)}
		output, input, err := recording.readers(protocol, subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		first, second := inBits(input, typed, bits), inBits(output, shown, bits)
		if file.output > len(shown) || file.input > len(typed) {
			t.Fatalf("%d of %d shown and %d of %d typed", file.output, len(shown), file.input, len(typed))
		}
		results[i] = fmt.Sprint(first == nil, second == nil)
	}
	if results[0] != results[1] {
		t.Fatalf("in one piece %s, in bits of %d %s", results[0], size, results[1])
	}
}

func unkept(tb testing.TB) *Recording { return &Recording{input: true, cast: (&memory{}).cast(tb)} }

// memory stands for a file and counts the characters in it.
type memory struct {
	tb            testing.TB
	output, input int
}

func (m *memory) cast(tb testing.TB) *cast {
	m.tb = tb
	return &cast{now: time.Now, started: time.Now(), most: 1 << 20, file: m, split: map[string][]byte{}}
}

func (m *memory) Write(line []byte) (int, error) {
	var event []any
	if err := json.Unmarshal(line, &event); err != nil || len(event) != 3 {
		m.tb.Fatalf("%q: %v", line, err)
	}
	count := utf8.RuneCountInString(event[2].(string))
	switch event[1] {
	case codeOutput:
		m.output += count
	case codeInput:
		m.input += count
	}
	return len(line), nil
}

func (*memory) Close() error { return nil }
func (*memory) Sync() error  { return nil }
func (*memory) Name() string { return "" }
