package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// sequel is a list at the hub that goes on: entries with growing numbers, of which the hub keeps the last ones.
type sequel[T any] struct {
	path, version string
	number        func(T) int64
}

// pageOf is one answer of a sequel. Next is what to ask from the next time.
type pageOf[T any] struct {
	Value []T   `json:"value"`
	Next  int64 `json:"next"`
}

// pageSize is how many entries the hub sends at once; fewer are the last ones.
const pageSize = 200

// read reads the entries after a number. It waits for some when there are none yet, up to as long as the hub lets a caller wait.
func (s sequel[T]) read(ctx context.Context, h *Hub, since int64) (pageOf[T], error) {
	var found pageOf[T]
	response, err := h.Do(ctx, Call{
		Method: http.MethodGet, Path: s.path, Version: s.version, Query: url.Values{"since": {strconv.FormatInt(since, 10)}},
	})
	if err != nil {
		return found, err
	}
	if err := response.Decode(&found); err != nil {
		return found, err
	}
	found.Next = max(found.Next, since)
	for _, entry := range found.Value {
		found.Next = max(found.Next, s.number(entry))
	}
	return found, nil
}

// past reads the entries that there are after a number, and the number of the last one. The hub waits for some to come when there are
// none: within is how long that is waited for.
func (s sequel[T]) past(ctx context.Context, h *Hub, since int64, within time.Duration) ([]T, int64, error) {
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	all := []T{}
	for {
		found, err := s.read(limited, h, since)
		switch {
		case err != nil && limited.Err() != nil && ctx.Err() == nil:
			return all, since, nil
		case err != nil:
			return all, since, err
		}
		all, since = append(all, found.Value...), found.Next
		if len(found.Value) < pageSize {
			return all, since, nil
		}
	}
}

// follow hands the entries after a number to see as they come, until ctx ends, see fails or the hub says something else than entries.
// It outlasts a hub that is away.
func (s sequel[T]) follow(ctx context.Context, h *Hub, since int64, see func([]T) error) error {
	for {
		found, err := s.read(ctx, h, since)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whoever follows has seen enough
		case err != nil && !Away(err):
			return err
		case err != nil || found.Next == since:
			if pause(ctx, pollEvery) != nil {
				return nil //nolint:nilerr // whoever follows has seen enough
			}
		}
		if err == nil && len(found.Value) > 0 {
			if err := see(found.Value); err != nil {
				return err
			}
		}
		since = max(since, found.Next)
	}
}
