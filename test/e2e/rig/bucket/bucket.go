// Package bucket serves a bucket as object stores do. It is apart from the rig for what it brings along.
package bucket

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rclone/gofakes3"
	"github.com/rclone/gofakes3/s3mem"
)

// Bucket is a bucket of an S3-compatible store on this machine, which checks who signs a request.
type Bucket struct {
	URL  string // of the store
	Name string

	store  *s3mem.Backend
	server *http.Server
}

// Serve serves an empty bucket on an address of this machine to whoever has an access key and its secret.
func Serve(ctx context.Context, address, name, accessKey, secret string) (*Bucket, error) {
	b := &Bucket{Name: name, store: s3mem.New()}
	if err := b.store.CreateBucket(ctx, name); err != nil {
		return nil, fmt.Errorf("make a bucket: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for a bucket: %w", err)
	}
	b.URL = "http://" + listener.Addr().String()
	asked := gofakes3.New(undivided{b.store}, gofakes3.WithV4Auth(map[string]string{accessKey: secret}))
	b.server = &http.Server{Handler: asked.Server(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = b.server.Serve(listener) }() // Close ends it
	return b, nil
}

// undivided lists all objects when a client sends an empty delimiter, as the one of Flux does: S3 takes that for none.
type undivided struct{ *s3mem.Backend }

// ListBucket lists a bucket's objects.
func (u undivided) ListBucket(ctx context.Context, name string, prefix *gofakes3.Prefix, page gofakes3.ListBucketPage) (*gofakes3.ObjectList, error) {
	if prefix != nil && prefix.Delimiter == "" {
		prefix.HasDelimiter = false
	}
	return u.Backend.ListBucket(ctx, name, prefix, page)
}

// Put writes objects.
func (b *Bucket) Put(ctx context.Context, objects map[string]string) error {
	for name, content := range objects {
		meta := map[string]string{"Last-Modified": time.Now().UTC().Format(http.TimeFormat)} // which clients insist on
		if _, err := b.store.PutObject(ctx, b.Name, name, meta, strings.NewReader(content), int64(len(content))); err != nil {
			return fmt.Errorf("put %s into a bucket: %w", name, err)
		}
	}
	return nil
}

// Close ends the store.
func (b *Bucket) Close() error { return b.server.Close() }
