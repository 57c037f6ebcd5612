package client

import (
	"context"
	"net/http"
	"net/url"
	"strings"
)

// PrincipalsPath is the path of service principals.
const PrincipalsPath = "/v1.0/servicePrincipals"

// Principals lists the service principals that match a filter such as appId eq '…'; all when it is empty.
func (h *Hub) Principals(ctx context.Context, filter string) ([]Document, error) {
	return h.Objects(ctx, PrincipalsPath, filter)
}

// Principal reads one service principal, with the ids of its secrets, which listings leave out.
func (h *Hub) Principal(ctx context.Context, objectID string) (Document, error) {
	found := Document{}
	err := h.Get(ctx, PrincipalsPath+"/"+url.PathEscape(objectID), "", &found)
	return found, err
}

// PrincipalFilter finds a service principal by one of its ids or its name.
func PrincipalFilter(property, value string) string {
	return property + " eq '" + strings.ReplaceAll(value, "'", "''") + "'"
}

// CreatePrincipal makes a service principal without credentials.
func (h *Hub) CreatePrincipal(ctx context.Context, displayName string) (Document, error) {
	created := Document{}
	err := h.Post(ctx, PrincipalsPath, "", Document{"displayName": displayName}, &created)
	return created, err
}

// AddPassword gives a service principal a new secret, which the answer alone holds.
func (h *Hub) AddPassword(ctx context.Context, objectID string) (Document, error) {
	added := Document{}
	err := h.Post(ctx, PrincipalsPath+"/"+url.PathEscape(objectID)+"/addPassword", "", Document{}, &added)
	return added, err
}

// RemovePassword takes a secret from a service principal.
func (h *Hub) RemovePassword(ctx context.Context, objectID, keyID string) error {
	return h.Post(ctx, PrincipalsPath+"/"+url.PathEscape(objectID)+"/removePassword", "", Document{"keyId": keyID}, nil)
}

// DeletePrincipal removes a service principal with its credentials.
func (h *Hub) DeletePrincipal(ctx context.Context, objectID string) error {
	_, err := h.Do(ctx, Call{Method: http.MethodDelete, Path: PrincipalsPath + "/" + url.PathEscape(objectID)})
	return err
}

// AddKey gives a service principal a certificate, in DER form, to sign in with.
func (h *Hub) AddKey(ctx context.Context, objectID string, certificate []byte) (Document, error) {
	added := Document{}
	body := Document{"keyCredential": Document{"type": "AsymmetricX509Cert", "usage": "Verify", "key": certificate}, "proof": ""}
	err := h.Post(ctx, PrincipalsPath+"/"+url.PathEscape(objectID)+"/addKey", "", body, &added)
	return added, err
}
