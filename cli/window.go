package cli

import (
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/client"
)

const windowForm = `"Sat 02:00 4h Europe/Berlin", "Mon-Fri 22:00 90m UTC" or, for every day, "02:00 4h Europe/Berlin"`

// readWindows reads times of the week; an empty text among them is none.
func readWindows(texts []string) ([]client.UpgradeWindow, error) {
	windows := []client.UpgradeWindow{}
	for _, text := range texts {
		if strings.TrimSpace(text) == "" {
			continue
		}
		window, ok := readWindow(text)
		if !ok {
			return nil, usagef("--window: %.100q is not a time such as %s", text, windowForm)
		}
		windows = append(windows, window)
	}
	return windows, nil
}

func readWindow(text string) (client.UpgradeWindow, bool) {
	var window client.UpgradeWindow
	fields := strings.Fields(text)
	if len(fields) == 4 {
		days, ok := readDays(fields[0])
		if !ok {
			return window, false
		}
		window.Days, fields = days, fields[1:]
	}
	if len(fields) != 3 {
		return window, false
	}
	start, wrongStart := time.Parse("15:04", fields[0])
	length, wrongLength := time.ParseDuration(fields[1])
	zone, wrongZone := time.LoadLocation(fields[2])
	if wrongStart != nil || wrongLength != nil || wrongZone != nil || length <= 0 || length > 7*24*time.Hour || strings.EqualFold(fields[2], "Local") {
		return window, false
	}
	window.Start, window.Duration, window.TimeZone = start.Format("15:04"), length.String(), zone.String()
	return window, true
}

// readDays reads Sat, Sat,Sun or Mon-Fri, which may go around the end of the week.
func readDays(text string) ([]string, bool) {
	var days []string
	for part := range strings.SplitSeq(text, ",") {
		from, to, several := strings.Cut(part, "-")
		begin, ok := readDay(from)
		end := begin
		if several && ok {
			end, ok = readDay(to)
		}
		if !ok {
			return nil, false
		}
		for day := begin; ; day = (day + 1) % 7 {
			if !slices.Contains(days, day.String()) {
				days = append(days, day.String())
			}
			if day == end {
				break
			}
		}
	}
	return days, true
}

func readDay(text string) (time.Weekday, bool) {
	for day := time.Sunday; day <= time.Saturday; day++ {
		if len(text) >= 3 && strings.HasPrefix(strings.ToLower(day.String()), strings.ToLower(text)) {
			return day, true
		}
	}
	return 0, false
}
