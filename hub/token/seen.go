package token

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
)

// maxSeen bounds how many signatures are remembered, each in less than a kilobyte.
const maxSeen = 8192

// seen remembers texts whose signatures are good, by their digests. Only who has a token of this hub can fill it; a full
// one is emptied, and all are verified again, once.
type seen struct {
	mu    sync.RWMutex
	known map[[sha256.Size]byte]remembered
}

// remembered is what the signatures on a text cover. Whether it is good now is not among that.
type remembered struct {
	claims  claims
	keyID   string
	request *signedRequest  // of signed requests only
	payload json.RawMessage // of tokens of other kinds only
}

func (o *seen) recall(sum [sha256.Size]byte) (remembered, bool) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	found, ok := o.known[sum]
	return found, ok
}

func (o *seen) keep(sum [sha256.Size]byte, found remembered) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil || len(o.known) >= maxSeen {
		o.known = map[[sha256.Size]byte]remembered{}
	}
	o.known[sum] = found
}
