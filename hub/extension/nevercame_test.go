package extension_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"testing"
	"time"
)

// A cluster that never came has nothing: its extensions go at once, and what was asked for before ends, what has not had its turn
// yet too.
func TestExtensionsOfAClusterThatNeverCameGo(t *testing.T) {
	b := start(t)
	b.push("1.0.0")
	b.register(`{"stable":"*"}`)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey))
	b.ended(b.do(http.MethodPut, clusters+"/none?api-version=2024-01-01", `{"location":"local","properties":{"agentPublicKeyCertificate":"`+public+`"}}`).want(http.StatusCreated))
	web := clusters + "/none/providers/Microsoft.KubernetesConfiguration/extensions/web" + version
	made := b.do(http.MethodPut, web, demo).want(http.StatusCreated)
	changed := b.do(http.MethodPatch, web, `{"properties":{"configurationSettings":{"x":"y"}}}`).want(http.StatusAccepted)
	b.ended(b.do(http.MethodDelete, web, "").want(http.StatusAccepted)).has("status", "Succeeded")
	for _, earlier := range []answer{made, changed} {
		b.ended(earlier).has("status", "Failed", "error.code", "OperationPreempted")
	}
	b.goes(web)
}

// goes waits until something is not there any more.
func (b *bench) goes(path string) {
	b.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
		if b.do(http.MethodGet, path, "").status == http.StatusNotFound {
			return
		}
	}
	b.Fatalf("%s does not go", path)
}
