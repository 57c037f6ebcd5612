// Package recording keeps what was shown in the sessions that people have in connected clusters through the hub: exec and
// attach, where the cluster's document asks for it. It reads along, changes nothing on the way, and ends what it cannot
// read. Each session is a file in the form asciicast v2. Who may see recordings is hub/provider's business.
package recording

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/audit"
	"github.com/fairlead/fairlead/store"
)

// Defaults of Limits.
const (
	DefaultAge     = 90 * 24 * time.Hour
	DefaultTotal   = 10 << 30
	DefaultSession = 64 << 20
)

// Limits say what is kept: for how long, how many bytes of all sessions together, and of one session. All are required.
type Limits struct {
	Age            time.Duration
	Total, Session int64
}

// Recorder makes recordings and keeps them in a folder. All fields are required; Open comes first.
type Recorder struct {
	Store  *store.DB
	Dir    string
	Limits Limits
	Now    func() time.Time
	Log    *slog.Logger
}

// Session is a stream that is about to be opened. Upgrade is the protocol that the caller asks for, as in the header of that
// name.
type Session struct {
	Cluster   fairlead.ResourceID
	Caller    access.Principal
	RequestID string

	Method, Upgrade string
	URL             *url.URL // of the API server: path and query
}

// settings are what a cluster's document says of recordings.
type settings struct {
	Properties struct {
		ClusterConnect struct{ SessionRecording, SessionRecordingInput string }
	}
}

const enabled = "Enabled"

// Open ends the recordings that an earlier process left open. It is called before Start.
func (r *Recorder) Open(ctx context.Context) error {
	if err := os.MkdirAll(r.Dir, 0o700); err != nil {
		return fmt.Errorf("make folder for recordings: %w", err)
	}
	return r.endOpen(ctx)
}

// Start prepares to record a stream, before the request for it is forwarded. It returns nil without an error when there is
// nothing to record; the methods of a nil recording do nothing. An error means that the request must be refused: the
// cluster asks for recordings, and this stream cannot be recorded. Requests without an upgrade are given to Start as
// well: some of them run commands.
func (r *Recorder) Start(ctx context.Context, s Session) (*Recording, error) {
	if s.Upgrade == "" && !strings.Contains(s.URL.Path, "/proxy") {
		return nil, nil //nolint:nilnil // runs finds nothing in that
	}
	asked := audit.Parse(s.Method, s.URL)
	if s.Upgrade == "" && !runs(asked, s.URL.Path) {
		return nil, nil //nolint:nilnil // nothing to record is no error
	}
	wanted, err := r.settings(ctx, s.Cluster)
	if err != nil || wanted.Properties.ClusterConnect.SessionRecording != enabled {
		return nil, err
	}
	switch judge(asked, s) {
	case record:
		return r.create(ctx, s, asked, wanted.Properties.ClusterConnect.SessionRecordingInput == enabled)
	case refuse:
		return nil, unreadable("the sessions of this cluster are recorded, and this request opens one that the hub cannot read")
	default:
		return nil, nil //nolint:nilnil // nothing to record is no error
	}
}

// settings reads them at each session, so that a change counts from the next one on.
func (r *Recorder) settings(ctx context.Context, cluster fairlead.ResourceID) (settings, error) {
	var found settings
	stored, err := r.Store.GetResource(ctx, cluster.Key())
	if err != nil {
		return found, fmt.Errorf("read whether sessions are recorded: %w", err)
	}
	if err := json.Unmarshal(stored.Body, &found); err != nil {
		return found, fmt.Errorf("read whether sessions are recorded: %w", err)
	}
	return found, nil
}

func unreadable(why string) error {
	return fairlead.Errorf(fairlead.Forbidden, "%s; use kubectl exec or attach, or ask who may write the cluster to switch recording off", why).WithCode("SessionNotRecordable")
}

func (r *Recorder) create(ctx context.Context, s Session, asked audit.Asked, input bool) (*Recording, error) {
	id := s.RequestID
	if uuid.Validate(id) != nil {
		id = uuid.NewString()
	}
	query := s.URL.Query()
	row := store.Recording{
		ID: strings.ToLower(id), ClusterID: s.Cluster.String(), StartedAt: r.Now(), State: store.RecordingOpen, Caller: s.Caller.Name(), CallerID: s.Caller.ObjectID,
		Verb: asked.Subresource, Namespace: bound(asked.Namespace), Pod: bound(asked.Name), Container: bound(query.Get("container")),
		Command: bound(strings.Join(query["command"], " ")), Protocol: bound(s.Upgrade),
	}
	file, err := r.cast(row)
	if err != nil {
		return nil, err
	}
	if err := r.Store.AddRecording(ctx, row); err != nil {
		return nil, fmt.Errorf("enter recording: %w", errors.Join(err, file.discard()))
	}
	return &Recording{recorder: r, row: row, cast: file, input: input}, nil
}

const maxShown = 1024

func bound(text string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(text[:min(maxShown, len(text))], "\x00", " "), "\uFFFD")
}
