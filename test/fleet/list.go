package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// listing is how the inventory answers questions about many clusters.
type listing struct {
	All      walk     `json:"all"`
	Named    spread   `json:"named"`
	Searches []search `json:"searches"`
}

// walk is a list read page by page.
type walk struct {
	Found int     `json:"found"`
	Pages spread  `json:"pages"`
	Took  seconds `json:"tookSeconds"`
	Bytes int     `json:"bytes"`
}

// search is a question with a filter. Refused is the hub's word for not knowing it.
type search struct {
	Filter  string `json:"filter"`
	Wanted  int    `json:"wanted"`
	Refused string `json:"refused,omitempty"`
	walk
}

// cluster is the little of a listed cluster that is looked at.
type cluster struct {
	Name       string `json:"name"`
	Properties struct {
		Status fairlead.ConnectivityStatus `json:"connectivityStatus"`
	} `json:"properties"`
}

func (f *fleet) clustersPath() string {
	return "/subscriptions/" + f.hub.subscription + "/providers/Microsoft.Kubernetes/connectedClusters"
}

// walk reads a list to its end and shows each cluster to see.
func (f *fleet) walk(ctx context.Context, path, version string, query url.Values, see func(cluster)) (walk, error) {
	var found walk
	var pages []time.Duration
	began := time.Now()
	call := client.Call{Method: http.MethodGet, Path: path, Version: version, Query: query}
	for {
		started := time.Now()
		answer, err := f.hub.api.Do(ctx, call)
		if err != nil {
			return found, err
		}
		pages = append(pages, time.Since(started))
		var page struct {
			Value    []cluster `json:"value"`
			NextLink string    `json:"nextLink"`
		}
		if err := json.Unmarshal(answer.Body, &page); err != nil {
			return found, fmt.Errorf("read a page of %s: %w", path, err)
		}
		found.Found, found.Bytes = found.Found+len(page.Value), found.Bytes+len(answer.Body)
		for _, c := range page.Value {
			see(c)
		}
		if page.NextLink == "" {
			found.Pages, found.Took = spreadOf(pages), seconds(time.Since(began))
			return found, nil
		}
		call = client.Call{Method: http.MethodGet, Path: page.NextLink, Version: version}
	}
}

func nobody(cluster) {}

// list asks what people ask of a large inventory.
func (f *fleet) list(ctx context.Context) (err error) {
	f.tell("list and search")
	found := &listing{}
	f.report.Listing = found
	if found.All, err = f.walk(ctx, f.clustersPath(), client.ClusterVersion, nil, nobody); err != nil {
		return err
	}
	var named samples
	for i := 0; i < len(f.agents); i += 1 + len(f.agents)/sampleSize {
		started := time.Now()
		if _, err := f.hub.api.Cluster(ctx, f.agents[i].id); err != nil {
			return err
		}
		named.add(time.Since(started))
	}
	found.Named = named.take()
	for filter, wanted := range f.questions() {
		asked, err := f.search(ctx, filter, wanted)
		if err != nil {
			return err
		}
		found.Searches = append(found.Searches, asked)
	}
	return nil
}

// questions returns filters of the list of all resources, with how many clusters each must find.
func (f *fleet) questions() map[string]int {
	const site = 7
	atSite := 0
	for i := range f.agents {
		if i%sites == site {
			atSite++
		}
	}
	return map[string]int{
		"resourceType eq 'Microsoft.Kubernetes/connectedClusters'":                len(f.agents),
		"name eq '" + f.agents[len(f.agents)/2].id.Name() + "'":                   1,
		fmt.Sprintf("tagName eq '%s' and tagValue eq 'site-%02d'", siteTag, site): atSite,
	}
}

func (f *fleet) search(ctx context.Context, filter string, wanted int) (search, error) {
	asked := search{Filter: filter, Wanted: wanted}
	path := "/subscriptions/" + f.hub.subscription + "/resources"
	found, err := f.walk(ctx, path, client.GroupVersion, url.Values{"$filter": {filter}}, nobody)
	asked.walk = found
	if known, ok := errors.AsType[*fairlead.Error](err); ok {
		asked.Refused = known.Code
		return asked, nil
	}
	return asked, err
}
