package h2

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// What is taken is what was put, in whatever pieces.
func TestContentKeepsOrder(t *testing.T) {
	var c content
	var put, taken bytes.Buffer
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		p := make([]byte, random.IntN(70_000))
		for i := range p {
			p[i] = byte(random.Uint32())
		}
		if put.Len()-taken.Len() < 1<<20 {
			c.put(p)
			put.Write(p)
		}
		q := make([]byte, random.IntN(70_000))
		taken.Write(q[:c.take(q)])
		if len(c.pieces) > 400 {
			t.Fatalf("%d pieces", len(c.pieces))
		}
	}
	rest := make([]byte, 4<<20)
	taken.Write(rest[:c.take(rest)])
	if !bytes.Equal(put.Bytes(), taken.Bytes()) {
		t.Errorf("%d bytes in, %d out", put.Len(), taken.Len())
	}
	c.put([]byte("x"))
	c.drop()
	if n := c.take(rest); n != 0 {
		t.Errorf("%d bytes of what was dropped", n)
	}
}

// Little pieces do not each take a buffer: whoever reads nothing holds little more than what has come.
func TestLittlePiecesShareBuffers(t *testing.T) {
	var c content
	for range 10_000 {
		c.put([]byte("0123456789"))
	}
	held := 0
	for _, one := range c.pieces {
		held += len(one.bytes)
	}
	if held > 100_000+len(large{}) {
		t.Errorf("%d bytes hold 100,000", held)
	}
}
