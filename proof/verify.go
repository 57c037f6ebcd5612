package proof

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/fairlead/fairlead"
)

// maxProof bounds what is parsed: a chain of two P-256 certificates needs about 3 KB.
const maxProof = 16 << 10

// signatureSize is that of an ES256 signature: two numbers of 32 bytes.
const signatureSize = 64

// ErrOtherKey is the cause of a refusal of a proof whose signature is not by the key that it was checked with.
var ErrOtherKey = errors.New("the proof was made with another key")

// Proof is a proof that nobody has checked yet.
type Proof struct {
	text   string
	sender [sha256.Size]byte
	now    time.Time
	since  time.Time
}

// Parse finds the proof of r. Its errors, like all of this package's, are Unauthenticated; an
// answer with code ProofExpired tells the agent to correct its clock by the Date header.
func Parse(r *http.Request, now time.Time) (*Proof, error) {
	text := r.Header.Get(Header)
	if text == "" || len(text) > maxProof {
		return nil, refuse("the request carries no proof")
	}
	if strings.Count(text, ".") != 2 {
		return nil, refuse("the proof is malformed")
	}
	header, _, _ := strings.Cut(text, ".")
	return &Proof{text: text, sender: sha256.Sum256([]byte(header)), now: now}, nil
}

// Since refuses proofs that were made before a moment, whole seconds, as expired: a verifier that has forgotten
// which proofs it has accepted must not accept any of that time again.
func (p *Proof) Since(moment time.Time) { p.since = moment.Truncate(time.Second) }

// Sender is the same for all proofs that carry the same chain. What Chain returned for one of them
// is true of the others, until the leaf ends.
func (p *Proof) Sender() [sha256.Size]byte { return p.sender }

// Chain returns the leaf of the certificate chain that the proof carries, once the chain leads
// to roots at this time and allows client authentication.
func (p *Proof) Chain(roots *x509.CertPool) (*x509.Certificate, error) {
	object, err := p.parse()
	if err != nil {
		return nil, err
	}
	chains, err := object.Signatures[0].Protected.Certificates(x509.VerifyOptions{
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
	object, err := p.parse()
	if err != nil {
		return "", err
	}
	payload, err := object.Verify(key)
	if err != nil {
		return "", refuse("%w", ErrOtherKey)
	}
	return p.match(payload, r, body)
}

// VerifyAgain is Verify for a Sender of which an earlier proof was verified with this same key. Its
// header, chain and all, was judged then and is taken as read: agents send the same one with every request,
// and to parse it costs as much as the signature.
func (p *Proof) VerifyAgain(key *ecdsa.PublicKey, r *http.Request, body []byte) (string, error) {
	last := strings.LastIndex(p.text, ".")
	signature, err := base64.RawURLEncoding.DecodeString(p.text[last+1:])
	if err != nil || len(signature) != signatureSize {
		return "", refuse("the proof is malformed")
	}
	digest := sha256.Sum256([]byte(p.text[:last]))
	first, second := new(big.Int).SetBytes(signature[:signatureSize/2]), new(big.Int).SetBytes(signature[signatureSize/2:])
	if !ecdsa.Verify(key, digest[:], first, second) {
		return "", refuse("%w", ErrOtherKey)
	}
	payload, err := base64.RawURLEncoding.DecodeString(p.text[strings.Index(p.text, ".")+1 : last])
	if err != nil {
		return "", refuse("the proof is malformed")
	}
	return p.match(payload, r, body)
}

func (p *Proof) parse() (*jose.JSONWebSignature, error) {
	object, err := jose.ParseSignedCompact(p.text, []jose.SignatureAlgorithm{jose.ES256, jose.PS256})
	if err != nil || object.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != proofType {
		return nil, refuse("the proof is malformed")
	}
	return object, nil
}

// match checks what was signed against the request.
func (p *Proof) match(payload []byte, r *http.Request, body []byte) (string, error) {
	var said claims
	if json.Unmarshal(payload, &said) != nil {
		return "", refuse("the proof is malformed")
	}
	made := time.Unix(said.IssuedAt, 0)
	if age := p.now.Sub(made); age > Window || age < -Ahead || made.Before(p.since) {
		return "", refuse("the proof is %s old by the hub's clock", age).WithCode("ProofExpired")
	}
	if said.Method != r.Method || said.Target != target(r) || said.BodyHash != bodyHash(body) || said.ID == "" {
		return "", refuse("the proof was made for another request")
	}
	return said.ID, nil
}

func refuse(format string, args ...any) *fairlead.Error {
	return fairlead.Errorf(fairlead.Unauthenticated, format, args...).WithCode("InvalidProof")
}
