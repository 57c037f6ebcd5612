package main

import (
	"encoding/json"
	"slices"
	"sync"
	"time"
)

// samples are times that something took.
type samples struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *samples) add(took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, took)
}

// take returns the samples and begins anew.
func (s *samples) take() spread {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return spreadOf(all)
}

// spread is what is told of many samples.
type spread struct {
	Count int     `json:"count"`
	P50   seconds `json:"p50Seconds"`
	P99   seconds `json:"p99Seconds"`
	Max   seconds `json:"maxSeconds"`
}

func spreadOf(all []time.Duration) spread {
	if len(all) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(all))
	at := func(percent int) seconds { return seconds(sorted[min(len(sorted)-1, len(sorted)*percent/100)]) }
	return spread{Count: len(sorted), P50: at(50), P99: at(99), Max: seconds(sorted[len(sorted)-1])}
}

// seconds is a duration that is a number of seconds in JSON.
type seconds time.Duration

// MarshalJSON implements json.Marshaler.
func (s seconds) MarshalJSON() ([]byte, error) { return json.Marshal(time.Duration(s).Seconds()) }

func (s seconds) String() string { return time.Duration(s).Round(time.Millisecond / 10).String() }
