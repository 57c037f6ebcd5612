package clusteridentity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/agent/logline"
	"github.com/fairlead/fairlead/agent/pace"
)

func cluster() fairlead.ResourceID { return fairlead.ConnectedClusterID("s", "g", "n") }

// authority issues what the tests want: for which cluster, and for whose key.
type authority struct {
	cluster  fairlead.ResourceID
	otherKey bool
	err      error
	pending  error
}

func (a authority) Certificate(_ context.Context, _ crypto.Signer, csr []byte) (fairlead.CertificateResponse, error) {
	if a.err != nil {
		return fairlead.CertificateResponse{}, a.err
	}
	request, err := x509.ParseCertificateRequest(csr)
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fairlead.CertificateResponse{}, err
	}
	public := request.PublicKey
	if a.otherKey {
		public = &key.PublicKey
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1000, 0),
		URIs: []*url.URL{{Scheme: "fairlead", Opaque: a.cluster.Key()}},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, key)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return fairlead.CertificateResponse{Certificate: string(text), RenewAfter: time.Unix(500, 0)}, err
}

func (a authority) PendingConfigs(context.Context, fairlead.PendingQuery) (fairlead.PendingConfigs, error) {
	return fairlead.PendingConfigs{}, a.pending
}

func operator(hub Hub, seconds int64) *Operator {
	return &Operator{
		Holder: &identity.Holder{},
		Hub:    hub, Cluster: cluster(), Now: func() time.Time { return time.Unix(seconds, 0) },
		refusals: pace.Backoff{Min: time.Second, Max: confirmEvery}, Log: slog.New(slog.DiscardHandler),
	}
}

func TestTheLogSaysOnceWhatIsMissing(t *testing.T) {
	var log strings.Builder
	o := operator(authority{}, 0)
	o.Log = slog.New(logline.New(&log, slog.LevelInfo, logline.Identity{}))
	_, _, err := readKey(nil)
	for range 3 {
		o.log(t.Context(), notYet{err})
	}
	if n := strings.Count(log.String(), "waiting for Secret "+fairlead.OnboardingKeySecret); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, &log)
	}
	for range 3 {
		o.log(t.Context(), errors.New("no route to host"))
	}
	if n := strings.Count(log.String(), "no route to host"); n != 1 {
		t.Errorf("a repeated failure is logged %d times at once:\n%s", n, &log)
	}
}

func obtained(t *testing.T, of fairlead.ResourceID) *identity.Identity {
	t.Helper()
	o := operator(authority{cluster: of}, 0)
	o.Cluster = of
	found, err := o.obtain(t.Context(), nil, "key")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestWhenACertificateIsDue(t *testing.T) {
	mine := obtained(t, cluster())
	cases := map[string]struct {
		current *identity.Identity
		refused *identity.Identity
		key     string
		at      int64
		want    string
	}{
		"Fresh":       {mine, nil, "key", 100, ""},
		"HalfLife":    {mine, nil, "key", 501, "time to renew"},
		"LongExpired": {mine, nil, "key", 100000, "expired"},
		"Missing":     {nil, nil, "key", 100, "no Secret"},
		"NewKey":      {mine, nil, "new", 100, "another onboarding key"},
		"OtherName":   {obtained(t, fairlead.ConnectedClusterID("s", "g", "other")), nil, "key", 100, "another cluster's"},
		"Refused":     {mine, mine, "key", 100, "does not accept"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o := operator(nil, c.at)
			o.refused = c.refused
			got := o.due(c.current, c.key, errors.New("there is no Secret"))
			if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
				t.Errorf("due because %q, want %q", got, c.want)
			}
		})
	}
}

func TestTheHubsCertificateIsChecked(t *testing.T) {
	cases := map[string]authority{
		"OtherCluster": {cluster: fairlead.ConnectedClusterID("s", "g", "other")},
		"OtherKey":     {cluster: cluster(), otherKey: true},
		"Refusal":      {err: fairlead.Errorf(fairlead.NotFound, "no such cluster")},
	}
	for name, hub := range cases {
		if _, err := operator(hub, 0).obtain(t.Context(), nil, "key"); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

func TestARefusedCertificateIsReplacedEverMoreRarely(t *testing.T) {
	mine := obtained(t, cluster())
	o := operator(authority{pending: fairlead.Errorf(fairlead.Unauthenticated, "unknown")}, 100)
	for range 20 {
		if _, err := o.confirm(t.Context(), mine); err != nil || o.refused != mine {
			t.Fatalf("refused %v, %v", o.refused, err)
		}
	}
	if wait, _ := o.confirm(t.Context(), mine); wait < confirmEvery/2 {
		t.Errorf("after twenty refusals the next try is in %s", wait)
	}
	o.Hub = authority{pending: errors.New("no route to host")}
	o.refused = nil
	if _, err := o.confirm(t.Context(), mine); err != nil || o.refused != nil {
		t.Error("a hub that cannot be reached refuses nothing")
	}
}

func TestOnboardingKeyIsReadAndNeverShown(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		text  []byte
		works bool
	}{
		"PKCS1":   {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), true},
		"PKCS8":   {pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), true},
		"Garbage": {[]byte("hunter2"), false},
		"CutOff":  {pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: []byte("hunter2")}), false},
		"Missing": {nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			secret := &corev1.Secret{Data: map[string][]byte{fairlead.OnboardingKeyField: c.text}}
			got, fingerprint, err := readKey(map[string]*corev1.Secret{fairlead.OnboardingKeySecret: secret})
			if (err == nil) != c.works || c.works && (!got.Equal(key) || len(fingerprint) != 64) {
				t.Errorf("read %v, %q, %v", got != nil, fingerprint, err)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Error("the error shows the Secret")
			}
		})
	}
	if _, _, err := readKey(nil); fairlead.KindOf(err) != fairlead.NotFound {
		t.Errorf("without a Secret: %v", err)
	}
}
