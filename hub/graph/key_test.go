package graph_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/store"
)

// certificate returns one that is good for an hour before and until a time after now, and its private key.
func (d *directory) certificate(t *testing.T, private any, left time.Duration) []byte {
	t.Helper()
	public := any(nil)
	switch key := private.(type) {
	case *rsa.PrivateKey:
		public = &key.PublicKey
	case *ecdsa.PrivateKey:
		public = &key.PublicKey
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ci"}, NotBefore: d.now.Add(-time.Hour), NotAfter: d.now.Add(left)}
	made, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func keyBody(content []byte) string {
	return `{"keyCredential":{"type":"AsymmetricX509Cert","usage":"Verify","key":"` + base64.StdEncoding.EncodeToString(content) + `"},"proof":"x"}`
}

func TestCertificatesOfAServicePrincipal(t *testing.T) {
	d := open(t)
	id, _ := d.create(t, "ci")
	content := d.certificate(t, rsaKey(t, 2048), time.Hour)
	pasted := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content})
	status, added := d.call(t, owner, http.MethodPost, collection+"/"+id+"/addkey", keyBody(pasted))
	if status != http.StatusOK || text(added, "displayName") != "CN=ci" || text(added, "usage") != "Verify" {
		t.Fatalf("%d %v", status, added)
	}
	if status, again := d.call(t, owner, http.MethodPost, collection+"/"+id+"/addkey", keyBody(content)); status != http.StatusConflict {
		t.Errorf("twice: %d %v", status, again)
	}
	held, err := d.db.KeyCredentials(t.Context(), id)
	if err != nil || len(held) != 1 || string(held[0].Certificate) != string(content) || !held[0].NotAfter.Equal(d.now.Add(time.Hour)) {
		t.Errorf("stored %v, %v", held, err)
	}
	if _, one := d.call(t, reader, http.MethodGet, collection+"/"+id, ""); !strings.Contains(fmt.Sprint(one["keyCredentials"]), text(added, "keyId")) {
		t.Errorf("%v", one)
	}
	other, _ := d.create(t, "other")
	if status, _ := d.call(t, owner, http.MethodPost, collection+"/"+other+"/removekey", `{"keyId":"`+text(added, "keyId")+`"}`); status != http.StatusNotFound {
		t.Errorf("a key id works for its own principal only: %d", status)
	}
	if status, _ := d.call(t, owner, http.MethodPost, collection+"/"+id+"/removekey", `{"keyId":"`+text(added, "keyId")+`"}`); status != http.StatusNoContent {
		t.Errorf("remove: %d", status)
	}
}

func TestRefusedCertificates(t *testing.T) {
	d := open(t)
	id, _ := d.create(t, "ci")
	private := rsaKey(t, 2048)
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		reason string
		body   string
	}{
		"Expired":    {"it could never be used", keyBody(d.certificate(t, private, -time.Minute))},
		"Short":      {"it could be broken", keyBody(d.certificate(t, rsaKey(t, 1024), time.Hour))},
		"Elliptical": {"clients sign with RSA", keyBody(d.certificate(t, elliptical, time.Hour))},
		"Private":    {"a private key must not get here", keyBody(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))},
		"Garbage":    {"not a certificate", keyBody([]byte("x"))},
		"Nothing":    {"not a certificate", `{}`},
		"NotBase64":  {"not a document", `{"keyCredential":{"key":"%"}}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if status, document := d.call(t, owner, http.MethodPost, collection+"/"+id+"/addkey", c.body); status != http.StatusBadRequest {
				t.Errorf("%s: %d %v", c.reason, status, document)
			}
		})
	}
	if held, err := d.db.KeyCredentials(t.Context(), id); err != nil || len(held) != 0 {
		t.Errorf("stored %v, %v", held, err)
	}
}

func TestFederatedIdentityCredentials(t *testing.T) {
	const body = `{"name":"ci","issuer":"https://token.example.org","subject":"repo:shop","audiences":["api://AzureADTokenExchange"]}`
	d := open(t)
	id, _ := d.create(t, "ci")
	path := collection + "/" + id + "/federatedidentitycredentials"
	if status, made := d.call(t, owner, http.MethodPost, path, body); status != http.StatusCreated || text(made, "issuer") != "https://token.example.org" {
		t.Fatalf("%d %v", status, made)
	}
	if status, _ := d.call(t, owner, http.MethodPost, path, body); status != http.StatusConflict {
		t.Errorf("twice: %d", status)
	}
	for reason, changed := range map[string][2]string{
		"no TLS": {"https://", "http://"}, "a password in the issuer": {"https://", "https://user:x@"}, "no subject": {"repo:shop", ""},
		"no name": {`"ci"`, `""`}, "two audiences": {`["`, `["x","`}, "a query": {"example.org", "example.org/?x"},
	} {
		if status, _ := d.call(t, owner, http.MethodPost, path, strings.Replace(body, changed[0], changed[1], 1)); status != http.StatusBadRequest {
			t.Errorf("%s: %d", reason, status)
		}
	}
	if _, listed := d.call(t, reader, http.MethodGet, path, ""); len(values(listed)) != 1 {
		t.Errorf("%v", listed)
	}
	if status, _ := d.call(t, owner, http.MethodDelete, path+"/other", ""); status != http.StatusNotFound {
		t.Errorf("absent: %d", status)
	}
	if status, _ := d.call(t, owner, http.MethodDelete, path+"/ci", ""); status != http.StatusNoContent {
		t.Errorf("delete: %d", status)
	}
}

// To add a key is to get the principal's roles.
func TestNobodyGetsRolesByACertificate(t *testing.T) {
	d := open(t)
	content := d.certificate(t, rsaKey(t, 2048), time.Hour)
	federated := `{"name":"x","issuer":"https://i.example.org","subject":"s","audiences":["a"]}`
	for path, body := range map[string]string{"/addkey": keyBody(content), "/federatedidentitycredentials": federated} {
		if status, document := d.call(t, contributor, http.MethodPost, collection+"/"+owner+path, body); status != http.StatusForbidden {
			t.Errorf("%s: %d %v", path, status, document)
		}
		if status, document := d.call(t, reader, http.MethodPost, collection+"/"+reader+path, body); status != http.StatusForbidden {
			t.Errorf("%s: %d %v", path, status, document)
		}
	}
	d.add(t, store.Principal{ObjectID: "m", AppID: "ma", TenantID: tenant, Kind: store.ManagedIdentity})
	if status, _ := d.call(t, owner, http.MethodPost, collection+"/m/addkey", keyBody(content)); status != http.StatusBadRequest {
		t.Errorf("identities of clusters have their own keys: %d", status)
	}
}
