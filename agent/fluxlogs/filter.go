package fluxlogs

import (
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/time/rate"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/doctor/redact"
)

const (
	// A message and an error are cut to this.
	longestText = 2 << 10
	// How many lines wait for their object to become known as a configuration's: what a kustomization applies begins before its
	// inventory tells.
	maxStrays, strayAge = 200, 5 * time.Minute
	// Errors that name no object go to every configuration, so they may not be many.
	ownErrorsEvery, ownErrorsAtOnce = 10 * time.Second, 10
	// A redactor remembers what it has taken out, so that it is replaced by another after so many lines.
	linesOfRedactor = 10_000
)

// filter knows which configuration an object belongs to, and passes on lines about those, without what looks like a secret.
type filter struct {
	say func(fairlead.FluxLog)

	mu       sync.Mutex
	owners   map[string][]string // names of configurations, by object
	all      []string
	strays   []fairlead.FluxLog
	own      *rate.Limiter
	missing  int // errors that name no object and were left out
	redactor *redact.Redactor
	lines    int
}

// object is how a line and a configuration name an object.
func object(kind, namespace, name string) string { return kind + "/" + namespace + "/" + name }

// belong notes what belongs to configurations: what was made for each, and what that has applied as far as Flux looks after it.
func (f *filter) belong(all map[string]*fluxconfig.Object) {
	owners := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, one := range objectsOf(all[name]) {
			if !slices.Contains(owners[one], name) {
				owners[one] = append(owners[one], name)
			}
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.owners, f.all = owners, slices.Sorted(maps.Keys(all))
	strays := f.strays
	f.strays = nil
	for _, line := range strays {
		if time.Since(line.Time) < strayAge {
			f.judge(line)
		}
	}
}

func objectsOf(configuration *fluxconfig.Object) []string {
	spec := configuration.Spec
	all := []string{object(fluxconfig.SourceKind(spec), spec.Namespace, configuration.Name)}
	for name := range spec.Kustomizations {
		all = append(all, object("Kustomization", spec.Namespace, fluxconfig.KustomizationName(configuration.Name, name)))
	}
	for _, one := range configuration.Status.Statuses {
		all = append(all, object(one.Kind, one.Namespace, one.Name))
		if one.HelmRelease != nil && one.HelmRelease.HelmChartRef != nil {
			all = append(all, object("HelmChart", one.HelmRelease.HelmChartRef.Namespace, one.HelmRelease.HelmChartRef.Name))
		}
	}
	return all
}

// see passes a line on to the configurations that it is about.
func (f *filter) see(line fairlead.FluxLog) {
	f.mu.Lock()
	defer f.mu.Unlock()
	line.Message, line.Error = f.clean(line.Message), f.clean(line.Error)
	f.judge(line)
}

// judge finds out what a line is about. The lock is held.
func (f *filter) judge(line fairlead.FluxLog) {
	if line.Kind == "" && line.Name == "" {
		f.sayToAll(line)
		return
	}
	owners := f.owners[object(line.Kind, line.Namespace, line.Name)]
	if len(owners) == 0 {
		f.strays = append(f.strays, line)
		f.strays = slices.Delete(f.strays, 0, max(0, len(f.strays)-maxStrays))
	}
	for _, name := range owners {
		line.Configuration = name
		f.say(line)
	}
}

func (f *filter) sayToAll(line fairlead.FluxLog) {
	if f.own == nil {
		f.own = rate.NewLimiter(rate.Every(ownErrorsEvery), ownErrorsAtOnce)
	}
	if !f.own.Allow() {
		f.missing++
		return
	}
	line.Skipped, f.missing = f.missing, 0
	for _, name := range f.all {
		line.Configuration = name
		f.say(line)
	}
}

// clean takes out what looks like a secret, and cuts what is too long: before and after, since to look takes its time.
func (f *filter) clean(text string) string {
	if text == "" {
		return ""
	}
	if f.redactor == nil || f.lines >= linesOfRedactor {
		f.redactor, f.lines = redact.New([]byte(rand.Text())), 0
	}
	f.lines++
	return cut(f.redactor.Text(cut(text, 4*longestText)), longestText)
}

// cut shortens a text to a number of bytes, between two characters.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) <= most {
		return text
	}
	end := most - len("…")
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
