package azuresdk_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/fairlead/fairlead/hub/password"
	"github.com/fairlead/fairlead/store"
	"github.com/google/uuid"
)

const (
	ada      = "ada@example.org"
	adaKnows = "Analytical-Engine-1843"
)

// directory is the hub's own database: what an administrator does there is tested elsewhere.
func (a *azure) directory(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(filepath.Dir(a.CAFile), "hub.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func (a *azure) addAda(t *testing.T) {
	t.Helper()
	hash, err := (&password.Hasher{}).Hash(t.Context(), adaKnows)
	if err == nil {
		err = a.directory(t).CreateUser(t.Context(), store.Principal{ObjectID: uuid.NewString(), TenantID: a.TenantID, UserName: ada, DisplayName: "Ada"}, hash)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// tokenOf asks twice, the second time for another audience's token as programs do that have one already.
func (a *azure) tokenOf(t *testing.T, credential azcore.TokenCredential) {
	t.Helper()
	for range 2 {
		token, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{a.URL + "/.default"}})
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL+"/subscriptions?api-version=2022-12-01", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token.Token)
		response, err := a.client.Transport.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("the token is answered with %d", response.StatusCode)
		}
	}
}

func TestCertificateCredential(t *testing.T) {
	on := start(t)
	db := on.directory(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ci"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	principal, err := db.PrincipalByAppID(t.Context(), on.Administrator.AppID)
	if err == nil {
		err = db.AddKeyCredential(t.Context(), store.KeyCredential{ID: "k", PrincipalID: principal.ObjectID, Certificate: content, NotBefore: template.NotBefore, NotAfter: template.NotAfter})
	}
	parsed, failed := x509.ParseCertificate(content)
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	for name, chain := range map[string]bool{"Thumbprint": false, "Chain": true} {
		t.Run(name, func(t *testing.T) {
			credential, err := azidentity.NewClientCertificateCredential(on.TenantID, on.Administrator.AppID, []*x509.Certificate{parsed}, key, &azidentity.ClientCertificateCredentialOptions{
				ClientOptions: on.client, DisableInstanceDiscovery: true, SendCertificateChain: chain,
			})
			if err != nil {
				t.Fatal(err)
			}
			on.tokenOf(t, credential)
		})
	}
}

func TestPasswordCredential(t *testing.T) {
	on := start(t)
	on.addAda(t)
	for typed, good := range map[string]bool{adaKnows: true, "guess": false} {
		//nolint:staticcheck // it is deprecated and in use
		credential, err := azidentity.NewUsernamePasswordCredential(on.TenantID, "04b07795-8ddb-461a-bbee-02f9e1bf7b46", ada, typed, &azidentity.UsernamePasswordCredentialOptions{
			ClientOptions: on.client, DisableInstanceDiscovery: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		if good {
			on.tokenOf(t, credential)
		} else if _, err := credential.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{on.URL + "/.default"}}); err == nil {
			t.Error("a wrong password signs in")
		}
	}
}

var hidden = regexp.MustCompile(`name="form" value="([A-Z0-9]+)"`)

// approve does in a browser what the message of a device code asks for.
func (a *azure) approve(t *testing.T, code string) error {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	browser := *trusting(t, a.CAFile)
	browser.Jar = jar
	page := ""
	for _, step := range []struct {
		path string
		form url.Values
	}{
		{"/device", url.Values{"user_code": {code}}},
		{"/signin", url.Values{"username": {ada}, "password": {adaKnows}}},
		{"/signin/answer", url.Values{"answer": {"continue"}}},
	} {
		if found := hidden.FindStringSubmatch(page); found != nil {
			step.form.Set("form", found[1])
		}
		response, err := browser.PostForm(a.URL+step.path, step.form)
		if err != nil {
			return err
		}
		content, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			return err
		}
		page = string(content)
	}
	return nil
}

func TestDeviceCodeCredential(t *testing.T) {
	on := start(t)
	on.addAda(t)
	credential, err := azidentity.NewDeviceCodeCredential(&azidentity.DeviceCodeCredentialOptions{
		ClientOptions: on.client, DisableInstanceDiscovery: true, TenantID: on.TenantID,
		UserPrompt: func(_ context.Context, message azidentity.DeviceCodeMessage) error {
			return on.approve(t, message.UserCode)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	record, err := credential.Authenticate(t.Context(), &policy.TokenRequestOptions{Scopes: []string{on.URL + "/.default"}})
	if err != nil || record.Username != ada {
		t.Fatalf("%+v, %v", record, err)
	}
	on.tokenOf(t, credential)
}
