package dataplane

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	maxDocument = 256 << 10
	// A clock that differs by more than a Date header can be late is corrected.
	clockTolerance = 3 * time.Second
)

// TrustAs makes requests without an identity trust the authorities that it returns, when it returns any. Who cannot read
// the identity's Secret is told in this way whom the hub has stated to be trusted.
func (c *Client) TrustAs(authorities func() []byte) { c.told = authorities }

// Document fetches what the hub tells anybody, by its path, and corrects the clock by the answer.
func (c *Client) Document(ctx context.Context, path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	via := c.withoutIdentity(nil)
	ctx, done, err := via.begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("reach the hub: %w", err)
	}
	defer done()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.settings.HubURL+path, nil)
	if err != nil {
		return nil, fmt.Errorf("prepare the request for %s: %w", path, err)
	}
	request.Header.Set("User-Agent", "fairlead-agent/"+c.settings.AgentVersion)
	answer, err := via.http.Do(request)
	if err != nil {
		via.lost(ctx)
		return nil, fmt.Errorf("reach the hub: %w", err)
	}
	defer answer.Body.Close()
	body := io.LimitReader(answer.Body, maxDocument)
	if answer.StatusCode != http.StatusOK {
		return nil, refuse(answer, path, body)
	}
	c.followClock(answer)
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("read the hub's answer to %s: %w", path, err)
	}
	return text, nil
}

// HubTime returns the hub's time, as far as it is known.
func (c *Client) HubTime() time.Time { return c.hubTime() }

func (c *Client) followClock(answer *http.Response) {
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return
	}
	if difference := date.Sub(c.hubTime()); difference.Abs() > clockTolerance {
		c.offset.Store(int64(date.Sub(c.now())))
	}
}
