package config

import (
	"encoding/json"
	"maps"
	"slices"
	"sync"

	"github.com/fairlead/fairlead"
)

// How many reports one post carries, and of how many bytes all but the last of them are, so that no body is too large for a hub.
const (
	reportsAPost = 50
	bytesAPost   = 256 << 10
)

// report is what the hub is told of one object, in the shape that all kinds have.
type report[S any] struct {
	Name    string `json:"name"`
	State   S      `json:"state"`
	Unknown bool   `json:"unknown,omitempty"`
}

// sight is what there is of an object.
type sight[S any] struct {
	state S
	going bool
}

// reporter knows what there is to tell the hub of objects of a kind, and what it has acknowledged. What is not acknowledged is
// told again; a new process tells all.
type reporter[S any] struct {
	word func(S) string           // the provisioning state, empty while there is none
	gone func(generation int64) S // what is said of what has gone

	mu sync.Mutex
	// seen are the objects there are, nil until the first list.
	seen map[string]sight[S]
	// mentioned are the objects that the hub wants or wants gone, nil until it has said so.
	mentioned map[string]bool
	// deleted are the generations of deletions that the hub wants.
	deleted map[string]int64
	// acknowledged are the reports that the hub has.
	acknowledged map[string]string
	changed      chan struct{}   // holds one signal
	vanished     chan<- struct{} // holds one signal: something that was going has gone
}

func newReporter[S any](vanished chan<- struct{}, word func(S) string, gone func(int64) S) *reporter[S] {
	return &reporter[S]{
		word: word, gone: gone, vanished: vanished, changed: make(chan struct{}, 1),
		acknowledged: map[string]string{}, deleted: map[string]int64{},
	}
}

func (r *reporter[S]) signal() { notify(r.changed) }

func notify(signal chan<- struct{}) {
	select {
	case signal <- struct{}{}:
	default:
	}
}

// speakOf takes in whom of a kind the hub speaks of.
func (r *reporter[S]) speakOf(kind string, all []fairlead.Configuration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mentioned = map[string]bool{}
	for _, one := range all {
		if one.Kind != kind {
			continue
		}
		r.mentioned[one.Name] = true
		if !one.Deleted {
			delete(r.deleted, one.Name)
		}
	}
	maps.DeleteFunc(r.deleted, func(name string, _ int64) bool { return !r.mentioned[name] })
	r.signal()
}

// going notes that the hub waits for an object to be gone.
func (r *reporter[S]) going(name string, generation int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deleted[name] = generation
	r.signal()
}

func (r *reporter[S]) see(all map[string]sight[S]) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, before := range r.seen {
		if _, there := all[name]; before.going && !there {
			notify(r.vanished)
		}
	}
	r.seen = all
	r.signal()
}

// due returns up to a post of reports that the hub does not have, with their texts.
func (r *reporter[S]) due() (reports []report[S], texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.all()
	maps.DeleteFunc(r.acknowledged, func(name, _ string) bool { _, there := all[name]; return !there })
	size := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text, err := json.Marshal(all[name])
		if err != nil || r.acknowledged[name] == string(text) || len(reports) == reportsAPost || size > bytesAPost {
			continue
		}
		size += len(text)
		reports, texts = append(reports, all[name]), append(texts, string(text))
	}
	return reports, texts
}

// all returns the reports as they would be now: of what there is, once it has a status, and of what has gone.
func (r *reporter[S]) all() map[string]report[S] {
	all := map[string]report[S]{}
	if r.seen == nil {
		return all
	}
	for name, generation := range r.deleted {
		all[name] = report[S]{Name: name, State: r.gone(generation)}
	}
	for name, one := range r.seen {
		delete(all, name)
		if r.word(one.state) != "" {
			all[name] = report[S]{Name: name, State: one.state, Unknown: r.mentioned != nil && !r.mentioned[name]}
		}
	}
	return all
}

func (r *reporter[S]) acknowledge(reports []report[S], texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, one := range reports {
		r.acknowledged[one.Name] = texts[i]
	}
}

func (r *reporter[S]) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acknowledged = map[string]string{}
}
