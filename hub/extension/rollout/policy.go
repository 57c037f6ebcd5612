// Package rollout decides which extensions are upgraded next: wave by wave, inside maintenance windows, and not at all once too
// many upgrades to a version have failed. It only decides; who asks does the work.
package rollout

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a hub that runs as a container has no other

	"github.com/fairlead/fairlead"
)

// The bounds of a policy.
const (
	maxWaves     = 50
	maxWindows   = 50
	maxGate      = 30 * 24 * time.Hour
	maxDuration  = 7 * 24 * time.Hour
	clock        = "15:04"
	daysOfAWeek  = 7
	defaultGiven = 1
)

// Policy says how automatic upgrades of a type go through its clusters. The zero value upgrades all at once, at any time, until
// one upgrade has failed.
type Policy struct {
	Waves   []Wave   `json:"waves,omitempty"`
	Windows []Window `json:"windows,omitempty"`
	// HealthGate is how long a wave must have been well before the next one begins, such as 30m.
	HealthGate string `json:"healthGate,omitempty"`
	// MaxFailures is after how many failed upgrades to a version no further one to it begins; 0 means 1.
	MaxFailures int `json:"maxFailures,omitempty"`
}

// Wave are the clusters with a tag. Clusters of no wave come last.
type Wave struct {
	Tag   string `json:"tag"`
	Value string `json:"value"`
}

// Window is a time of the week in which upgrades may begin. Without Days it is every day's.
type Window struct {
	Days     []string `json:"days,omitempty"` // Monday to Sunday, on which it begins
	Start    string   `json:"start"`          // 02:00
	Duration string   `json:"duration"`       // 4h
	TimeZone string   `json:"timeZone"`       // Europe/Berlin; UTC when empty
}

// Check says what is wrong with a policy.
func (p Policy) Check() error {
	if len(p.Waves) > maxWaves || len(p.Windows) > maxWindows || p.MaxFailures < 0 {
		return invalid("'upgrade' has at most %d waves and %d windows, and no less than 0 failures", maxWaves, maxWindows)
	}
	for _, wave := range p.Waves {
		if wave.Tag == "" {
			return invalid("a wave needs a tag")
		}
	}
	if _, err := p.gate(); err != nil {
		return err
	}
	for _, window := range p.Windows {
		if _, err := window.read(); err != nil {
			return err
		}
	}
	return nil
}

func invalid(format string, args ...any) error {
	return fairlead.Errorf(fairlead.Invalid, format, args...).WithCode("InvalidRequestContent")
}

func (p Policy) gate() (time.Duration, error) {
	if p.HealthGate == "" {
		return 0, nil
	}
	gate, err := time.ParseDuration(p.HealthGate)
	if err != nil || gate < 0 || gate > maxGate {
		return 0, invalid("'healthGate' is a span such as 30m or 12h, at most %s; %.32q is none", maxGate, p.HealthGate)
	}
	return gate, nil
}

func (p Policy) failures() int { return max(p.MaxFailures, defaultGiven) }

// window is a Window that has been read.
type window struct {
	days     []time.Weekday
	hour     int
	minute   int
	duration time.Duration
	zone     *time.Location
}

func (w Window) read() (window, error) {
	start, err := time.Parse(clock, w.Start)
	if err != nil {
		return window{}, invalid("the window's 'start' is a time of the day such as 02:00; %.32q is none", w.Start)
	}
	duration, err := time.ParseDuration(w.Duration)
	if err != nil || duration <= 0 || duration > maxDuration {
		return window{}, invalid("the window's 'duration' is a span such as 4h, at most %s; %.32q is none", maxDuration, w.Duration)
	}
	zone, err := time.LoadLocation(w.TimeZone)
	if err != nil {
		return window{}, invalid("the window's 'timeZone' %.64q is unknown; it is such as Europe/Berlin", w.TimeZone)
	}
	read := window{hour: start.Hour(), minute: start.Minute(), duration: duration, zone: zone}
	for _, name := range w.Days {
		day, err := weekday(name)
		if err != nil {
			return window{}, err
		}
		read.days = append(read.days, day)
	}
	return read, nil
}

func weekday(name string) (time.Weekday, error) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if full := strings.ToLower(day.String()); len(name) >= 3 && strings.HasPrefix(full, strings.ToLower(name)) {
			return day, nil
		}
	}
	return 0, invalid("%.32q in the window's 'days' is no day; they are Monday to Sunday", name)
}

// open looks at the windows that have begun within the last week.
func (w window) open(now time.Time) bool {
	local := now.In(w.zone)
	for back := range daysOfAWeek + 1 {
		begins := time.Date(local.Year(), local.Month(), local.Day()-back, w.hour, w.minute, 0, 0, w.zone)
		today := len(w.days) == 0 || slices.Contains(w.days, begins.Weekday())
		if today && !now.Before(begins) && now.Before(begins.Add(w.duration)) {
			return true
		}
	}
	return false
}

// Open reports whether upgrades may begin now. What cannot be read is closed.
func (p Policy) Open(now time.Time) bool {
	if len(p.Windows) == 0 {
		return true
	}
	return slices.ContainsFunc(p.Windows, func(one Window) bool {
		read, err := one.read()
		return err == nil && read.open(now)
	})
}

// wave returns which wave a cluster with these tags is in; names of tags are alike in any case.
func (p Policy) wave(tags map[string]string) int {
	for at, wave := range p.Waves {
		for name, value := range tags {
			if strings.EqualFold(name, wave.Tag) && value == wave.Value {
				return at
			}
		}
	}
	return len(p.Waves)
}
