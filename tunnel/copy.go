package tunnel

import (
	"context"
	"crypto/tls"
	"io"
	"net"
)

// Secure begins TLS as a client on a connection, which it closes if that fails, in a way that Copy and Server make the best of.
func Secure(ctx context.Context, conn net.Conn, config *tls.Config) (net.Conn, error) {
	config = config.Clone()
	config.DynamicRecordSizingDisabled = true // a message is to be as few records as it can
	secured := tls.Client(&wire{Conn: conn}, config)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return gathering(secured), nil
}

// gathering returns conn with large writes that are one system call each, where that can be had.
func gathering(conn net.Conn) net.Conn {
	if w := wireOf(conn); w != nil {
		limitUnsent(conn)
		return &gathered{conn, w}
	}
	return conn
}

// gathered is a connection of TLS above a wire.
type gathered struct {
	net.Conn

	wire *wire
}

// NetConn returns the connection below.
func (g *gathered) NetConn() net.Conn { return g.Conn }

// Write writes p with one system call.
func (g *gathered) Write(p []byte) (int, error) {
	if len(p) <= maxRecord {
		return g.Conn.Write(p)
	}
	g.wire.cork()
	n, err := g.Conn.Write(p)
	if flushed := g.wire.flush(); err == nil {
		err = flushed
	}
	return n, err
}

// WriteJoined writes both, in full records if they go into a buffer together.
func (g *gathered) WriteJoined(head, body []byte) error {
	if len(head)+len(body) > len(chunk{}) {
		if _, err := g.Write(head); err != nil {
			return err
		}
		_, err := g.Write(body)
		return err
	}
	buffer := chunks.Get().(*chunk) //nolint:forcetypeassert // nothing else is in it
	defer chunks.Put(buffer)
	_, err := g.Write(append(append(buffer[:0], head...), body...))
	return err
}

// Read reads as much of what is there as goes into a large p, and into a small one what is in one record.
func (g *gathered) Read(p []byte) (int, error) {
	if len(p) > maxRecord {
		return g.readSome(p)
	}
	return g.Conn.Read(p)
}

// readSome reads what is there, and at least something. It waits for the rest of a record of which some is there.
func (g *gathered) readSome(p []byte) (int, error) {
	n, err := g.Conn.Read(p)
	for err == nil && n < len(p) && g.wire.holds() {
		var more int
		more, err = g.Conn.Read(p[n:])
		n += more
	}
	return n, err
}

// readSome reads to the end of a frame or of p. The far end has sent all of it at once.
func (c *Conn) readSome(p []byte) (int, error) {
	n, err := c.Read(p)
	if err != nil {
		return n, err
	}
	rest := p[n:min(int64(len(p)), int64(n)+c.frame.length-c.read)]
	more, err := io.ReadFull(c, rest)
	return n + more, err
}

// Copy copies in one direction until from ends, for a bridge that does not know what it carries. The error is nil only when the
// far side of from has ended it properly.
func Copy(to, from net.Conn) error {
	read := from.Read
	if large, ok := from.(interface{ readSome(p []byte) (int, error) }); ok {
		read = large.readSome
	}
	whole := chunks.Get().(*chunk) //nolint:forcetypeassert // nothing else is in it
	defer chunks.Put(whole)
	buffer := whole[:maxMessage]
	for {
		n, err := read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return properly(err)
		}
	}
}

func properly(err error) error {
	if err == io.EOF { //nolint:errorlint // a wrapped one is not the end
		return nil
	}
	return err
}
