// Package logline reads the lines that agents and controllers log: the agents' JSON, other JSON
// logs, klog and plain text, with or without the time that the container runtime puts before them.
// It never fails; what it does not understand is the message.
package logline

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// maxLine bounds what is read of one line.
const maxLine = 64 << 10

// Line is one log line. Time is zero where the line does not tell it, and in UTC otherwise.
type Line struct {
	Time       time.Time
	Message    string
	Level      string // error, warn, info or debug where the line says one of them, else as written in lower case
	Agent      string
	Structured bool // the line was JSON, whole or damaged
}

// Parse reads a line.
func Parse(line string) Line {
	if len(line) > maxLine {
		line = strings.ToValidUTF8(line[:maxLine], "")
	}
	stamp, rest := cutStamp(strings.TrimSpace(line))
	parsed := parse(rest)
	if parsed.Time.IsZero() {
		parsed.Time = stamp
	}
	return parsed
}

func parse(text string) Line {
	if strings.HasPrefix(text, "{") {
		if fields, ok := decode(text); ok {
			return structured(fields)
		}
		if fields := salvage(text); fields["message"] != "" || fields["msg"] != "" {
			return structured(fields)
		}
	}
	if line, ok := klog(text); ok {
		return line
	}
	return plain(text)
}

// decode reads the fields of a JSON line that are text or number, their names in lower case.
func decode(text string) (map[string]string, bool) {
	var raw map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &raw) != nil {
		return nil, false
	}
	fields := make(map[string]string, len(raw))
	for name, value := range raw {
		var word string
		if json.Unmarshal(value, &word) != nil {
			word = string(value)
		}
		fields[strings.ToLower(name)] = word
	}
	return fields, true
}

// pair is a field whose name and text are intact.
var pair = regexp.MustCompile(`"([A-Za-z_]{1,40})"\s*:\s*"((?:[^"\\]|\\.)*)"\s*[,}]`)

// salvage reads what it can of a line that is not JSON any more, such as the guides' sample in which
// a quote is missing: the fields before and behind the damage.
func salvage(text string) map[string]string {
	fields := map[string]string{}
	for _, found := range pair.FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(found[1])
		if _, twice := fields[name]; twice {
			continue
		}
		var word string
		if json.Unmarshal([]byte(`"`+found[2]+`"`), &word) != nil {
			word = found[2]
		}
		fields[name] = word
	}
	return fields
}

func structured(fields map[string]string) Line {
	line := Line{Structured: true, Agent: first(fields, "agentname", "logger", "controller")}
	line.Message = strings.TrimSpace(first(fields, "message", "msg", "log"))
	line.Level = level(first(fields, "loglevel", "level", "severity"))
	line.Time = moment(first(fields, "agenttimestamp", "time", "ts", "timestamp"))
	stamp, rest := cutStamp(line.Message)
	if line.Time.IsZero() {
		line.Time = stamp
	}
	if !stamp.IsZero() {
		line.Message = rest
	}
	return line
}

func first(fields map[string]string, names ...string) string {
	for _, name := range names {
		if fields[name] != "" {
			return fields[name]
		}
	}
	return ""
}

func level(word string) string {
	word = strings.ToLower(word)
	switch word {
	case "information", "info":
		return "info"
	case "warning", "warn":
		return "warn"
	case "error", "err", "critical", "fatal", "panic":
		return "error"
	case "debug", "trace", "verbose":
		return "debug"
	}
	return word
}
