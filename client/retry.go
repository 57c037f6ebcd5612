package client

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// retryAfter says how long to wait before a repetition and whether one could help at all.
func retryAfter(response *Response, err error, attempt int) (time.Duration, bool) {
	backoff := 200 * time.Millisecond << (attempt - 1)
	if err != nil {
		var lost *Unreachable
		return backoff, errors.As(err, &lost) && lost.Temporary()
	}
	switch response.Status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
		http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return asked(response.Header, backoff), true
	}
	return 0, false
}

// asked returns the pause that the hub asked for, or else; never more than maxPause.
func asked(header http.Header, otherwise time.Duration) time.Duration {
	seconds, err := strconv.Atoi(header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return otherwise
	}
	return min(time.Duration(min(seconds, 3600))*time.Second, maxPause)
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
