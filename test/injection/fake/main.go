// Command fake plays every agent and controller in tests of doctor: what matters there is what a container is called, what it
// writes, whether it answers and how it ends.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

const usage = "usage: fake sleep | crash TEXT | hoard | print LINE… | serve PORT… | webhook PORT CERT KEY [PORT…] | post URL CERT KEY CA BODY"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	switch rest := args[1:]; args[0] {
	case "sleep":
		<-ctx.Done()
		return nil
	case "crash":
		return errors.New(strings.Join(rest, " "))
	case "hoard":
		return hoard(ctx)
	case "print":
		for _, line := range rest {
			if _, err := fmt.Fprintln(out, line); err != nil {
				return err
			}
		}
		<-ctx.Done()
		return nil
	case "serve":
		return serve(ctx, rest)
	case "webhook":
		if len(rest) >= 3 {
			return webhook(ctx, rest[0], rest[1], rest[2], rest[3:])
		}
	case "post":
		if len(rest) == 5 {
			return post(ctx, rest[0], rest[1], rest[2], rest[3], rest[4])
		}
	}
	return errors.New(usage)
}

// hoard takes memory until the kernel ends it.
func hoard(ctx context.Context) error {
	const piece = 1 << 20
	var kept [][]byte
	for ctx.Err() == nil {
		kept = append(kept, bytes.Repeat([]byte{1}, piece))
	}
	return fmt.Errorf("stopped with %d pieces", len(kept))
}

// serve answers every request on some ports.
func serve(ctx context.Context, ports []string) error {
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	failed := make(chan error, len(ports))
	for _, port := range ports {
		server := &http.Server{Addr: ":" + port, Handler: handler, ReadHeaderTimeout: 5 * time.Second}
		go func() { failed <- server.ListenAndServe() }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// webhook is an admission webhook that allows everything; certificate and key are PEM in the arguments. It serves other ports as
// serve does.
func webhook(ctx context.Context, port, certificate, key string, others []string) error {
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", ":"+port)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(allow), ReadHeaderTimeout: 5 * time.Second, TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}
	failed := make(chan error, 2)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	go func() { failed <- serve(ctx, others) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

func allow(w http.ResponseWriter, r *http.Request) {
	var review struct {
		Request struct {
			UID string `json:"uid"`
		} `json:"request"`
	}
	if err := json.NewDecoder(io.LimitReader(r.Body, 8<<20)).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the API server notices a broken answer by itself
		"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": map[string]any{"uid": review.Request.UID, "allowed": true},
	})
}

// post sends JSON with a client certificate, for what has to be written past the API server.
func post(ctx context.Context, url, certificate, key, authority, body string) error {
	pair, err := tls.X509KeyPair([]byte(certificate), []byte(key))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(authority))
	client := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body)) //nolint:gosec // a test says where to
	if err != nil {
		return err
	}
	response, err := client.Do(request) //nolint:gosec // a test says where to
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	if said, err := io.ReadAll(io.LimitReader(response.Body, 1<<20)); err != nil || response.StatusCode != http.StatusOK {
		return errors.Join(fmt.Errorf("%s: %s", response.Status, said), err)
	}
	return nil
}
