package identity_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
)

func made(t *testing.T, cluster fairlead.ResourceID) *identity.Identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1000, 0),
		URIs: []*url.URL{{Scheme: "fairlead", Opaque: cluster.Key()}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity.Identity{
		Chain: []*x509.Certificate{leaf}, Key: key, RenewAfter: time.Unix(700, 0).UTC(), OnboardingKey: "aa", PrincipalID: "p", TenantID: "t",
	}
}

func cluster() fairlead.ResourceID { return fairlead.ConnectedClusterID("S", "Shops", "Edge-1") }

func TestSecretHoldsTheWholeIdentity(t *testing.T) {
	before := made(t, cluster())
	secret, err := before.Secret(fairlead.AgentNamespace)
	if err != nil {
		t.Fatal(err)
	}
	after, err := identity.Parse(secret)
	if err != nil {
		t.Fatal(err)
	}
	if !after.Is(before) || !after.Key.Equal(before.Key) || !after.RenewAfter.Equal(before.RenewAfter) || after.OnboardingKey != "aa" || after.PrincipalID != "p" || after.TenantID != "t" {
		t.Errorf("read back %+v", after)
	}
	if err := after.BelongsTo(cluster()); err != nil {
		t.Error(err)
	}
	if after.BelongsTo(fairlead.ConnectedClusterID("S", "Shops", "Edge-2")) == nil {
		t.Error("the certificate belongs to any cluster")
	}
	if shown := fmt.Sprint(slog.AnyValue(secret).Resolve()); strings.Contains(shown, "PRIVATE") || strings.Contains(shown, string(secret.Data["tls.key"])) {
		t.Error("a log shows the key")
	}
}

func TestUnusableSecretsAreErrors(t *testing.T) {
	good, err := made(t, cluster()).Secret("n")
	if err != nil {
		t.Fatal(err)
	}
	other, err := made(t, cluster()).Secret("n")
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string][2][]byte{
		"Empty": {nil, nil}, "NoKey": {good.Data["tls.crt"], nil}, "OthersKey": {good.Data["tls.crt"], other.Data["tls.key"]},
		"NoPEM": {[]byte("x"), good.Data["tls.key"]}, "Swapped": {good.Data["tls.key"], good.Data["tls.crt"]},
	}
	for name, c := range cases {
		broken := good
		broken.Data = map[string][]byte{"tls.crt": c[0], "tls.key": c[1]}
		if _, err := identity.Parse(broken); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestHalfLifeIsTheRenewalWhenNothingIsNoted(t *testing.T) {
	secret, err := made(t, cluster()).Secret("n")
	if err != nil {
		t.Fatal(err)
	}
	secret.Annotations = nil
	got, err := identity.Parse(secret)
	if err != nil || !got.RenewAfter.Equal(time.Unix(500, 0)) {
		t.Errorf("renewal %v, %v", got, err)
	}
}

func TestWaitEndsWhenThereIsAnIdentity(t *testing.T) {
	found := made(t, cluster())
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		holder := &identity.Holder{}
		if _, _, reason := holder.Current(); fairlead.KindOf(reason) != fairlead.Unavailable {
			t.Errorf("before anybody looked: %v", reason)
		}
		got := make(chan *identity.Identity, 1)
		go func() {
			i, err := holder.Wait(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
			if err != nil {
				t.Error(err)
			}
			got <- i
		}()
		synctest.Wait()
		holder.Set(nil, errors.New("none yet"))
		synctest.Wait()
		holder.Set(found, nil)
		if !(<-got).Is(found) {
			t.Error("another identity came")
		}
		if n := strings.Count(log.String(), "waiting for the identity certificate"); n != 1 {
			t.Errorf("the log says %d times what is waited for, want once: %s", n, &log)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := (&identity.Holder{}).Wait(ctx, slog.New(slog.DiscardHandler)); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
}

func TestTheSameIdentityIsNoChange(t *testing.T) {
	holder, found := &identity.Holder{}, made(t, cluster())
	holder.Set(found, nil)
	_, changed, _ := holder.Current()
	holder.Set(found, nil)
	select {
	case <-changed:
		t.Error("setting the same woke everybody")
	default:
	}
	holder.Set(made(t, cluster()), nil)
	select {
	case <-changed:
	default:
		t.Error("another identity woke nobody")
	}
}

func FuzzParseChain(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if chain, err := identity.ParseChain(text); err == nil && len(chain) == 0 {
			t.Error("an empty chain without an error")
		}
	})
}
