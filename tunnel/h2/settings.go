package h2

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/net/http2"
)

var errFlood = errors.New("the far end asks faster than it takes answers")

func (c *Conn) takeSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	table := uint32(math.MaxUint32)
	c.mu.Lock()
	most := c.most
	select {
	case <-c.greeted:
	default:
		most = math.MaxUint32 // as HTTP/2 has it when nothing is said
		defer close(c.greeted)
	}
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID { //nolint:exhaustive // the others say nothing to a client
		case http2.SettingMaxConcurrentStreams:
			most = s.Val
		case http2.SettingMaxFrameSize:
			c.frame = int(min(s.Val, uint32(len(large{}))))
		case http2.SettingHeaderTableSize:
			table = s.Val
		case http2.SettingInitialWindowSize:
			c.resize(int64(s.Val))
		}
		return nil
	})
	c.most = most
	c.mu.Unlock()
	if err != nil {
		return err
	}
	return c.reply(func(f *http2.Framer, h *header) {
		if table != math.MaxUint32 {
			h.encoder.SetMaxDynamicTableSize(min(table, headerTable))
		}
		_ = f.WriteSettingsAck()
	})
}

// resize changes what may be sent on each stream at first, and on those that are there. It needs the lock.
func (c *Conn) resize(to int64) {
	for _, s := range c.streams {
		s.sendWindow += to - c.initial
	}
	c.initial = to
	c.reopen()
}

// reopen wakes bodies that wait for a window. It needs the lock.
func (c *Conn) reopen() {
	close(c.opened)
	c.opened = make(chan struct{})
}

// reply answers a frame that the far end has sent, unless it takes no answers.
func (c *Conn) reply(frames func(*http2.Framer, *header)) error {
	if c.out.unwritten() > 2*maxUnwritten {
		return errFlood
	}
	c.out.send(frames)
	return nil
}

func (c *Conn) takePing(f *http2.PingFrame) error {
	if f.IsAck() {
		return nil
	}
	data := f.Data
	return c.reply(func(f *http2.Framer, _ *header) { _ = f.WritePing(true, data) })
}

func (c *Conn) takeWindow(f *http2.WindowUpdateFrame) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.reopen()
	if f.StreamID == 0 {
		if c.window += int64(f.Increment); c.window > math.MaxInt32 {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		return nil
	}
	s := c.streams[f.StreamID]
	if s == nil {
		return nil
	}
	if s.sendWindow += int64(f.Increment); s.sendWindow > math.MaxInt32 {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeFlowControl, Cause: errors.New("a window that is too large")}
	}
	return nil
}

func (c *Conn) takeReset(f *http2.RSTStreamFrame) {
	s := c.find(f.StreamID)
	if s == nil || !s.remove() {
		return
	}
	var why error = http2.StreamError{StreamID: f.StreamID, Code: f.ErrCode, Cause: errors.New("the far end has ended it")}
	if f.ErrCode == http2.ErrCodeRefusedStream {
		why = ErrUnavailable
	}
	s.end(why)
	c.changed()
}

// takeGoAway takes no further requests, and gives those back that the far end will not look at.
func (c *Conn) takeGoAway(f *http2.GoAwayFrame) {
	if c.serves != nil { // what a client says of streams is about those that a server would open
		c.Shutdown()
		return
	}
	c.mu.Lock()
	c.away = true
	var lost []*stream
	for id, s := range c.streams {
		if id > f.LastStreamID {
			delete(c.streams, id)
			lost = append(lost, s)
		}
	}
	c.mu.Unlock()
	why := ErrUnavailable
	if f.ErrCode != http2.ErrCodeNo {
		why = fmt.Errorf("the far end has given up: %s", f.ErrCode)
	}
	for _, s := range lost {
		s.end(why)
	}
	c.changed()
}
