package config

import (
	"crypto/ecdsa"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

// let offers extension web with credentials for its chart's registry, sealed for a key.
func let(t *testing.T, kind string, key *ecdsa.PublicKey) fairlead.PendingConfigs {
	t.Helper()
	return offered(kind, `{"generation":1}`, func(c *fairlead.Configuration) {
		c.Registry = &fairlead.RegistryCredentials{Hash: "h1", Sealed: seal(t, key, map[string]string{
			fairlead.RegistryHost: "charts.example.org:443", fairlead.RegistryUsername: "reader", fairlead.RegistryPassword: "swordfish", "more": "x",
		})}
	})
}

func TestCredentialsForARegistryAreWrittenBeforeTheExtension(t *testing.T) {
	key, server, k := newKey(t), &calls{}, flavours()["Extension"]
	if err := withExtensions(t, &script{pending: let(t, k.kind, &key.PublicKey)}, server, key).once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"PATCH " + k.registryPath(), "PATCH " + k.path, "DELETE " + k.secretPath()}; !slices.Equal(server.all, want) {
		t.Fatalf("calls %q, want %q", server.all, want)
	}
	for _, part := range []string{`"host":"Y2hhcnRzLmV4YW1wbGUub3JnOjQ0Mw=="`, `"username":"cmVhZGVy"`, `"password":"c3dvcmRmaXNo"`} {
		if !strings.Contains(server.bodies[0], part) || strings.Contains(server.bodies[0], "more") {
			t.Errorf("%s is missing in the Secret, or there is more: %s", part, server.bodies[0])
		}
	}
	if strings.Contains(server.bodies[1], "swordfish") || strings.Contains(server.bodies[1], "registry") {
		t.Errorf("object %s", server.bodies[1])
	}
}

func TestCredentialsForAnotherKeyAreAskedForAgain(t *testing.T) {
	server, hub := &calls{}, &script{pending: let(t, fairlead.ExtensionConfigKind, &newKey(t).PublicKey)}
	a := withExtensions(t, hub, server, newKey(t))
	if err := a.once(t.Context()); err == nil || a.etag != "" || len(server.all) > 0 || strings.Contains(hub.statuses[0].Message, "swordfish") {
		t.Errorf("error %v, etag %q, calls %q", err, a.etag, server.all)
	}
}

// Flux reads sources by itself, with Secrets of its own.
func TestOtherKindsGetNoCredentialsForRegistries(t *testing.T) {
	key, server := newKey(t), &calls{}
	if err := withExtensions(t, &script{pending: let(t, fairlead.FluxConfigKind, &key.PublicKey)}, server, key).once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(server.all, " "); strings.Contains(all, "registry") {
		t.Errorf("calls %q", all)
	}
}
