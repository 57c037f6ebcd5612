package resource

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/store"
)

// tagName and tagValue are Azure's documents of a tag that is in use and of a value that it has somewhere.
type tagName struct {
	ID     string     `json:"id"`
	Name   string     `json:"tagName"`
	Count  tagCount   `json:"count"`
	Values []tagValue `json:"values"`
}

type tagValue struct {
	ID    string   `json:"id"`
	Value string   `json:"tagValue"`
	Count tagCount `json:"count"`
}

type tagCount struct {
	Type  string `json:"type"`
	Value int    `json:"value"`
}

// tally counts how often which tag has which value. Names of tags are alike in any case; the first spelling is shown.
type tally struct {
	spelled map[string]string
	counts  map[string]map[string]int
}

// tagNames lists the tags of all that the caller may read in a subscription.
func (a *API) tagNames(w http.ResponseWriter, r *http.Request) error {
	scope, _, err := readScope(r)
	if err != nil {
		return err
	}
	readers, err := a.readers(r.Context(), scope, "tagNames")
	if err != nil {
		return err
	}
	counts := tally{map[string]string{}, map[string]map[string]int{}}
	_, err = a.collect(r.Context(), store.Query{Subscription: strings.ToLower(scope.Subscription)}, pageSize, func(stored store.Resource) (bool, error) {
		if readers[stored.Type].Allows(stored.Key) {
			return false, counts.add(stored)
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, map[string]any{"value": counts.show(scope.String() + "/tagNames/"), "nextLink": nil})
	return nil
}

func (t tally) add(stored store.Resource) error {
	document, err := ReadDocument(stored.Body)
	if err != nil {
		return err
	}
	tags, _ := document["tags"].(map[string]any)
	for name, value := range tags {
		text, ok := value.(string)
		if !ok {
			continue
		}
		key := strings.ToLower(name)
		if t.counts[key] == nil {
			t.counts[key], t.spelled[key] = map[string]int{}, name
		}
		t.counts[key][text]++
	}
	return nil
}

func (t tally) show(prefix string) []tagName {
	shown := []tagName{}
	for _, key := range slices.Sorted(maps.Keys(t.counts)) {
		name := t.spelled[key]
		one := tagName{ID: prefix + name, Name: name, Count: tagCount{Type: "Total"}, Values: []tagValue{}}
		for _, value := range slices.Sorted(maps.Keys(t.counts[key])) {
			count := t.counts[key][value]
			one.Count.Value += count
			one.Values = append(one.Values, tagValue{one.ID + "/tagValues/" + value, value, tagCount{"Total", count}})
		}
		shown = append(shown, one)
	}
	return shown
}
