package hub

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/audit"
	"github.com/fairlead/fairlead/hub/recording"
	"github.com/fairlead/fairlead/hub/relay"
	"github.com/fairlead/fairlead/hub/reply"
)

// witness has what goes through the relay written down, and its sessions recorded: both are settled before a request is
// sent on, because the command of a session runs as soon as its request arrives.
type witness struct {
	log      *audit.Log
	recorder *recording.Recorder

	recordings sync.Map // *recording.Recording by the id of its request
}

var errTwice = errors.New("a request of that id is under way already")

// Begin implements relay.Auditor.
func (w *witness) Begin(ctx context.Context, r relay.Request) (func(relay.Ending), error) {
	asked := &url.URL{RawPath: r.Path, RawQuery: r.Query}
	asked.Path, _ = url.PathUnescape(r.Path) // the relay has refused what cannot be read
	entry, err := w.log.Begin(ctx, audit.Entry{
		Cluster: r.Cluster, Caller: r.Caller, Mode: r.Mode, Method: r.Method, URL: asked, RequestID: r.ID, ClientIP: r.ClientIP, UserAgent: r.UserAgent,
	})
	if err != nil {
		return nil, err
	}
	if r.Refused {
		return func(ending relay.Ending) { entry.End(outcome(ending)) }, nil
	}
	session := recording.Session{Cluster: r.Cluster, Caller: r.Caller, RequestID: r.ID, Method: r.Method, Upgrade: r.Upgrade, URL: asked}
	made, err := w.start(ctx, session)
	if err != nil {
		entry.End(refused(err))
		return nil, err
	}
	return func(ending relay.Ending) {
		entry.End(outcome(ending))
		if made != nil {
			w.recordings.Delete(r.ID)
			made.End(ctx)
		}
	}, nil
}

func outcome(ending relay.Ending) audit.Outcome {
	return audit.Outcome{Status: ending.Status, Reason: ending.Reason, In: ending.BytesIn, Out: ending.BytesOut}
}

func (w *witness) start(ctx context.Context, session recording.Session) (*recording.Recording, error) {
	made, err := w.recorder.Start(ctx, session)
	if err != nil || made == nil {
		return nil, err
	}
	if _, twice := w.recordings.LoadOrStore(session.RequestID, made); twice {
		made.End(ctx)
		return nil, errTwice
	}
	return made, nil
}

// refused is how a request went that is not sent on because of the recorder.
func refused(err error) audit.Outcome {
	known, ok := errors.AsType[*fairlead.Error](err)
	if !ok {
		return audit.Outcome{Status: http.StatusInternalServerError, Reason: "RecordingFailed"}
	}
	return audit.Outcome{Status: reply.Status(known.Kind), Reason: cmp.Or(known.Code, "RecordingFailed")}
}

// Record implements relay.Recorder.
func (w *witness) Record(_ context.Context, s relay.Session, stream io.ReadWriteCloser) (io.ReadWriteCloser, error) {
	found, ok := w.recordings.Load(s.ID)
	if !ok {
		return stream, nil
	}
	return found.(*recording.Recording).Wrap(s.Protocol, s.Subprotocol, stream) //nolint:forcetypeassert // nothing else is in the map
}
