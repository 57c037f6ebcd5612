package trim

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// span is a range of addresses.
type span struct{ start, length uintptr }

// untouched returns the read-only mappings of a file of which no page has ever been changed, as
// /proc/self/smaps tells. Only those can be dropped: a mapping that is read-only now may hold what the
// dynamic linker wrote before, and the file would bring back what was there before that.
func untouched(smaps io.Reader, file string) ([]span, error) {
	var found []span
	var candidate span
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		if s, ok := parseSpan(fields[0]); ok {
			candidate = span{}
			if len(fields) == 6 && fields[5] == file && !strings.Contains(fields[1], "w") {
				candidate = s
			}
		}
		switch {
		case (fields[0] == "Anonymous:" || fields[0] == "Swap:") && fields[1] != "0":
			candidate = span{}
		case fields[0] == "VmFlags:" && candidate.length > 0: // the last line about a mapping
			found = append(found, candidate)
		}
	}
	return found, lines.Err()
}

func parseSpan(text string) (span, bool) {
	from, to, _ := strings.Cut(text, "-")
	start, err := strconv.ParseUint(from, 16, 64)
	if err != nil {
		return span{}, false
	}
	end, err := strconv.ParseUint(to, 16, 64)
	if err != nil || end <= start {
		return span{}, false
	}
	return span{uintptr(start), uintptr(end - start)}, true
}
