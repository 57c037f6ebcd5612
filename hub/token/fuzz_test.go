package token_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/fairlead/fairlead/hub/authority"
	"github.com/fairlead/fairlead/hub/token"
)

// FuzzAuthenticate shows that no bearer token but the hub's own is let through, and none makes it panic: the
// store that it would be asked for principals is missing.
func FuzzAuthenticate(f *testing.F) {
	box, err := authority.NewBox(bytes.Repeat([]byte{1}, 32))
	if err != nil {
		f.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	keys := &token.Keys{Vault: &authority.Vault{Box: box, Store: shelf{}}, Now: time.Now, Log: log}
	if err := keys.Load(f.Context()); err != nil {
		f.Fatal(err)
	}
	service := &token.Service{URL: hubURL, TenantID: tenant, Keys: keys, Now: time.Now, Log: log}
	guarded := service.Authenticate(http.NotFoundHandler())
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: make([]byte, 32), KeyID: keys.Public().Keys[0].KeyID}}, nil)
	if err != nil {
		f.Fatal(err)
	}
	forged, err := jwt.Signed(signer).Claims(map[string]any{"oid": object, "tid": tenant}).Serialize()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "Bearer", "Bearer x.y.z", "Bearer " + forged, "Basic eDp5", "bearer " + strings.Repeat(".", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		r := httptest.NewRequest(http.MethodGet, "/subscriptions", nil)
		r.Header.Set("Authorization", header)
		w := httptest.NewRecorder()
		guarded.ServeHTTP(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%q: %d %s", header, w.Code, w.Body)
		}
	})
}
