package corefile

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// hosts is one block of the plugin that answers names from a list.
type hosts struct {
	file        string
	line        int
	origins     []string // zones that the list may answer for
	fallthru    []string // zones whose unknown names go on to the next plugin
	entries     []entry
	open, close token // the braces; without file if there are none
	last        token // the word before the closing brace
}

// entry is one line of the list: an address and its names.
type entry struct{ words []token }

func (e entry) address() string { return e.words[0].text }

func (e entry) names() []token { return e.words[1:] }

// addr reads the address of a line. What is none makes CoreDNS pass over the line in silence.
func (e entry) addr() (netip.Addr, bool) {
	text, _, _ := strings.Cut(e.address(), "%")
	addr, err := netip.ParseAddr(text)
	return addr.Unmap(), err == nil
}

// hosts reads the lists of a server block. CoreDNS refuses more than one; the caller counts.
func (s Server) hosts() ([]hosts, error) {
	c := cursor{at: -1}
	for _, d := range s.named("hosts") {
		c.tokens = append(c.tokens, d.tokens...)
	}
	var found []hosts
	for c.next() {
		if c.text() != "hosts" {
			return found, &Error{c.token().file, c.token().line, fmt.Sprintf("%q follows the block of hosts", c.text())}
		}
		h, err := readHosts(&c, s.Keys)
		found = append(found, h)
		if err != nil {
			return found, err
		}
	}
	return found, nil
}

func readHosts(c *cursor, keys []string) (hosts, error) {
	h := hosts{file: c.token().file, line: c.token().line, origins: zones(keys)}
	if args := texts(c.args()); len(args) > 1 {
		h.origins = zones(args[1:])
	}
	if !c.nextArg() {
		return h, nil
	}
	for h.open = c.token(); c.next() && c.text() != "}"; {
		if err := h.property(c); err != nil {
			return h, err
		}
	}
	if c.text() == "}" {
		h.close, h.last = c.token(), c.tokens[c.at-1]
	}
	return h, nil
}

// property reads one line of the block.
func (h *hosts) property(c *cursor) error {
	word := c.token()
	args := c.args()
	reason := ""
	switch word.text {
	case "fallthrough":
		h.fallthru = []string{"."}
		if len(args) > 0 {
			h.fallthru = zones(texts(args))
		}
	case "fallthrough_unsupported":
		if len(args) > 0 {
			reason = "fallthrough_unsupported takes no argument"
		}
	case "no_reverse":
	case "ttl":
		reason = badTTL(texts(args))
	case "reload":
		reason = badReload(texts(args))
	default:
		if len(h.fallthru) > 0 {
			reason = fmt.Sprintf("unknown property %q: addresses must stand before fallthrough", word.text)
		}
		h.entries = append(h.entries, entry{append([]token{word}, args...)})
	}
	if reason != "" {
		return &Error{word.file, word.line, reason}
	}
	return nil
}

func badTTL(args []string) string {
	if len(args) == 0 {
		return "ttl needs a number of seconds"
	}
	if n, err := strconv.Atoi(args[0]); !hasPlaceholder(args[0]) && (err != nil || n <= 0 || n > 65535) {
		return fmt.Sprintf("ttl needs a number of seconds between 1 and 65535, not %q", args[0])
	}
	return ""
}

func badReload(args []string) string {
	if len(args) != 1 {
		return "reload needs one duration"
	}
	if d, err := time.ParseDuration(args[0]); !hasPlaceholder(args[0]) && (err != nil || d < 0) {
		return fmt.Sprintf("reload needs a duration, not %q", args[0])
	}
	return ""
}

// zones writes keys or arguments as CoreDNS compares zones.
func zones(keys []string) []string {
	var found []string
	for _, key := range keys {
		zone, _, _ := splitKey(key)
		found = append(found, fqdn(zone))
	}
	return found
}

func (h hosts) serves(name string) bool {
	return slices.ContainsFunc(h.origins, func(zone string) bool { return covers(zone, fqdn(name)) })
}

// stops lists the zones in which the list leaves every name that it does not hold without an answer.
func (h hosts) stops() []string {
	var stopped []string
	for _, origin := range h.origins {
		through := func(zone string) bool { return hasPlaceholder(zone) || covers(zone, origin) }
		if !slices.ContainsFunc(h.fallthru, through) {
			stopped = append(stopped, origin)
		}
	}
	return stopped
}

// key is what the ConfigMap calls the file of the block.
func (h hosts) key() string { return keyOf(h.file) }

func keyOf(file string) string { return strings.TrimPrefix(file, customFolder+"/") }
