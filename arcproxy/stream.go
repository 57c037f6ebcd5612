package arcproxy

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// stream is a request that lasts until one of its ends is tired of it.
type stream struct {
	cancel  context.CancelFunc
	control *http.ResponseController
}

// end ends the request, also when the other side has ended it and ours does not close the connection.
func (s *stream) end() {
	s.cancel()
	_ = s.control.SetReadDeadline(time.Unix(1, 0)) // a connection that cannot do it is gone
}

// begin returns the request with a way to end it, if it is one that would not end by itself: a watch, a log that is followed,
// or an upgrade.
func (c *cluster) begin(w http.ResponseWriter, r *http.Request) (*stream, *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	one := &stream{cancel, http.NewResponseController(w)}
	if lasting(r) {
		c.mutex.Lock()
		c.streams[one] = struct{}{}
		c.mutex.Unlock()
	}
	return one, r.WithContext(ctx)
}

func (c *cluster) finish(one *stream) {
	c.mutex.Lock()
	delete(c.streams, one)
	c.mutex.Unlock()
	one.cancel()
}

func (c *cluster) endStreams() {
	c.mutex.RLock()
	defer c.mutex.RUnlock()
	for one := range c.streams {
		one.end()
	}
}

func lasting(r *http.Request) bool {
	query := r.URL.Query()
	return r.Header.Get("Upgrade") != "" || isTrue(query.Get("watch")) || isTrue(query.Get("follow"))
}

func isTrue(text string) bool { return text == "1" || strings.EqualFold(text, "true") }
