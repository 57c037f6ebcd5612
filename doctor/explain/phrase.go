package explain

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fairlead/fairlead/doctor/catalogue"
)

const (
	// What is compared with phrases: guides are pages, and logs do not quote them.
	maxProse = 256 << 10
	// The lines and sentences that are compared one by one.
	maxSegments = 512
	maxSegment  = 2 << 10
	// The weight from which a phrase says so much that it counts inside other text; shorter
	// ones, such as "Azure CLI", have to stand in a line alone.
	enough = 33
	// The weight from which a segment is compared with phrases that it is not equal to.
	little = 20

	exactScore  = 0.97
	insideScore = 0.93
	partScore   = 0.6 // plus a share of partSpan as the part grows
	partSpan    = 0.3
	alikeScore  = 0.35 // plus a share of alikeSpan as the texts become alike
	alikeSpan   = 0.5
	alike       = 0.5
	minShared   = 4
	minPart     = 0.4
)

// phrase is a title or alias of a failure, in the form that texts are compared in.
type phrase struct {
	id, text, plain string
	weight          int
	size            int // grams
}

// phrases are all titles and aliases, with an index of the grams that they are made of.
type phrases struct {
	list  []phrase
	exact map[string][]int
	grams map[string][]int
}

func collect(catalogues []*catalogue.Catalogue) phrases {
	p := phrases{exact: map[string][]int{}, grams: map[string][]int{}}
	for _, words := range catalogues {
		for _, id := range words.IDs() {
			p.put(id, words.Title(id))
			for _, alias := range words.Aliases(id) {
				p.put(id, alias)
			}
		}
	}
	return p
}

func (p *phrases) put(id, text string) {
	plain := normalise(text)
	known := func(at int) bool { return p.list[at].id == id }
	if plain == "" || slices.ContainsFunc(p.exact[plain], known) {
		return
	}
	at, grams := len(p.list), split(plain)
	p.list = append(p.list, phrase{id: id, text: text, plain: plain, weight: weigh(plain), size: len(grams)})
	p.exact[plain] = append(p.exact[plain], at)
	for _, gram := range grams {
		p.grams[gram] = append(p.grams[gram], at)
	}
}

// match adds the failures whose phrases a text holds, whole, in part or nearly.
func (p *phrases) match(text string, found matches) {
	if len(p.list) == 0 {
		return
	}
	if len(text) > maxProse {
		text = strings.ToValidUTF8(text[:maxProse], "")
	}
	p.inside(normalise(text), found)
	for _, segment := range segments(text) {
		plain := normalise(segment)
		if p.equal(plain, segment, found) || weigh(plain) < little {
			continue
		}
		if !p.part(plain, segment, found) {
			p.near(plain, segment, found)
		}
	}
}

func (p *phrases) inside(plain string, found matches) {
	for i := range p.list {
		if known := &p.list[i]; known.weight >= enough && holds(plain, known.plain) {
			found.add(Match{ID: known.id, Score: insideScore, Evidence: shorten(known.text)})
		}
	}
}

func (p *phrases) equal(plain, segment string, found matches) bool {
	for _, at := range p.exact[plain] {
		found.add(Match{ID: p.list[at].id, Score: exactScore, Evidence: shorten(segment)})
	}
	return len(p.exact[plain]) > 0
}

// part finds the phrases that a segment is a good part of.
func (p *phrases) part(plain, segment string, found matches) bool {
	some := false
	for i := range p.list {
		known := &p.list[i]
		share := float64(len(plain)) / float64(len(known.plain))
		if share < minPart || share >= 1 || !holds(known.plain, plain) {
			continue
		}
		found.add(Match{ID: known.id, Score: partScore + partSpan*share, Evidence: shorten(segment)})
		some = true
	}
	return some
}

// near finds the phrases that share most of their words or pairs of characters with a segment.
func (p *phrases) near(plain, segment string, found matches) {
	grams := split(plain)
	shared := map[int]int{}
	for _, gram := range grams {
		for _, at := range p.grams[gram] {
			shared[at]++
		}
	}
	for at, count := range shared {
		known := &p.list[at]
		similarity := float64(count) / float64(len(grams)+known.size-count)
		if count >= minShared && similarity >= alike {
			found.add(Match{ID: known.id, Score: alikeScore + alikeSpan*similarity, Evidence: shorten(segment)})
		}
	}
}

// segments are the lines of a text and their sentences, and a short text as a whole.
func segments(text string) []string {
	var list []string
	put := func(segment string) {
		segment = strings.TrimSpace(segment)
		if segment != "" && len(segment) <= maxSegment && len(list) < maxSegments {
			list = append(list, segment)
		}
	}
	if wrapped, ok := unwrap(text); ok {
		put(wrapped)
	}
	for line := range lines(text) {
		put(line)
		for _, sentence := range sentences(line) {
			put(sentence)
		}
		if len(list) == maxSegments {
			break
		}
	}
	return list
}

// sentences splits a line of several sentences; of a single one it returns nothing.
func sentences(line string) []string {
	var list []string
	start := 0
	for at, r := range line {
		next := at + utf8.RuneLen(r)
		full := r == '。' || r == '？' || r == '！'
		if full || (r == '.' || r == '!' || r == '?') && strings.HasPrefix(line[at+1:], " ") {
			list = append(list, line[start:next])
			start = next
		}
	}
	if start == 0 || len(list) == 1 && start == len(line) {
		return nil
	}
	return append(list, line[start:])
}
