package corefile

import (
	"cmp"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The rows of the failure catalogue's table on overrides, EXT-08.
const (
	RowKey         = "a" // the key is not imported because of its name
	RowFallthrough = "b" // all other names are left without an answer
	RowName        = "c" // the name is a placeholder or another region's
	RowAddress     = "d" // the address is none
	RowStale       = "e" // the address is not the public one
	RowTwice       = "f" // a second hosts block in one server block
	RowSyntax      = "g" // CoreDNS refuses the text
	RowImport      = "h" // the Corefile does not import overrides
	RowRestart     = "i" // CoreDNS has not read the change
)

// Input is what is known of the cluster's CoreDNS.
type Input struct {
	// Corefile is the key of the ConfigMap coredns. If it is empty, it could not be read, and rows h and i are not judged.
	Corefile string
	// Custom is the data of the ConfigMap coredns-custom.
	Custom map[string]string
	// Region is the cluster's, or empty if it is unknown.
	Region string
	// Host is the name to override: in full, or with <region> as its first label.
	Host string
	// ConfigChanged and PodsStarted tell whether CoreDNS has seen the change. Without either, row i is not judged.
	ConfigChanged time.Time
	PodsStarted   []time.Time
	// PublicAddresses are those that a public resolver gives for Host. Without them, row e is not judged.
	PublicAddresses []netip.Addr
}

// Problem is one mistake: its row in the table, the key of the ConfigMap that it is in (Corefile for the main file), the
// line, and what a text about it needs to name.
type Problem struct {
	Row      string
	Key      string
	Line     int
	Captures map[string]string
}

// Judge finds the mistakes in the overrides of a cluster, sorted by row, key and line.
func Judge(in Input) []Problem {
	j := judge{Input: in, merged: merge(in.Corefile, in.Custom), target: aim(in.Host, in.Region)}
	j.syntax()
	j.keys()
	j.servers()
	for _, block := range j.hosts() {
		j.block(block)
	}
	j.restart()
	slices.SortStableFunc(j.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Key, b.Key), cmp.Compare(a.Line, b.Line))
	})
	return j.problems
}

type judge struct {
	Input
	merged

	target   target
	problems []Problem
}

func (j *judge) add(row, key string, line int, captures map[string]string) {
	p := Problem{row, key, line, captures}
	same := func(q Problem) bool {
		return p.Row == q.Row && p.Key == q.Key && p.Line == q.Line && maps.Equal(p.Captures, q.Captures)
	}
	if !slices.ContainsFunc(j.problems, same) {
		j.problems = append(j.problems, p)
	}
}

func (j *judge) syntax() {
	for _, refused := range j.refused {
		j.refuse(refused)
	}
}

func (j *judge) refuse(err *Error) {
	j.add(RowSyntax, keyOf(err.File), err.Line, map[string]string{"error": err.Reason})
}

// keys judges which keys reach CoreDNS at all.
func (j *judge) keys() {
	missed := ""
	for _, key := range slices.Sorted(maps.Keys(j.Custom)) {
		switch {
		case j.imports(key):
		case !isImported(key):
			j.add(RowKey, key, 0, map[string]string{"key": key, "want": wantedKey(key)})
		case strings.HasSuffix(key, overrideSuffix):
			missed = cmp.Or(missed, key)
		}
	}
	if !j.whole || len(j.Custom) == 0 {
		return
	}
	if missed != "" || !j.imports(OverrideKey) {
		j.add(RowImport, Name, 0, map[string]string{"import": "import custom/*.override", "key": cmp.Or(missed, OverrideKey)})
	}
}

// wantedKey gives a key the ending that is imported in the place of its own.
func wantedKey(key string) string {
	if at := strings.LastIndex(key, "."); at > 0 {
		key = key[:at]
	}
	return key + overrideSuffix
}

// servers judges what CoreDNS refuses when it sets up a server block.
func (j *judge) servers() {
	for _, server := range j.config.Servers {
		blocks, err := server.hosts()
		for i, block := range blocks {
			if i > 0 {
				first := blocks[0]
				j.add(RowTwice, block.key(), block.line, map[string]string{"first": first.key(), "first_line": strconv.Itoa(first.line)})
			}
		}
		if refused, is := errors.AsType[*Error](err); is {
			j.refuse(refused)
		}
	}
}

func (j *judge) block(block hosts) {
	if stopped := slices.DeleteFunc(block.stops(), j.narrow); len(stopped) > 0 {
		j.add(RowFallthrough, block.key(), block.line, map[string]string{"zones": strings.Join(stopped, " ")})
	}
	for _, e := range block.entries {
		j.entry(block, e)
	}
}

// narrow tells whether a list may well be the only answer in a zone: one that holds neither the root nor the target's
// neighbours.
func (j *judge) narrow(zone string) bool {
	return zone != "." && (j.target.domain == "" || !covers(zone, fqdn(j.target.domain)))
}

func (j *judge) entry(block hosts, e entry) {
	line := e.words[0].line
	addr, valid := e.addr()
	if !valid && !hasPlaceholder(e.address()) {
		j.add(RowAddress, block.key(), line, map[string]string{"address": e.address(), "name": strings.Join(texts(e.names()), " ")})
	}
	for _, word := range e.names() {
		j.name(block.key(), word)
		stale := valid && len(j.PublicAddresses) > 0 && !slices.ContainsFunc(j.PublicAddresses, func(a netip.Addr) bool { return a.Unmap() == addr })
		if stale && j.target.is(word.text) {
			j.add(RowStale, block.key(), line, map[string]string{"address": addr.String(), "name": word.text, "public": join(j.PublicAddresses)})
		}
	}
}

// name judges one name of a list. Another region's name is a mistake only if the right one is missing: one manifest may
// serve the clusters of several regions.
func (j *judge) name(key string, word token) {
	captures := map[string]string{"name": word.text, "want": j.target.name}
	switch label, _, _ := strings.Cut(word.text, "."); {
	case strings.ContainsAny(word.text, "<>[]") || j.target.isDraftOf(word.text):
		captures["placeholder"] = label
	case j.target.isSibling(word.text) && !j.pins():
		captures["region"] = label
	default:
		return
	}
	j.add(RowName, key, word.line, captures)
}

// pins tells whether any list holds the target.
func (j *judge) pins() bool {
	return slices.ContainsFunc(j.hosts(), func(h hosts) bool { return h.pins(j.target) })
}

func (h hosts) pins(t target) bool {
	return slices.ContainsFunc(h.entries, func(e entry) bool {
		return slices.ContainsFunc(e.names(), func(n token) bool { return t.is(n.text) })
	})
}

func (j *judge) restart() {
	if !j.whole || j.ConfigChanged.IsZero() || len(j.PodsStarted) == 0 || j.runs("reload") {
		return
	}
	oldest := slices.MinFunc(j.PodsStarted, time.Time.Compare)
	if oldest.Before(j.ConfigChanged) {
		j.add(RowRestart, Name, 0, map[string]string{"changed": j.ConfigChanged.UTC().Format(time.RFC3339), "started": oldest.UTC().Format(time.RFC3339)})
	}
}

func join(addresses []netip.Addr) string {
	var words []string
	for _, a := range addresses {
		words = append(words, a.String())
	}
	return strings.Join(words, " ")
}
