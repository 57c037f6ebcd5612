package run

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/textproto"
	"strconv"
	"strings"
	"unicode"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	maxHead       = 64 << 10
	maxDetail     = 200
	maxBody       = 256
	maxInformed   = 4 // answers of 1xx before the real one
	minStatusLine = len("HTTP/1.1 200")
)

var errMalformed = errors.New("the answer is not HTTP")

// head is an answer up to its body.
type head struct {
	status int
	words  string
	header textproto.MIMEHeader
}

// readAnswer reads the answer to a request, past those that only announce it.
func readAnswer(r *bufio.Reader) (head, error) {
	for range maxInformed {
		answer, err := readHead(r)
		if err != nil || answer.status >= 200 || answer.status == 101 {
			return answer, err
		}
	}
	return head{}, fmt.Errorf("%w: it never comes to an end", errMalformed)
}

// readHead reads one status line and its header, and not a byte more.
func readHead(r *bufio.Reader) (head, error) {
	raw, err := readRawHead(r)
	if err != nil {
		return head{}, err
	}
	lines := textproto.NewReader(bufio.NewReader(bytes.NewReader(raw)))
	line, err := lines.ReadLine()
	if err != nil {
		return head{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	answer, err := parseStatus(line)
	if err != nil {
		return head{}, err
	}
	answer.header, err = lines.ReadMIMEHeader()
	if err != nil {
		return head{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return answer, nil
}

// readRawHead reads up to the first empty line.
func readRawHead(r *bufio.Reader) ([]byte, error) {
	var raw []byte
	for len(raw) < maxHead {
		part, err := r.ReadSlice('\n')
		raw = append(raw, part...)
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return nil, fmt.Errorf("read the answer: %w", err)
		}
		if len(raw) >= minStatusLine && !bytes.HasPrefix(raw, []byte("HTTP/")) {
			return nil, fmt.Errorf("%w: it begins with %q", errMalformed, plain(string(raw[:minStatusLine])))
		}
		if bytes.HasSuffix(raw, []byte("\n\r\n")) || bytes.HasSuffix(raw, []byte("\n\n")) {
			return raw, nil
		}
	}
	return nil, fmt.Errorf("%w: its header is longer than %d bytes", errMalformed, maxHead)
}

func parseStatus(line string) (head, error) {
	version, rest, _ := strings.Cut(line, " ")
	code, words, _ := strings.Cut(rest, " ")
	status, err := strconv.Atoi(code)
	if !strings.HasPrefix(version, "HTTP/") || err != nil || len(code) != 3 || status < 100 {
		return head{}, fmt.Errorf("%w: its first line is %q", errMalformed, plain(line))
	}
	return head{status: status, words: words}, nil
}

// tell writes into the stage what tells an endpoint from a middlebox.
func (h head) tell(stage *wire.Stage) {
	stage.Detail[wire.DetailStatus] = strconv.Itoa(h.status)
	detail(stage, wire.DetailReason, plain(h.words))
	for name, values := range h.header {
		name = strings.ToLower(name)
		if told(name) {
			detail(stage, wire.DetailHeader+name, plain(value(name, values[0])))
		}
	}
}

func told(name string) bool {
	switch name {
	case "server", "via", "date", "content-type", "location", "www-authenticate", "upgrade", "x-cache", "x-squid-error":
		return true
	}
	return strings.HasPrefix(name, "x-ms-") || strings.HasPrefix(name, "proxy-")
}

// value leaves of a challenge only its scheme, and of a redirect nothing that may be a ticket.
func value(name, value string) string {
	switch {
	case strings.HasSuffix(name, "-authenticate"):
		value, _, _ = strings.Cut(value, " ")
	case name == "location":
		value, _, _ = strings.Cut(value, "?")
	}
	return value
}

// readBody reads how the body begins, as far as it comes; errors are no news after an answer.
func readBody(r io.Reader, stage *wire.Stage) {
	body := make([]byte, maxBody)
	n, _ := io.ReadFull(r, body)
	detail(stage, wire.DetailBody, plain(string(body[:n])))
}

// plain makes what a stranger sent fit to print.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "")
	}
	return strings.TrimSpace(text)
}
