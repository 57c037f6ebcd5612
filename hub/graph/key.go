package graph

import (
	"context"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // Graph names certificates by it
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

const (
	// Bounds what sign-in has to compare with.
	maxKeys = 20
	minBits = 2048
)

// key is a certificate as Graph shows it. The certificate itself is public.
type key struct {
	KeyID       string    `json:"keyId"`
	Type        string    `json:"type"`
	Usage       string    `json:"usage"`
	DisplayName string    `json:"displayName"`
	Thumbprint  string    `json:"customKeyIdentifier"`
	Start       time.Time `json:"startDateTime"`
	End         time.Time `json:"endDateTime"`
}

func shownKey(held store.KeyCredential) key {
	sum := sha1.Sum(held.Certificate) //nolint:gosec // Graph names certificates by it
	return key{
		KeyID: held.ID, Type: "AsymmetricX509Cert", Usage: "Verify", DisplayName: held.DisplayName,
		Thumbprint: base64.StdEncoding.EncodeToString(sum[:]), Start: held.NotBefore.UTC(), End: held.NotAfter.UTC(),
	}
}

func (a *API) keys(ctx context.Context, p store.Principal) ([]key, error) {
	held, err := a.Store.KeyCredentials(ctx, p.ObjectID)
	keys := make([]key, 0, len(held))
	for _, one := range held {
		keys = append(keys, shownKey(one))
	}
	return keys, err
}

// addKey gives a service principal a certificate to sign in with. Graph's proof of another key is accepted and not looked
// at: who may do this is decided by roles.
func (a *API) addKey(w http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), assignAction, stored.ObjectID); err != nil {
		return 0, nil, err
	}
	var wanted struct {
		Credential struct {
			DisplayName string `json:"displayName"`
			Key         []byte `json:"key"`
		} `json:"keyCredential"`
	}
	if err := reply.Decode(w, r, maxBody, &wanted); err != nil {
		return 0, nil, err
	}
	certificate, err := a.certificate(wanted.Credential.Key)
	if err != nil {
		return 0, nil, err
	}
	held, err := a.Store.KeyCredentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	if len(held) >= maxKeys {
		return 0, nil, invalid("a service principal has at most %d certificates: remove one first", maxKeys)
	}
	if slices.ContainsFunc(held, func(one store.KeyCredential) bool { return string(one.Certificate) == string(certificate.Raw) }) {
		return 0, nil, fairlead.Errorf(fairlead.Conflict, "the service principal has that certificate already").WithCode("Request_BadRequest")
	}
	name := wanted.Credential.DisplayName
	if name == "" {
		name = certificate.Subject.String()
	}
	if len(name) > maxDisplayName {
		name = name[:maxDisplayName]
	}
	made := store.KeyCredential{
		ID: uuid.NewString(), PrincipalID: stored.ObjectID, DisplayName: name, Certificate: certificate.Raw,
		NotBefore: certificate.NotBefore, NotAfter: certificate.NotAfter, CreatedAt: a.Now(),
	}
	if err := a.Store.AddKeyCredential(r.Context(), made); err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "certificate added to service principal", slog.String("object_id", stored.ObjectID), slog.String("key_id", made.ID))
	return http.StatusOK, shownKey(made), nil
}

// certificate reads DER, or PEM as people paste it, of a certificate that can be signed in with.
func (a *API) certificate(content []byte) (*x509.Certificate, error) {
	if block, _ := pem.Decode(content); block != nil {
		if block.Type != "CERTIFICATE" {
			return nil, invalid("the key is a %.64s: give the certificate, and keep the private key where it is", block.Type)
		}
		content = block.Bytes
	}
	found, err := x509.ParseCertificate(content)
	if err != nil {
		return nil, invalid("the key is no certificate in DER form")
	}
	public, ok := found.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok || public.N.BitLen() < minBits:
		return nil, invalid("the certificate needs an RSA key of at least %d bits", minBits)
	case !a.Now().Before(found.NotAfter):
		return nil, invalid("the certificate has expired at %s", found.NotAfter.UTC().Format(time.RFC3339))
	}
	return found, nil
}

func (a *API) removeKey(w http.ResponseWriter, r *http.Request) (int, any, error) {
	stored, err := a.service(r)
	if err != nil {
		return 0, nil, err
	}
	if err := a.mayOnEveryRole(r.Context(), unassignAction, stored.ObjectID); err != nil {
		return 0, nil, err
	}
	var wanted struct {
		KeyID string `json:"keyId"`
	}
	if err := reply.Decode(w, r, maxBody, &wanted); err != nil {
		return 0, nil, err
	}
	held, err := a.Store.KeyCredentials(r.Context(), stored.ObjectID)
	if err != nil {
		return 0, nil, err
	}
	// A key id is only good together with the principal that it belongs to.
	if !slices.ContainsFunc(held, func(c store.KeyCredential) bool { return c.ID == wanted.KeyID }) {
		return 0, nil, fairlead.Errorf(fairlead.NotFound, "service principal '%s' has no certificate '%.64s'", stored.ObjectID, wanted.KeyID).WithCode("Request_ResourceNotFound")
	}
	if err := a.Store.DeleteKeyCredential(r.Context(), wanted.KeyID); err != nil {
		return 0, nil, err
	}
	a.Log.InfoContext(r.Context(), "certificate removed from service principal", slog.String("object_id", stored.ObjectID), slog.String("key_id", wanted.KeyID))
	return http.StatusNoContent, nil, nil
}
