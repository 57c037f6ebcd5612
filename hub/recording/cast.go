package recording

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fairlead/fairlead/store"
)

// The codes of events in asciicast v2.
const (
	codeOutput = "o"
	codeInput  = "i"
	codeResize = "r"
	codeMarker = "m"
)

const (
	columns, rows = 80, 24 // until the caller says how large the terminal is
	maxSide       = 10_000
)

// header is the first line of a file. The names that asciicast does not know are ours; players ignore them.
type header struct {
	Version   int    `json:"version"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
	Timestamp int64  `json:"timestamp"`
	Title     string `json:"title"`
	Command   string `json:"command,omitempty"`

	Fairlead about `json:"fairlead"`
}

type about struct {
	ID        string `json:"id"`
	Cluster   string `json:"cluster"`
	Caller    string `json:"caller"`
	CallerID  string `json:"callerId"`
	Verb      string `json:"verb"`
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container,omitempty"`
}

// destination is what a cast needs of its file.
type destination interface {
	io.WriteCloser
	Sync() error
	Name() string
}

// cast is one file being written, an event at a time. After an error it takes nothing more.
type cast struct {
	now     func() time.Time
	started time.Time
	most    int64

	mu    sync.Mutex
	file  destination
	size  int64
	full  bool
	err   error
	split map[string][]byte // by code: the beginning of a character whose rest has yet to come
}

// path is where the file of a recording is. Ids are GUIDs.
func (r *Recorder) path(id string) string { return filepath.Join(r.Dir, id[:2], id+".cast") }

// cast makes the file of a recording, for the hub's own user alone.
func (r *Recorder) cast(row store.Recording) (*cast, error) {
	path := r.path(row.ID)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make folder for recordings: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the id is a GUID
	if err != nil {
		return nil, fmt.Errorf("make recording: %w", err)
	}
	c := &cast{now: r.Now, started: row.StartedAt, most: r.Limits.Session, file: file, split: map[string][]byte{}}
	c.write(json.Marshal(header{
		Version: 2, Width: columns, Height: rows, Timestamp: row.StartedAt.Unix(), Command: row.Command,
		Title:    fmt.Sprintf("%s: %s %s/%s", row.Caller, row.Verb, row.Namespace, row.Pod),
		Fairlead: about{row.ID, row.ClusterID, row.Caller, row.CallerID, row.Verb, row.Namespace, row.Pod, row.Container},
	}))
	if c.err != nil {
		return nil, errors.Join(c.err, c.discard())
	}
	return c, nil
}

// event adds what was shown or typed. Of a character whose bytes come apart, the first wait for the others.
func (c *cast) event(code string, data []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	whole := append(c.split[code], data...) //nolint:gocritic // what was split is put together
	cut := len(whole) - unfinished(whole)
	c.split[code] = append([]byte(nil), whole[cut:]...)
	if cut > 0 {
		c.add(code, string(whole[:cut]))
	}
	return c.err
}

// unfinished returns how many bytes at the end are the beginning of a character.
func unfinished(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		last := text[len(text)-n]
		if utf8.RuneStart(last) {
			if last >= utf8.RuneSelf && !utf8.FullRune(text[len(text)-n:]) {
				return n
			}
			return 0
		}
	}
	return 0
}

// resize notes the size of the caller's terminal.
func (c *cast) resize(width, height int) error {
	if width < 1 || height < 1 || width > maxSide || height > maxSide {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(codeResize, strconv.Itoa(width)+"x"+strconv.Itoa(height))
	return c.err
}

func (c *cast) add(code, text string) {
	if c.full {
		return
	}
	elapsed := max(0, c.now().Sub(c.started)).Seconds()
	at := json.Number(strconv.FormatFloat(elapsed, 'f', 6, 64))
	line, err := json.Marshal([]any{at, code, strings.ToValidUTF8(text, "\uFFFD")})
	if c.full = c.size+int64(len(line)) > c.most; c.full {
		line, err = json.Marshal([]any{at, codeMarker, "the recording ends here: it has reached the size to which the hub keeps a session"})
	}
	c.write(line, err)
}

// write adds one line at once, so that the file can be read whenever the process ends.
func (c *cast) write(line []byte, err error) {
	if c.err != nil {
		return
	}
	if err == nil {
		_, err = c.file.Write(append(line, '\n'))
	}
	if err != nil {
		c.err = fmt.Errorf("write recording: %w", err)
		return
	}
	c.size += int64(len(line)) + 1
}

// end writes what is left, closes the file, and returns how the recording came out.
func (c *cast) end() (store.RecordingState, int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, code := range []string{codeInput, codeOutput} {
		if left := c.split[code]; len(left) > 0 {
			c.add(code, string(left))
		}
	}
	err := errors.Join(c.err, c.file.Sync(), c.file.Close())
	switch {
	case err != nil:
		return store.RecordingInterrupted, c.size, err
	case c.full:
		return store.RecordingTruncated, c.size, nil
	default:
		return store.RecordingComplete, c.size, nil
	}
}

func (c *cast) discard() error {
	return errors.Join(c.file.Close(), os.Remove(c.file.Name()))
}
