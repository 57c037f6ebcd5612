package policy

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Hours is when a rule holds: on some days, or on all, from a time of the day until another. When that is earlier than the
// first, it is the next day's.
type Hours struct {
	TimeZone string   `json:"timeZone"` // such as Europe/Berlin or UTC
	Days     []string `json:"days,omitempty"`
	From     string   `json:"from,omitempty"` // such as 07:30
	To       string   `json:"to,omitempty"`

	zone     *time.Location
	days     [7]bool
	from, to int // minutes of the day
}

const minutesOfDay = 24 * 60

func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

func (h *Hours) prepare() error {
	var err error
	if h.TimeZone == "" || h.TimeZone == "Local" {
		return errors.New("timeZone: say which, such as Europe/Berlin or UTC")
	}
	if h.zone, err = time.LoadLocation(h.TimeZone); err != nil {
		return fmt.Errorf("timeZone: there is no %.60q", h.TimeZone)
	}
	if err := checkList("days", h.Days); err != nil {
		return err
	}
	for i, name := range weekdays() {
		h.days[i] = len(h.Days) == 0 || slices.Contains(h.Days, name)
	}
	for _, day := range h.Days {
		if !slices.Contains(weekdays(), day) {
			return fmt.Errorf("days: there is no %.20q; there are %s", day, strings.Join(weekdays(), ", "))
		}
	}
	if h.from, err = minuteOf(h.From, 0); err != nil {
		return fmt.Errorf("from: %w", err)
	}
	if h.to, err = minuteOf(h.To, minutesOfDay); err != nil {
		return fmt.Errorf("to: %w", err)
	}
	if h.from == h.to {
		return errors.New("from and to are the same time")
	}
	return nil
}

// minuteOf reads a time of the day.
func minuteOf(text string, otherwise int) (int, error) {
	if text == "" {
		return otherwise, nil
	}
	if text == "24:00" {
		return minutesOfDay, nil
	}
	read, err := time.Parse("15:04", text)
	if err != nil || len(text) != len("15:04") {
		return 0, fmt.Errorf("%.20q is not a time such as 07:30", text)
	}
	return read.Hour()*60 + read.Minute(), nil
}

// holds reports whether it is time.
func (h *Hours) holds(now time.Time) bool {
	local := now.In(h.zone)
	minute, today := local.Hour()*60+local.Minute(), int(local.Weekday())
	if h.from < h.to {
		return h.days[today] && minute >= h.from && minute < h.to
	}
	yesterday := (today + 6) % 7
	return h.days[today] && minute >= h.from || h.days[yesterday] && minute < h.to
}
