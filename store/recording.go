package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/fairlead/fairlead"
)

// Recording is what is known of a recorded session besides its content. ClusterID is as it is shown; the store
// finds it by its lower-case form. EndedAt is zero and Size 0 while the session goes on.
type Recording struct {
	ID, ClusterID      string
	StartedAt, EndedAt time.Time
	State              RecordingState
	Caller, CallerID   string

	Verb, Namespace, Pod, Container, Command, Protocol string

	Size int64 // bytes
}

// RecordingState says whether a recording is whole.
type RecordingState string

// The states of recordings.
const (
	RecordingOpen        RecordingState = "Recording"
	RecordingComplete    RecordingState = "Complete"
	RecordingTruncated   RecordingState = "Truncated"   // reached the limit of a session
	RecordingInterrupted RecordingState = "Interrupted" // the session was broken off, or the hub died
)

// RecordingQuery selects recordings; an empty Cluster, a lower-case id, selects those of all. Before is the last
// one of the page before this one.
type RecordingQuery struct {
	Cluster string
	Before  RecordingMark
	Limit   int
}

// RecordingMark is a place among recordings: they are ordered by their start and then by id, newest first.
type RecordingMark struct {
	At time.Time
	ID string
}

const recordingColumns = `id, cluster_id, started_at, ended_at, state, caller, caller_id, verb, namespace, pod, container, command, protocol, size`

func readRecording(row scanner) (Recording, error) {
	var r Recording
	var started, ended int64
	err := row.Scan(&r.ID, &r.ClusterID, &started, &ended, &r.State, &r.Caller, &r.CallerID, &r.Verb, &r.Namespace, &r.Pod, &r.Container, &r.Command,
		&r.Protocol, &r.Size)
	r.StartedAt, r.EndedAt = moment(started), moment(ended)
	return r, err
}

// AddRecording enters a new recording; Conflict when there is one with that id.
func (db *DB) AddRecording(ctx context.Context, r Recording) error {
	changed, err := db.exec(ctx, "add recording", `INSERT INTO recordings (`+recordingColumns+`, cluster_key)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, LOWER($15)) ON CONFLICT DO NOTHING`,
		r.ID, r.ClusterID, micros(r.StartedAt), micros(r.EndedAt), string(r.State), r.Caller, r.CallerID, r.Verb, r.Namespace, r.Pod, r.Container,
		r.Command, r.Protocol, r.Size, r.ClusterID)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.Conflict, "there is a recording %s already", r.ID)
	}
	return err
}

// EndRecording says how a recording ended; NotFound when it is not there.
func (db *DB) EndRecording(ctx context.Context, id string, at time.Time, state RecordingState, size int64) error {
	changed, err := db.exec(ctx, "end recording", `UPDATE recordings SET ended_at = $1, state = $2, size = $3 WHERE id = $4`,
		micros(at), string(state), size, id)
	if err == nil && changed == 0 {
		return fairlead.Errorf(fairlead.NotFound, "there is no recording %s", id)
	}
	return err
}

// GetRecording returns a recording of a cluster, or NotFound.
func (db *DB) GetRecording(ctx context.Context, cluster, id string) (Recording, error) {
	row := db.read.QueryRowContext(ctx, `SELECT `+recordingColumns+` FROM recordings WHERE id = $1 AND cluster_key = $2`, id, cluster)
	return one(row, readRecording, "there is no recording %.64s of this cluster", id)
}

// ListRecordings returns the recordings that q selects, newest first.
func (db *DB) ListRecordings(ctx context.Context, q RecordingQuery) ([]Recording, error) {
	text, args := `SELECT `+recordingColumns+` FROM recordings WHERE 1 = 1`, []any{}
	param := func(value any) string {
		args = append(args, value)
		return `$` + strconv.Itoa(len(args))
	}
	if q.Cluster != "" {
		text += ` AND cluster_key = ` + param(q.Cluster)
	}
	if !q.Before.At.IsZero() {
		text += ` AND (started_at, id) < (` + param(micros(q.Before.At)) + `, ` + param(q.Before.ID) + `)`
	}
	text += ` ORDER BY started_at DESC, id DESC`
	if q.Limit > 0 {
		text += ` LIMIT ` + param(q.Limit)
	}
	return listRecordings(ctx, db, text, args...)
}

// OldestRecordings returns at most limit of the recordings that have ended, oldest first.
func (db *DB) OldestRecordings(ctx context.Context, limit int) ([]Recording, error) {
	return listRecordings(ctx, db, `SELECT `+recordingColumns+` FROM recordings WHERE state <> $1 ORDER BY started_at, id LIMIT $2`,
		string(RecordingOpen), limit)
}

// OpenRecordings returns the recordings whose sessions go on, or went on when the process died.
func (db *DB) OpenRecordings(ctx context.Context) ([]Recording, error) {
	return listRecordings(ctx, db, `SELECT `+recordingColumns+` FROM recordings WHERE state = $1 ORDER BY started_at, id`, string(RecordingOpen))
}

func listRecordings(ctx context.Context, db *DB, statement string, args ...any) ([]Recording, error) {
	found, err := many(ctx, db.read, readRecording, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("list recordings: %w", err)
	}
	return found, nil
}

// RecordedBytes returns the size of all recordings that have ended together.
func (db *DB) RecordedBytes(ctx context.Context) (int64, error) {
	var size int64
	if err := db.read.QueryRowContext(ctx, `SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM recordings`).Scan(&size); err != nil {
		return 0, fmt.Errorf("sum recordings: %w", diskFault(err))
	}
	return size, nil
}

// DeleteRecording forgets a recording; it is no error when there is none.
func (db *DB) DeleteRecording(ctx context.Context, id string) error {
	_, err := db.exec(ctx, "delete recording", `DELETE FROM recordings WHERE id = $1`, id)
	return err
}
