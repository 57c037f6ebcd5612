package main

import (
	"fmt"
	"slices"
	"time"
)

// times are how long the same thing took each time.
type times []time.Duration

// at returns the time within which so many of a hundred were done: the nearest of those that were measured. Of fewer than a hundred,
// at(99) is the slowest.
func (t times) at(percent int) time.Duration {
	if len(t) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t))
	return sorted[min(len(sorted)-1, len(sorted)*percent/100)]
}

// cells are p50, p99 and the slowest of a table, in seconds.
func (t times) cells() string {
	return fmt.Sprintf("%.2f s | %.2f s | %.2f s", t.at(50).Seconds(), t.at(99).Seconds(), t.at(100).Seconds())
}

// over are the medians and 99th percentiles of t divided by those of another.
func (t times) over(other times) string {
	return fmt.Sprintf("%.1f | %.1f", t.at(50).Seconds()/other.at(50).Seconds(), t.at(99).Seconds()/other.at(99).Seconds())
}
