// Package azuresdk_test drives a hub with Microsoft's own SDKs, as a cloud of its own: what an unmodified
// client of Azure does must work here. The hub knows nothing of it.
package azuresdk_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/resources/armsubscriptions"
	"github.com/fairlead/fairlead/hub"
)

const (
	location = "local"
	shops    = "shops" // the group in which most tests work
	// No call takes longer than this, slow machines included; a client that never ends must end the test.
	patience = time.Minute
)

// azure is a running hub as a client of Azure sees it: a cloud, a subscription, and somebody who has signed in.
type azure struct {
	hub.Welcome

	subscription string
	credential   azcore.TokenCredential
	client       policy.ClientOptions
}

// start runs a hub with an authority of its own until the test ends, and signs its administrator in.
func start(t *testing.T) *azure {
	t.Helper()
	welcome := run(t)
	on := &azure{Welcome: welcome, client: policy.ClientOptions{
		Cloud: cloud.Configuration{
			ActiveDirectoryAuthorityHost: welcome.URL + "/",
			Services:                     map[cloud.ServiceName]cloud.ServiceConfiguration{cloud.ResourceManager: {Audience: welcome.URL, Endpoint: welcome.URL}},
		},
		Transport: trusting(t, welcome.CAFile),
		Retry:     policy.RetryOptions{MaxRetries: -1},
	}}
	on.credential = on.signIn(t, welcome.Administrator.AppID, string(welcome.Administrator.Secret))
	on.subscription = on.onlySubscription(t)
	return on
}

func run(t *testing.T) hub.Welcome {
	t.Helper()
	welcomed, ended := make(chan hub.Welcome, 1), make(chan error, 1)
	config := hub.Defaults()
	config.Data, config.Listen, config.URL = t.TempDir(), "127.0.0.1:0", ""
	config.Log = slog.New(slog.DiscardHandler)
	program := filepath.Join(t.TempDir(), "program") // none, so that the hub packs its chart and no image, which takes seconds
	if err := os.WriteFile(program, []byte("no program"), 0o600); err != nil {
		t.Fatal(err)
	}
	config.Binary = func() (string, error) { return program, nil }
	config.FluxChart = func() ([]byte, error) { return chart(t, "1.0.0"), nil } // what matters here is that there is one
	config.Welcome = func(w hub.Welcome) error { welcomed <- w; return nil }
	opened, err := hub.New(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- opened.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Errorf("the hub ended with %v", err)
		}
	})
	select {
	case welcome := <-welcomed:
		return welcome
	case <-time.After(patience):
		t.Fatal("the hub did not say welcome")
		return hub.Welcome{}
	}
}

// trusting returns a client for which the hub's authority is the only one there is.
func trusting(t *testing.T, caFile string) *http.Client {
	t.Helper()
	text, err := os.ReadFile(caFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		t.Fatalf("no certificate in %s", caFile)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

func (a *azure) signIn(t *testing.T, appID, secret string) azcore.TokenCredential {
	t.Helper()
	credential, err := azidentity.NewClientSecretCredential(a.TenantID, appID, secret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions: a.client, DisableInstanceDiscovery: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func (a *azure) options() *arm.ClientOptions {
	return &arm.ClientOptions{ClientOptions: a.client, DisableRPRegistration: true}
}

func (a *azure) onlySubscription(t *testing.T) string {
	t.Helper()
	client, err := armsubscriptions.NewClient(a.credential, a.options())
	if err != nil {
		t.Fatal(err)
	}
	all := everything(t, client.NewListPager(nil), func(page armsubscriptions.ClientListResponse) []*armsubscriptions.Subscription { return page.Value })
	if len(all) != 1 {
		t.Fatalf("%d subscriptions", len(all))
	}
	return *all[0].SubscriptionID
}

// everything reads a pager to its end.
func everything[P, T any](t *testing.T, pager *runtime.Pager[P], values func(P) []*T) []*T {
	t.Helper()
	var all []*T
	for pager.More() {
		page, err := pager.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, values(page)...)
	}
	return all
}

// done waits for a long-running operation, asking as often as the hub says.
func done[T any](t *testing.T, poller *runtime.Poller[T], err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	result, err := poller.PollUntilDone(ctx, &runtime.PollUntilDoneOptions{Frequency: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// refused demands an error with a status and with Azure's code for it.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	answer, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
	if answer.StatusCode != status || answer.ErrorCode != code {
		t.Fatalf("got %d %s, want %d %s: %s", answer.StatusCode, answer.ErrorCode, status, code, strings.TrimSpace(err.Error()))
	}
}

// must stands between a call and the use of its result: must(call())(t).
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
