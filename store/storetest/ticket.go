package storetest

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func testTickets(t *testing.T, db *store.DB) {
	ctx := t.Context()
	ticket := store.Ticket{Kind: "device", Key: "k", State: "pending", Body: []byte(`{"client":"az"}`), ExpiresAt: noon()}
	must(t, db.CreateTicket(ctx, ticket))
	wantKind(t, "twice", fairlead.KindOf(db.CreateTicket(ctx, ticket)), fairlead.Conflict)
	wantKind(t, "no key", fairlead.KindOf(db.CreateTicket(ctx, store.Ticket{Kind: "device"})), fairlead.Invalid)
	other := ticket
	other.Kind = "refresh"
	must(t, db.CreateTicket(ctx, other))
	ticket.State, ticket.PrincipalID = "approved", "p"
	must(t, db.MoveTicket(ctx, "pending", ticket))
	wantKind(t, "decided already", fairlead.KindOf(db.MoveTicket(ctx, "pending", ticket)), fairlead.Conflict)
	got, err := db.GetTicket(ctx, "device", "k")
	if diff := cmp.Diff(ticket, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if gone, err := db.ForgetTickets(ctx, noon()); err != nil || gone != 0 {
		t.Errorf("forgotten before their end: %d, %v", gone, err)
	}
	if gone, err := db.ForgetTickets(ctx, noon().Add(time.Hour)); err != nil || gone != 2 {
		t.Errorf("forgotten %d, %v", gone, err)
	}
	_, err = db.GetTicket(ctx, "device", "k")
	wantKind(t, "forgotten", fairlead.KindOf(err), fairlead.NotFound)
}

func testTicketFamilies(t *testing.T, db *store.DB) {
	ctx := t.Context()
	first := store.Ticket{Kind: "refresh", Key: "1", Family: "f", PrincipalID: "p", State: "good", ExpiresAt: noon()}
	second := first
	second.Key = "2"
	must(t, db.CreateTicket(ctx, first))
	first.State = "used"
	must(t, db.FollowTicket(ctx, "good", first, second))
	third := second
	third.Key = "3"
	wantKind(t, "followed already", fairlead.KindOf(db.FollowTicket(ctx, "good", first, third)), fairlead.Conflict)
	_, err := db.GetTicket(ctx, "refresh", "3")
	wantKind(t, "both or none", fairlead.KindOf(err), fairlead.NotFound)
	stranger := store.Ticket{Kind: "refresh", Key: "4", Family: "g", PrincipalID: "q", ExpiresAt: noon()}
	must(t, db.CreateTicket(ctx, stranger), db.DeleteTickets(ctx, "f"), db.DeleteTickets(ctx, ""), db.DeleteTicketsOf(ctx, ""))
	if count, err := db.CountTickets(ctx, "refresh"); err != nil || count != 1 {
		t.Errorf("%d left, %v", count, err)
	}
	must(t, db.DeleteTicketsOf(ctx, "q"))
	if count, err := db.CountTickets(ctx, "refresh"); err != nil || count != 0 {
		t.Errorf("%d left, %v", count, err)
	}
}

func testTicketIsTakenOnce(t *testing.T, db *store.DB) {
	must(t, db.CreateTicket(t.Context(), store.Ticket{Kind: "code", Key: "k", Body: []byte("x"), ExpiresAt: noon()}))
	var taken atomic.Int32
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			got, err := db.TakeTicket(t.Context(), "code", "k")
			if err == nil && string(got.Body) == "x" {
				taken.Add(1)
			} else if fairlead.KindOf(err) != fairlead.NotFound {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	group.Wait()
	if taken.Load() != 1 {
		t.Errorf("taken %d times", taken.Load())
	}
}

func testKeyCredentials(t *testing.T, db *store.DB) {
	ctx := t.Context()
	must(t, db.CreatePrincipal(ctx, store.Principal{ObjectID: "p", AppID: "a", Kind: store.ServicePrincipal}))
	key := store.KeyCredential{
		ID: "k", PrincipalID: "p", DisplayName: "CN=ci", Certificate: []byte{1, 2},
		NotBefore: noon(), NotAfter: noon().Add(time.Hour), CreatedAt: noon(),
	}
	federated := store.FederatedCredential{ID: "f", PrincipalID: "p", Name: "ci", Issuer: "https://i", Subject: "s", Audience: "api", CreatedAt: noon()}
	must(t, db.AddKeyCredential(ctx, key), db.AddFederatedCredential(ctx, federated))
	wantKind(t, "twice", fairlead.KindOf(db.AddKeyCredential(ctx, key)), fairlead.Conflict)
	wantKind(t, "twice", fairlead.KindOf(db.AddFederatedCredential(ctx, federated)), fairlead.Conflict)
	absent := key
	absent.ID, absent.PrincipalID = "k2", "absent"
	wantKind(t, "nobody's", fairlead.KindOf(db.AddKeyCredential(ctx, absent)), fairlead.NotFound)
	keys, err := db.KeyCredentials(ctx, "p")
	if diff := cmp.Diff([]store.KeyCredential{key}, keys); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	trusted, err := db.FederatedCredentials(ctx, "p")
	if diff := cmp.Diff([]store.FederatedCredential{federated}, trusted); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	must(t, db.DeleteKeyCredential(ctx, "k"), db.DeleteFederatedCredential(ctx, "f"))
	wantKind(t, "gone", fairlead.KindOf(db.DeleteKeyCredential(ctx, "k")), fairlead.NotFound)
	wantKind(t, "gone", fairlead.KindOf(db.DeleteFederatedCredential(ctx, "f")), fairlead.NotFound)
	must(t, db.AddKeyCredential(ctx, key), db.DeletePrincipal(ctx, "p"))
	if keys, err := db.KeyCredentials(ctx, "p"); err != nil || len(keys) != 0 {
		t.Errorf("certificates outlive their principal: %v, %v", keys, err)
	}
}
