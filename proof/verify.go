package proof

import (
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead"
)

// maxProof bounds what is parsed: a chain of two P-256 certificates needs about 3 KB.
const maxProof = 16 << 10

// Proof is a proof whose form is right but whose signature nobody has checked yet.
type Proof struct {
	sender [sha256.Size]byte
	object *jose.JSONWebSignature
	claims claims
	now    time.Time
}

// Parse reads the proof of r. Its errors, like all of this package's, are Unauthenticated; an
// answer with code ProofExpired tells the agent to correct its clock by the Date header.
func Parse(r *http.Request, now time.Time) (*Proof, error) {
	text := r.Header.Get(Header)
	if text == "" || len(text) > maxProof {
		return nil, refuse("the request carries no proof")
	}
	object, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.ES256, jose.PS256})
	if err != nil || object.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != proofType {
		return nil, refuse("the proof is malformed")
	}
	header, _, _ := strings.Cut(text, ".")
	return &Proof{sender: sha256.Sum256([]byte(header)), object: object, now: now}, nil
}

// Sender is the same for all proofs that carry the same chain. What Chain returned for one of them
// is true of the others, until the leaf ends.
func (p *Proof) Sender() [sha256.Size]byte { return p.sender }

// Chain returns the leaf of the certificate chain that the proof carries, once the chain leads
// to roots at this time and allows client authentication.
func (p *Proof) Chain(roots *x509.CertPool) (*x509.Certificate, error) {
	chains, err := p.object.Signatures[0].Protected.Certificates(x509.VerifyOptions{
		Roots: roots, CurrentTime: p.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return nil, refuse("the identity certificate is not valid here: %w", err)
	}
	return chains[0][0], nil
}

// Verify checks the signature with key and that the proof is for r with this body, now. It returns
// the proof's unique id, which the caller must not accept twice within two Windows.
func (p *Proof) Verify(key crypto.PublicKey, r *http.Request, body []byte) (string, error) {
	payload, err := p.object.Verify(key)
	if err != nil {
		return "", refuse("the proof was made with another key")
	}
	if json.Unmarshal(payload, &p.claims) != nil {
		return "", refuse("the proof is malformed")
	}
	if age := p.now.Sub(time.Unix(p.claims.IssuedAt, 0)); age > Window || age < -Window {
		return "", refuse("the proof is %s old by the hub's clock", age).WithCode("ProofExpired")
	}
	if p.claims.Method != r.Method || p.claims.Target != target(r) || p.claims.BodyHash != bodyHash(body) || p.claims.ID == "" {
		return "", refuse("the proof was made for another request")
	}
	return p.claims.ID, nil
}

func refuse(format string, args ...any) *fairlead.Error {
	return fairlead.Errorf(fairlead.Unauthenticated, format, args...).WithCode("InvalidProof")
}
