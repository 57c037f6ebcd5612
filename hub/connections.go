package hub

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// connections makes room for callers with something to say when somebody fills the hub with
// connections that say nothing: half-open ones, and ones left idle after a request. Those of agents
// hold a poll and are neither.
type connections struct {
	most int // how many there may be before the ones that are silent longest are closed

	mu     sync.Mutex
	open   int
	silent *list.List // of net.Conn, the one that is silent longest first
	places map[net.Conn]*list.Element
}

func newConnections(most int) *connections {
	return &connections{most: most, silent: list.New(), places: map[net.Conn]*list.Element{}}
}

// follow is for http.Server.ConnState.
func (c *connections) follow(conn net.Conn, state http.ConnState) {
	if surplus := c.note(conn, state); surplus != nil {
		_ = surplus.Close() // a connection that was given up needs no farewell
	}
}

// note returns the connection that has to go, if any.
func (c *connections) note(conn net.Conn, state http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if place, ok := c.places[conn]; ok {
		c.silent.Remove(place)
		delete(c.places, conn)
	}
	switch state {
	case http.StateNew:
		c.open++
		c.places[conn] = c.silent.PushBack(conn)
	case http.StateIdle:
		c.places[conn] = c.silent.PushBack(conn)
	case http.StateClosed, http.StateHijacked:
		c.open--
	case http.StateActive:
	}
	if c.open <= c.most {
		return nil
	}
	return c.longestSilent()
}

// count returns how many connections there are, and how many of them are silent.
func (c *connections) count() (open, silent int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open, c.silent.Len()
}

func (c *connections) longestSilent() net.Conn {
	first := c.silent.Front()
	if first == nil {
		return nil
	}
	conn, _ := c.silent.Remove(first).(net.Conn)
	delete(c.places, conn)
	return conn
}

// mostConnections leaves a tenth of what the system lets the hub open to files and the database.
func mostConnections() int {
	limit, err := openFiles()
	if err != nil || limit > maxConnections {
		limit = maxConnections
	}
	return int(limit - limit/10)
}

// maxConnections is more than two for each of a hundred thousand clusters.
const maxConnections = 1 << 18
