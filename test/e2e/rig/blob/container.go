// Package blob is a stand-in for Azure Blob Storage, which is nowhere to be had but in Azure: one container of one storage account,
// with the few calls by which Flux reads a container, and Azure's ways to authenticate with a shared key and a SAS token. It is a
// stand-in for nothing else: what cannot be asked here has not been tried with Azure by whoever uses it.
package blob

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// Container is a container of a storage account on this machine, which nobody may read without signing for it.
type Container struct {
	URL       string // of the account
	Name      string
	Key       string // of the account, in base64
	Authority []byte // PEM, of the certificate that it shows

	account string
	secret  []byte // what Key is of
	server  *http.Server

	mu    sync.Mutex
	blobs map[string]object
}

// object is what a blob holds.
type object struct {
	content []byte
	tag     string // without quotes, as in a list
	changed time.Time
}

// Serve serves an empty container on an address of this machine, over TLS. Clients reach it by the name host, whose first label is the
// account's, as it is in Azure.
func Serve(ctx context.Context, address, account, domain, container string) (*Container, error) {
	host := account + "." + domain
	pair, authority, err := rig.Certify(host, "quay blobs")
	if err != nil {
		return nil, err
	}
	c := &Container{Name: container, Authority: authority, account: account, secret: make([]byte, 64), blobs: map[string]object{}}
	_, _ = rand.Read(c.secret) // it never fails
	c.Key = base64.StdEncoding.EncodeToString(c.secret)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for blobs: %w", err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return nil, fmt.Errorf("listen for blobs: %w", err)
	}
	c.URL = "https://" + net.JoinHostPort(host, port)
	c.server = &http.Server{
		Handler: http.HandlerFunc(c.serve), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
		ErrorLog:  log.New(io.Discard, "", 0), // clients are to be seen without trust
	}
	go func() { _ = c.server.ServeTLS(listener, "", "") }() // Close ends it
	return c, nil
}

// Put writes blobs.
func (c *Container) Put(blobs map[string]string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, content := range blobs {
		now := time.Now().UTC()
		c.blobs[name] = object{[]byte(content), fmt.Sprintf("0x%015X", now.UnixNano()), now}
	}
}

// Close ends the container.
func (c *Container) Close() error { return c.server.Close() }

func (c *Container) all() map[string]object {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.blobs)
}
