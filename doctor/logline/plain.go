package logline

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// klogHead is the head of a line of klog: severity, month and day, time, thread, place.
var klogHead = regexp.MustCompile(`^([IWEF])(\d{2})(\d{2}) (\d{2}:\d{2}:\d{2}\.\d+)\s+\d+ [^\]\s]+\] ?(.*)$`)

// klog reads a line of klog. Its head has no year, so the line has no time of its own.
func klog(text string) (Line, bool) {
	found := klogHead.FindStringSubmatch(text)
	if found == nil {
		return Line{}, false
	}
	words := map[string]string{"I": "info", "W": "warn", "E": "error", "F": "error"}
	return Line{Level: words[found[1]], Message: found[5]}, true
}

// tag is a level in brackets at the start of a plain line, as CoreDNS writes it.
var tag = regexp.MustCompile(`^\[(INFO|WARNING|WARN|ERROR|FATAL|DEBUG|PANIC)\] ?`)

func plain(text string) Line {
	stamp, rest := cutStamp(text)
	line := Line{Time: stamp, Message: rest}
	if found := tag.FindStringSubmatch(rest); found != nil {
		line.Level = level(found[1])
	}
	return line
}

// stampHead is a time at the start of a line: the runtime's, with the stream and tag of its own
// files where they are there, or that of Go's log package.
var stampHead = regexp.MustCompile(`^(\d{4}[-/]\d{2}[-/]\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:?\d{2})?)(?: (?:stdout|stderr) [FP])?(?: |$)`)

func cutStamp(text string) (time.Time, string) {
	found := stampHead.FindStringSubmatch(text)
	if found == nil {
		return time.Time{}, text
	}
	stamp := moment(found[1])
	if stamp.IsZero() {
		return stamp, text
	}
	return stamp, strings.TrimSpace(text[len(found[0]):])
}

// moment reads a time in the forms that loggers use; without a zone it is in UTC, as in containers.
func moment(word string) time.Time {
	for _, form := range []string{
		time.RFC3339Nano, "2006-01-02T15:04:05Z0700", "2006/01/02 15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05",
	} {
		if at, err := time.Parse(form, word); err == nil {
			return at.UTC()
		}
	}
	return seconds(word)
}

// seconds reads the time as zap writes it, in seconds since 1970.
func seconds(word string) time.Time {
	const latest = 1 << 33
	since, err := strconv.ParseFloat(word, 64)
	if err != nil || !(since > 0 && since < latest) {
		return time.Time{}
	}
	return time.UnixMicro(int64(since * 1e6)).UTC()
}
