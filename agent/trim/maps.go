package trim

import (
	"bufio"
	"io"
	"strconv"
	"strings"
)

// span is a range of addresses.
type span struct{ start, length uintptr }

// readOnly returns the mappings of a file that nobody can write, as /proc/self/maps lists them. Their
// pages are the file's own, so the kernel can drop them and read them again.
func readOnly(maps io.Reader, file string) ([]span, error) {
	var found []span
	lines := bufio.NewScanner(maps)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 || fields[5] != file || strings.Contains(fields[1], "w") {
			continue
		}
		if s, ok := parseSpan(fields[0]); ok {
			found = append(found, s)
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
