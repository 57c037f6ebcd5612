package site

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"github.com/fairlead/fairlead/client"
	"github.com/fairlead/fairlead/test/cluster/freeport"
	"github.com/fairlead/fairlead/test/e2e/rig"
)

const (
	groupName  = "tunnels"
	credential = 10 * time.Second // how long the administrator's file may take
)

// Hub is the real hub, the binary in a process of its own, with an administrator.
type Hub struct {
	*rig.Hub

	CA  []byte
	API *client.Hub

	profiles     string
	subscription string
	tenant       string
	web          *http.Client
}

// OpenHub starts one.
func OpenHub(ctx context.Context, binary, dir string) (*Hub, error) {
	address, err := freeport.Address(ctx, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	profiles, err := freeport.Address(ctx, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	h := &Hub{profiles: profiles, Hub: &rig.Hub{
		Binary: binary, Dir: filepath.Join(dir, "hub"), Address: address,
		// One administrator plays everybody who comes.
		Flags: []string{"--principal-rate", "1000000", "--debug-listen", profiles},
	}}
	if err := h.Start(ctx); err != nil {
		return nil, err
	}
	if err := h.signIn(ctx); err != nil {
		return nil, errors.Join(err, h.Kill())
	}
	return h, nil
}

func (h *Hub) signIn(ctx context.Context) error {
	var err error
	if h.CA, err = os.ReadFile(h.CAFile()); err != nil {
		return err
	}
	found, err := h.waitCredential(ctx)
	if err != nil {
		return err
	}
	if h.web, err = client.NewHTTP(h.CA); err != nil {
		return err
	}
	h.tenant = found.TenantID
	tokens := h.credentials(found.AppID, found.Secret)
	h.API = &client.Hub{URL: h.URL(), HTTP: h.web, Token: tokens.Token, Renew: tokens.Renew}
	list, err := h.API.List(ctx, "/subscriptions", client.SubscriptionVersion, nil)
	if err != nil || len(list) == 0 {
		return fmt.Errorf("find the hub's subscription: %w", err)
	}
	h.subscription, _ = list[0]["subscriptionId"].(string)
	return h.API.Put(ctx, h.group(), client.GroupVersion, client.Document{"location": "local"}, nil)
}

// Trust is how callers trust the hub.
func (h *Hub) Trust() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(h.CA)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func (h *Hub) credentials(appID, secret string) *client.Credentials {
	return &client.Credentials{URL: h.URL(), TenantID: h.tenant, ClientID: appID, Secret: client.Secret(secret), HTTP: h.web, Now: time.Now}
}

func (h *Hub) group() string {
	return "/subscriptions/" + h.subscription + "/resourceGroups/" + groupName
}

// waitCredential waits for the file: the hub writes it when it is ready already.
func (h *Hub) waitCredential(ctx context.Context) (rig.Credential, error) {
	ctx, cancel := context.WithTimeout(ctx, credential)
	defer cancel()
	for {
		found, err := h.Credential()
		if err == nil || Rest(ctx, 20*time.Millisecond) != nil {
			return found, err
		}
	}
}

// Rest waits, unless ctx ends first.
func Rest(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Usage is what a process holds.
type Usage struct {
	Goroutines int   `json:"goroutines"`
	Heap       int64 `json:"heapBytes"` // what is in use after a collection
	Resident   int64 `json:"residentBytes"`
}

// Usage asks the hub, which collects its garbage for it.
func (h *Hub) Usage(ctx context.Context) (Usage, error) {
	heap, err := h.profile(ctx, "heap?gc=1&debug=1", `(?m)^# HeapAlloc = (\d+)`)
	if err != nil {
		return Usage{}, err
	}
	goroutines, err := h.profile(ctx, "goroutine?debug=1", `^goroutine profile: total (\d+)`)
	if err != nil {
		return Usage{}, err
	}
	resident, err := Resident(h.PID())
	return Usage{Goroutines: int(goroutines), Heap: heap, Resident: resident}, err
}

func (h *Hub) profile(ctx context.Context, path, wanted string) (int64, error) {
	text, err := h.Profile(ctx, path)
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(wanted).FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("the profile %s holds no %s", path, wanted)
	}
	return strconv.ParseInt(string(found[1]), 10, 64)
}

// Profile fetches one of the hub's profiles.
func (h *Hub) Profile(ctx context.Context, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+h.profiles+"/debug/pprof/"+path, nil)
	if err != nil {
		return nil, err
	}
	plain := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	answer, err := plain.Do(request)
	if err != nil {
		return nil, fmt.Errorf("fetch the hub's profile: %w", err)
	}
	defer answer.Body.Close()
	return io.ReadAll(answer.Body)
}

// Resident is the memory of a process.
func Resident(pid int) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	found := regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB`).FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("/proc/%d/status tells no memory", pid)
	}
	kib, err := strconv.ParseInt(string(found[1]), 10, 64)
	return kib << 10, err
}
