package identity

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
)

const (
	// A hub has one authority or two, and an administrator's certificate needs a few.
	maxAuthorities  = 20
	maxTrust        = 256 << 10
	maxSignatures   = 4
	certificateMark = "CERTIFICATE"
)

// Trust is whom the agents trust as the hub's authorities in place of those of their settings. The zero value is
// nobody: then the settings hold.
type Trust struct {
	Certificates []byte // PEM
	Generation   int64
	IssuedAt     time.Time
	InsteadOf    string // the BaseOf the settings that it replaces
}

// BaseOf names the authorities of the settings. When the chart brings others, they hold again: whoever
// installs knows better than an old Secret.
func BaseOf(authorities []byte) string {
	sum := sha256.Sum256(authorities)
	return hex.EncodeToString(sum[:])
}

// Over returns whom to trust as the hub's: those of this statement, when it was taken in place of these settings.
func (t Trust) Over(settings []byte) []byte {
	if t.holds(settings) {
		return t.Certificates
	}
	return settings
}

func (t Trust) holds(settings []byte) bool {
	return len(t.Certificates) > 0 && t.InsteadOf == BaseOf(settings)
}

// Hash is that of the statement that is followed.
func (t Trust) Hash() string {
	return fairlead.HubTrust{Generation: t.Generation, Certificates: string(t.Certificates)}.Hash()
}

// ErrNotVouchedFor is why a statement is not followed that none of the trusted authorities has signed.
var ErrNotVouchedFor = errors.New("none of the hub's authorities that are trusted here has signed whom to trust from now on")

// Follow returns whom to trust after the hub has stated that. It is t when the statement is not younger, and when it
// is good for nothing, then with an error.
func (t Trust) Follow(stated *fairlead.HubTrust, settings []byte) (Trust, error) {
	if stated == nil || len(settings) == 0 {
		return t, nil
	}
	if len(stated.Certificates) > maxTrust || len(stated.Signatures) > maxSignatures || stated.Generation < 0 {
		return t, errors.New("the hub's statement of whom to trust is too large")
	}
	if _, err := authorities([]byte(stated.Certificates)); err != nil {
		return t, err
	}
	now, err := authorities(t.Over(settings))
	if err != nil {
		return t, err
	}
	if !vouched(stated, now) {
		return t, ErrNotVouchedFor
	}
	if t.holds(settings) && !stated.IssuedAt.After(t.IssuedAt) {
		return t, nil
	}
	return Trust{
		Certificates: []byte(stated.Certificates), Generation: stated.Generation, IssuedAt: stated.IssuedAt, InsteadOf: BaseOf(settings),
	}, nil
}

func vouched(stated *fairlead.HubTrust, trusted []*x509.Certificate) bool {
	digest := sha256.Sum256(stated.Signed())
	for _, certificate := range trusted {
		key, ok := certificate.PublicKey.(*ecdsa.PublicKey)
		if !ok || !certificate.IsCA {
			continue
		}
		for _, signature := range stated.Signatures {
			if ecdsa.VerifyASN1(key, digest[:], signature) {
				return true
			}
		}
	}
	return false
}

// authorities reads a PEM of certificates, at least one.
func authorities(text []byte) ([]*x509.Certificate, error) {
	var found []*x509.Certificate
	for len(found) < maxAuthorities {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		if block.Type != certificateMark {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, errors.New("one of the hub's authorities is not a certificate")
		}
		found = append(found, certificate)
	}
	if len(found) == 0 {
		return nil, errors.New("the hub's authorities are no certificates")
	}
	return found, nil
}

func (t Trust) note(notes map[string]string) {
	if len(t.Certificates) == 0 {
		return
	}
	notes[AnnotationTrustGeneration] = strconv.FormatInt(t.Generation, 10)
	notes[AnnotationTrustIssued] = t.IssuedAt.UTC().Format(time.RFC3339Nano)
	notes[AnnotationTrustBase] = t.InsteadOf
}

// ParseTrust reads what the Secret of an identity says of whom to trust. What cannot be read is nobody: then the settings hold.
func ParseTrust(secret *corev1.Secret) Trust {
	text, notes := secret.Data[fieldTrust], secret.Annotations
	generation, bad := strconv.ParseInt(notes[AnnotationTrustGeneration], 10, 64)
	issued, err := time.Parse(time.RFC3339Nano, notes[AnnotationTrustIssued])
	if _, unreadable := authorities(text); bad != nil || err != nil || unreadable != nil {
		return Trust{}
	}
	return Trust{Certificates: text, Generation: generation, IssuedAt: issued, InsteadOf: notes[AnnotationTrustBase]}
}
