package h2

// UseUp makes it as if the connection had carried half of the requests that it can, but for so many.
func (c *Conn) UseUp(but uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next = fewLeft + 1 - 2*but
}
