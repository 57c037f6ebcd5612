package recording

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead/store"
)

const endTimeout = 10 * time.Second

// Recording is one session being recorded. Who has one that is not nil must call End.
type Recording struct {
	recorder *Recorder
	row      store.Recording
	cast     *cast
	input    bool

	once  sync.Once
	mu    sync.Mutex
	began bool // the API server has opened the session
	cut   bool // the session was ended because it could not be read
}

// reader understands one direction of a stream, bit by bit as it passes.
type reader interface{ feed(passing []byte) error }

// Wrap returns a stream that is read along: what is read from it goes to the caller, what is written to it comes from the
// caller. Protocol and subprotocol are those that the API server chose. An error means that they are not understood: the
// stream must be closed.
func (r *Recording) Wrap(protocol, subprotocol string, stream io.ReadWriteCloser) (io.ReadWriteCloser, error) {
	if r == nil {
		return stream, nil
	}
	r.begin()
	shown, typed, err := r.readers(protocol, subprotocol)
	if err != nil {
		r.fail()
		return nil, err
	}
	return &watched{ReadWriteCloser: stream, recording: r, shown: shown, typed: typed}, nil
}

func (r *Recording) readers(protocol, subprotocol string) (shown, typed reader, err error) {
	switch strings.ToLower(protocol) {
	case "websocket":
		encoded, err := encodedIn64(subprotocol)
		if err != nil {
			return nil, nil, err
		}
		return &frames{to: &channels{session: r, encoded: encoded, fromServer: true}}, &frames{to: &channels{session: r, encoded: encoded}, masked: true}, nil
	case "spdy/3.1":
		streams := &streams{session: r, kinds: map[uint32]string{}}
		return &spdyFrames{streams: streams, fromServer: true}, &spdyFrames{streams: streams}, nil
	default:
		return nil, nil, unreadable(fmt.Sprintf("the sessions of this cluster are recorded, and the hub cannot read the protocol %.32q", protocol))
	}
}

func (r *Recording) begin() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = true
}

// fail notes that the session was broken off.
func (r *Recording) fail() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
}

// output, typed and resized are what the readers find.
func (r *Recording) output(data []byte) error { return r.cast.event(codeOutput, data) }

func (r *Recording) typed(data []byte) error {
	if !r.input {
		return nil
	}
	return r.cast.event(codeInput, data)
}

func (r *Recording) resized(width, height int) error { return r.cast.resize(width, height) }

// End closes the recording. One of a session that was never opened is forgotten. Only the first call counts.
func (r *Recording) End(ctx context.Context) {
	if r == nil {
		return
	}
	r.once.Do(func() { r.end(context.WithoutCancel(ctx)) })
}

func (r *Recording) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	state, size, err := r.cast.end()
	r.mu.Lock()
	began, cut := r.began, r.cut
	r.mu.Unlock()
	switch {
	case !began:
		err = errors.Join(err, r.recorder.remove(ctx, r.row.ID))
	case cut:
		err = errors.Join(err, r.recorder.Store.EndRecording(ctx, r.row.ID, r.recorder.Now(), store.RecordingInterrupted, size))
	default:
		err = errors.Join(err, r.recorder.Store.EndRecording(ctx, r.row.ID, r.recorder.Now(), state, size))
	}
	if err != nil {
		r.recorder.Log.ErrorContext(ctx, "a recording could not be ended", slog.String("recording", r.row.ID), slog.Any("err", err))
	}
}

// watched is a stream with both readers along it. What they do not understand does not pass.
type watched struct {
	io.ReadWriteCloser

	recording    *Recording
	shown, typed reader
}

func (w *watched) Read(into []byte) (int, error) {
	n, err := w.ReadWriteCloser.Read(into)
	if n > 0 {
		if unread := w.shown.feed(into[:n]); unread != nil {
			return 0, w.broken(unread)
		}
	}
	return n, err
}

func (w *watched) Write(from []byte) (int, error) {
	if unread := w.typed.feed(from); unread != nil {
		return 0, w.broken(unread)
	}
	return w.ReadWriteCloser.Write(from)
}

// CloseWrite ends one direction, where the stream can do that.
func (w *watched) CloseWrite() error {
	if half, ok := w.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// broken ends the session: nothing more passes in either direction.
func (w *watched) broken(unread error) error {
	w.recording.fail()
	_ = w.Close() // the error to tell is the one that is returned
	return fmt.Errorf("read along a recorded session: %w", unread)
}
