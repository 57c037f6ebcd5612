package fairlead

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"
)

// HubTrust states which authorities (PEM) the agents are to trust as the hub's, in place of those that they were
// installed with. An agent follows it when one that it trusts as the hub's has signed it and it is younger than what
// it follows: a proxy that ends TLS can hand it on or keep it back, and no more. Generation grows when
// the hub's own authority changes. Each signature is an ASN.1 ECDSA signature of the SHA-256 of Signed.
type HubTrust struct {
	Certificates string    `json:"certificates"`
	Generation   int64     `json:"generation"`
	IssuedAt     time.Time `json:"issuedAt"`
	Signatures   [][]byte  `json:"signatures"`
}

// Signed is what the signatures are of.
func (t HubTrust) Signed() []byte {
	return []byte("fairlead hub trust\n" + strconv.FormatInt(t.Generation, 10) + "\n" + t.IssuedAt.UTC().Format(time.RFC3339Nano) + "\n" + t.Certificates)
}

// Hash is the same for statements of the same content, whenever they were made.
func (t HubTrust) Hash() string {
	sum := sha256.Sum256([]byte(strconv.FormatInt(t.Generation, 10) + "\n" + t.Certificates))
	return hex.EncodeToString(sum[:])
}
