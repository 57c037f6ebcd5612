package resource_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

const (
	group   = "/subscriptions/s/resourceGroups/g"
	anchors = group + "/providers/Contoso.Ships/anchors"
	tugs    = group + "/providers/Contoso.Ships/tugs"
	v1      = "?api-version=2026-01-01"
)

// yard is an engine with two types: anchors, which are done when stored, and tugs, whose work
// the test decides about.
type yard struct {
	*testing.T
	db   *store.DB
	api  *resource.API
	url  string
	file string // the database, to be opened again
	stop func()

	mu   sync.Mutex
	work resource.Work // for tugs; nil succeeds
	runs int
}

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{T: t, file: "sqlite:" + filepath.Join(t.TempDir(), "hub.db")}
	y.open()
	for _, path := range []string{"/subscriptions/s", group} {
		id, err := fairlead.ParseResourceID(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := y.db.PutResource(t.Context(), store.Resource{
			Key: id.Key(), ID: path, Type: strings.ToLower(id.Type()), Name: id.Name(), Body: []byte(`{"location":"local"}`),
			Subscription: "s", ResourceGroup: id.ResourceGroup,
		}, store.AnyState); err != nil {
			t.Fatal(err)
		}
	}
	if err := y.api.Access.Assign(t.Context(), "me", access.Owner, "/"); err != nil {
		t.Fatal(err)
	}
	return y
}

// open starts hub and server on the database, once more after stop.
func (y *yard) open() {
	y.Helper()
	db, err := store.Open(context.Background(), y.file)
	if err != nil {
		y.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	y.db = db
	y.api = &resource.API{
		Store: db, Types: y.types(), Access: &access.Checker{Store: db}, Reply: reply.Writer{Log: log}, Now: time.Now, Log: log,
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mux.ServeHTTP(w, r.WithContext(access.WithPrincipal(r.Context(), access.Principal{ObjectID: r.Header.Get("X-As"), AppID: "app"})))
	}))
	y.url, y.api.URL = server.URL, server.URL
	y.api.Mount(mux)
	y.run(server, db)
}

func (y *yard) run(server *httptest.Server, db *store.DB) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := y.api.Run(ctx); err != nil {
			y.Error(err)
		}
	})
	y.stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
		server.Close()
		if err := db.Close(); err != nil {
			y.Error(err)
		}
	})
	y.Cleanup(func() { y.stop() })
}

func (y *yard) types() []resource.Type {
	return []resource.Type{
		{Name: "Microsoft.Resources/resourceGroups", Level: resource.InSubscription, Locations: []string{"local"}},
		{
			Name: "Contoso.Ships/anchors", APIVersions: []string{"2026-01-01"}, ReadOnly: []string{"properties.serial", "secret"},
			Keep: []string{"properties.chain", "properties.color"},
			Prepare: func(_ context.Context, change *resource.Change) error {
				if change.Old == nil {
					change.New.Set("properties.serial", "7")
				}
				return nil
			},
			Actions: map[string]resource.Action{"weigh": func(_ context.Context, stored store.Resource, request []byte) (any, error) {
				return map[string]string{"weighed": stored.Name, "with": string(request)}, nil
			}},
		},
		{Name: "Contoso.Ships/anchors/flukes"},
		{Name: "Contoso.Ships/pennants", Level: resource.Anywhere},
		{Name: "Contoso.Ships/rafts", Create: y.tow},
		{Name: "Contoso.Ships/tugs", Create: y.tow, Update: y.tow, Delete: y.tow},
	}
}

func (y *yard) tow(ctx context.Context, stored store.Resource) error {
	y.mu.Lock()
	work := y.work
	y.runs++
	y.mu.Unlock()
	if work == nil {
		return nil
	}
	return work(ctx, stored)
}

func (y *yard) set(work resource.Work) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.work = work
}

// count returns how often work has begun.
func (y *yard) count() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.runs
}

type answer struct {
	y        *yard
	status   int
	header   http.Header
	document resource.Document
}

func (y *yard) do(method, path, body string, headers ...string) answer {
	y.Helper()
	r, err := http.NewRequestWithContext(y.Context(), method, y.url+path, strings.NewReader(body))
	if err != nil {
		y.Fatal(err)
	}
	r.Header.Set("X-As", "me")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		y.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var content bytes.Buffer
	if _, err := content.ReadFrom(response.Body); err != nil {
		y.Fatal(err)
	}
	got := answer{y: y, status: response.StatusCode, header: response.Header}
	if content.Len() > 0 {
		if got.document, err = resource.ReadDocument(content.Bytes()); err != nil {
			y.Fatalf("%s %s: %v in %q", method, path, err, content.String())
		}
	}
	return got
}

func (a answer) want(status int) answer {
	a.y.Helper()
	if a.status != status {
		a.y.Fatalf("status %d, want %d: %v", a.status, status, a.document)
	}
	return a
}

func (a answer) has(path, want string) answer {
	a.y.Helper()
	if got := a.document.Text(path); got != want {
		a.y.Errorf("%s is %q, want %q: %v", path, got, want, a.document)
	}
	return a
}

func (y *yard) status(accepted answer) answer {
	y.Helper()
	at := strings.Index(accepted.header.Get("Azure-AsyncOperation"), "/subscriptions/")
	if at < 0 {
		y.Fatalf("no operation: %v", accepted.header)
	}
	return y.do("GET", accepted.header.Get("Azure-AsyncOperation")[at:], "")
}

// await polls until the operation is over.
func (y *yard) await(accepted answer) answer {
	y.Helper()
	for y.Context().Err() == nil {
		if got := y.status(accepted).want(http.StatusOK); got.document.Text("status") != "InProgress" {
			return got
		}
	}
	y.Fatal("the operation did not end")
	return answer{}
}

// gate is work that tells when it begins and waits until it may end.
func gate() (work resource.Work, begun chan struct{}, open chan struct{}) {
	begun, open = make(chan struct{}, 16), make(chan struct{})
	return func(ctx context.Context, _ store.Resource) error {
		begun <- struct{}{}
		select {
		case <-open:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}, begun, open
}

var errSecret = errors.New("password is hunter2")
