package provider

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
)

const (
	// A request for entries waits so long for the first one: proxies cut what is silent for a minute.
	sequelWait = 50 * time.Second
	sequelSize = 200
)

// sequel is a list below a resource of a cluster that the cluster goes on with: entries with growing numbers, of which the last ones
// are kept. Who may read the resource may read it.
type sequel struct {
	Deps

	of                 string // the type of the resource
	owner, noun, below string // what the resource, the entries and their place in the path are called
	topic              func(key string) string
	list               func(ctx context.Context, clusterKey, name string, since int64) (sequelPage, error)
}

type sequelPage struct {
	Value []json.RawMessage `json:"value"`
	Next  int64             `json:"next"`
}

// serve lists the entries after a number, oldest first, and waits for the first one when there is none yet. Next is the number to ask
// with the next time.
func (k sequel) serve(w http.ResponseWriter, r *http.Request, at resource.Place) error {
	if r.Method != http.MethodGet || !at.Collection {
		_, kind, _ := strings.Cut(k.of, "/")
		return fairlead.Errorf(fairlead.MethodNotAllowed, "%s can only be listed, with GET …/%s/NAME/%s?since=0.", k.noun, kind, k.below)
	}
	id, err := fairlead.ParseResourceID(at.Scope)
	if err != nil {
		return err
	}
	if err := k.Access.Check(r.Context(), k.of+"/read", id.String()); err != nil {
		return err
	}
	if _, err := k.Store.GetResource(r.Context(), id.Key()); err != nil {
		if fairlead.KindOf(err) == fairlead.NotFound {
			return fairlead.Errorf(fairlead.NotFound, "The %s '%s' was not found.", k.owner, id.Name())
		}
		return err
	}
	since, err := strconv.ParseInt("0"+r.URL.Query().Get("since"), 10, 64)
	if err != nil {
		return badContent("The parameter 'since' is the number of the last entry that is known, 0 for none.")
	}
	found, err := k.await(r.Context(), id, since)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, found)
	return nil
}

func (k sequel) await(ctx context.Context, id fairlead.ResourceID, since int64) (sequelPage, error) {
	cluster, err := fairlead.ParseResourceID(id.Scope)
	if err != nil {
		return sequelPage{}, err
	}
	changed, cancel := k.Store.Subscribe(k.topic(id.Key())) // before reading: what comes in between must not be missed
	defer cancel()
	timer := time.NewTimer(sequelWait)
	defer timer.Stop()
	for {
		found, err := k.list(ctx, cluster.Key(), strings.ToLower(id.Name()), since)
		if err != nil || len(found.Value) > 0 {
			return found, err
		}
		select {
		case <-changed:
		case <-timer.C:
			return found, nil
		case <-k.Draining:
			return found, nil
		case <-ctx.Done():
			return found, nil
		}
	}
}
