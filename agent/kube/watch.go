package kube

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/fairlead/fairlead/agent/pace"
)

// pageSize keeps a page of nodes, the biggest objects we list, to about a megabyte.
const pageSize = 50

// watchFor is how long one watch lasts; it varies by a tenth either way.
const watchFor = 8 * time.Minute

// Watcher keeps its caller informed of the objects of a collection, whatever happens to connections.
type Watcher[T Identified] struct {
	Client     *Client
	Collection Collection
	Fields     string // field selector
	Labels     string // label selector
	Content    Content
	Log        *slog.Logger
	// Changed gets all objects by name after the first list and after every change. It runs on the
	// watcher's goroutine and must not keep the map.
	Changed func(ctx context.Context, all map[string]T)
}

// Content says how much of its objects a Watcher asks for.
type Content int

// Whole objects, or objects without spec and status.
const (
	Whole Content = iota
	MetadataOnly
)

// accept returns the header that asks for a kind of answer: the server encodes each event of a watch as
// one object, and a page as a list.
func (c Content) accept(kind string) http.Header {
	if c == Whole {
		return nil
	}
	return http.Header{"Accept": {"application/json;as=" + kind + ";g=meta.k8s.io;v=v1,application/json"}}
}

// Run watches until the end of ctx, whose error it returns.
func (w *Watcher[T]) Run(ctx context.Context) error {
	backoff := pace.Backoff{Min: 200 * time.Millisecond, Max: 30 * time.Second}
	for {
		err := w.listAndWatch(ctx, &backoff)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		// Expired history is routine: the list begins again.
		if !expired(err) {
			w.Log.WarnContext(ctx, "cannot watch the cluster",
				slog.String("collection", w.Collection.Plural), slog.String("error", err.Error()))
		}
		if err := pace.Wait(ctx, backoff.Next(), nil); err != nil {
			return err
		}
	}
}

func (w *Watcher[T]) listAndWatch(ctx context.Context, backoff *pace.Backoff) error {
	all, version, err := w.list(ctx)
	if err != nil {
		return err
	}
	w.Changed(ctx, all)
	for {
		if version, err = w.watch(ctx, all, version); err != nil {
			return err
		}
		backoff.Reset()
	}
}

type page[T any] struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion"`
		Continue        string `json:"continue"`
	} `json:"metadata"`
	Items []T `json:"items"`
}

// List lists once.
func (w *Watcher[T]) List(ctx context.Context) (map[string]T, error) {
	all, _, err := w.list(ctx)
	return all, err
}

func (w *Watcher[T]) list(ctx context.Context) (map[string]T, string, error) {
	all := map[string]T{}
	query := w.selectors()
	query.Set("limit", strconv.Itoa(pageSize))
	for {
		next, err := w.page(ctx, query)
		if err != nil {
			return nil, "", err
		}
		for _, item := range next.Items {
			all[item.Meta().Name] = item
		}
		if next.Metadata.Continue == "" {
			return all, next.Metadata.ResourceVersion, nil
		}
		query.Set("continue", next.Metadata.Continue)
	}
}

func (w *Watcher[T]) page(ctx context.Context, query url.Values) (page[T], error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var next page[T]
	answer, err := w.Client.send(ctx, http.MethodGet, w.Collection.Path()+"?"+query.Encode(), nil, "",
		w.Content.accept("PartialObjectMetadataList"))
	if err != nil {
		return next, err
	}
	defer answer.Body.Close()
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxAnswer)).Decode(&next); err != nil {
		return next, fmt.Errorf("decode a list of %s: %w", w.Collection.Plural, err)
	}
	return next, nil
}

func (w *Watcher[T]) selectors() url.Values {
	query := url.Values{}
	if w.Fields != "" {
		query.Set("fieldSelector", w.Fields)
	}
	if w.Labels != "" {
		query.Set("labelSelector", w.Labels)
	}
	return query
}

type event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// watch follows one watch to its end and returns the version from which the next one can go on.
func (w *Watcher[T]) watch(ctx context.Context, all map[string]T, version string) (string, error) {
	query := w.selectors()
	query.Set("watch", "true")
	query.Set("allowWatchBookmarks", "true")
	query.Set("resourceVersion", version)
	query.Set("timeoutSeconds", strconv.Itoa(int(pace.Jitter(watchFor).Seconds())))
	answer, err := w.Client.send(ctx, http.MethodGet, w.Collection.Path()+"?"+query.Encode(), nil, "",
		w.Content.accept("PartialObjectMetadata"))
	if err != nil {
		return version, err
	}
	defer answer.Body.Close()
	started := time.Now()
	events := json.NewDecoder(answer.Body)
	for {
		var next event
		if err := events.Decode(&next); err != nil {
			return version, ended(ctx, started, err)
		}
		if version, err = w.take(ctx, all, next, version); err != nil {
			return version, err
		}
	}
}

// ended tells the regular end of a watch from a server that hangs up at once.
func ended(ctx context.Context, started time.Time, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case time.Since(started) < time.Second:
		return fmt.Errorf("the watch ended at once: %w", err)
	default:
		return nil
	}
}

func (w *Watcher[T]) take(ctx context.Context, all map[string]T, next event, version string) (string, error) {
	if next.Type == "ERROR" {
		var said status
		if err := json.Unmarshal(next.Object, &said); err != nil {
			return version, fmt.Errorf("decode an error of the watch: %w", err)
		}
		return version, said.err()
	}
	var object T
	if err := json.Unmarshal(next.Object, &object); err != nil {
		return version, fmt.Errorf("decode an event of %s: %w", w.Collection.Plural, err)
	}
	meta := object.Meta()
	switch next.Type {
	case "BOOKMARK":
		return meta.ResourceVersion, nil
	case "DELETED":
		delete(all, meta.Name)
	default:
		all[meta.Name] = object
	}
	w.Changed(ctx, all)
	return meta.ResourceVersion, nil
}
