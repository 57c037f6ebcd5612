package fluxlogs

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"

	"github.com/fairlead/fairlead"
)

// longestLine bounds what is read of a line. What the line is about stands at its beginning; lists of what was applied may follow.
const longestLine = 64 << 10

// eachLine hands the whole lines of a log to see, without their ends and no longer than longestLine; what see gets is its own until it
// returns. The end of the log is no error. A line that breaks off is left out, since it is read again.
func eachLine(log io.Reader, see func([]byte)) error {
	reader := bufio.NewReaderSize(log, 4<<10)
	var line []byte
	for {
		part, err := reader.ReadSlice('\n')
		line = append(line, part[:min(len(part), longestLine-len(line))]...)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if text := bytes.TrimRight(line, "\r\n"); len(text) > 0 {
			see(text)
		}
		if line = line[:0]; cap(line) > 16<<10 {
			line = nil
		}
	}
}

// stamp takes the time from before a line.
func stamp(text []byte) (time.Time, []byte, bool) {
	first, rest, found := bytes.Cut(text, []byte(" "))
	if !found || len(first) > len(time.RFC3339Nano) {
		return time.Time{}, nil, false
	}
	at, err := time.Parse(time.RFC3339Nano, string(first))
	return at.UTC(), rest, err == nil
}

// parse reads a line of a controller: an error, or information about an object. The line may be cut off; what it is about stands first.
// Of a field that is there twice the first one counts: the controller's own are before what a message adds.
func parse(text []byte) (fairlead.FluxLog, bool) {
	var line fairlead.FluxLog
	into := map[string]*string{
		"level": &line.Level, "msg": &line.Message, "error": &line.Error, "controllerKind": &line.Kind, "namespace": &line.Namespace, "name": &line.Name,
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return line, false
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			break
		}
		var value any
		if err := decoder.Decode(&value); err != nil {
			break
		}
		word, _ := key.(string)
		if text, ok := value.(string); ok && into[word] != nil {
			*into[word] = text
		}
		delete(into, word)
	}
	told := line.Message != "" || line.Error != ""
	return line, told && (line.Level == fairlead.FluxLogError || line.Level == fairlead.FluxLogInfo && line.Kind != "" && line.Name != "")
}
