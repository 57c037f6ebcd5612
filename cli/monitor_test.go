package cli

import (
	"testing"
	"time"
)

func TestReadOffset(t *testing.T) {
	for text, want := range map[string]time.Duration{"6h": 6 * time.Hour, "30m": 30 * time.Minute, "1d12h": 36 * time.Hour, "90D": 90 * 24 * time.Hour, "1d1h1m": 25*time.Hour + time.Minute} {
		if got, err := readOffset(text); err != nil || got != want {
			t.Errorf("%q: %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "h", "6", "6h6h", "-1h", "1m1h", "99999h", "1.5h"} {
		if got, err := readOffset(text); err == nil {
			t.Errorf("%q: %v, want it refused", text, got)
		}
	}
}

func TestActivityFilter(t *testing.T) {
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for want, flags := range map[string]activityFlags{
		"eventTimestamp ge '2026-11-26T06:00:00Z' and eventTimestamp le '2026-11-26T12:00:00Z'": {offset: "6h", most: 1},
		"eventTimestamp ge '2026-11-25T00:00:00Z' and eventTimestamp le '2026-11-25T12:00:00Z' and resourceGroupName eq 'g' and caller eq 'o''neill'": {
			offset: "6h", most: 1, start: "2026-11-25", end: "2026-11-25T14:00:00+02:00", group: "g", caller: "o'neill",
		},
		"eventTimestamp ge '2026-11-26T06:00:00Z' and eventTimestamp le '2026-11-26T12:00:00Z' and namespace eq 'shop' and verb eq 'get' and resource eq 'secrets'": {
			kind: "Kubernetes", offset: "6h", most: 1, namespace: "shop", verb: "get", resource: "secrets",
		},
		"eventTimestamp ge '2026-11-26T06:00:00Z' and eventTimestamp le '2026-11-26T12:00:00Z' and resourceProvider eq 'Microsoft.Kubernetes'": {
			offset: "6h", most: 1, namespace: "Microsoft.Kubernetes",
		},
	} {
		if got, err := flags.filter(now); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	for reason, flags := range map[string]activityFlags{
		"no number": {offset: "6h"}, "too many": {offset: "6h", most: 9999}, "no time": {offset: "6h", most: 1, start: "noon"},
		"no group": {offset: "6h", most: 1, group: "a b"}, "no span": {offset: "x", most: 1},
		"no requests": {offset: "6h", most: 1, verb: "get"},
	} {
		if got, err := flags.filter(now); err == nil {
			t.Errorf("%s: %q, want it refused", reason, got)
		}
	}
}

func TestNewestVersion(t *testing.T) {
	for want, versions := range map[string][]string{
		"2024-01-01":         {"2021-10-01", "2024-01-01", "2025-08-01-preview"},
		"2025-08-01-preview": {"2024-07-01-preview", "2025-08-01-preview"},
		"2024-11-01":         nil,
	} {
		if got := newest(versions); got != want {
			t.Errorf("%v: %s, want %s", versions, got, want)
		}
	}
}
