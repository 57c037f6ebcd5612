// Package kubeapi asks the API server of the cluster that the probe runs in, with the service account of its pod. It reads, and
// nothing else, and speaks HTTP itself: the probe travels in ConfigMaps, and an HTTP library would double its size.
package kubeapi

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ServiceAccount is where a pod finds its token and the authority of its API server.
const ServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

const (
	timeout = 10 * time.Second // of one question
	maxBody = 16 << 20         // of one answer: Helm keeps a release in at most one megabyte
	maxHead = 64 << 10
)

// ErrOutside is the error of a program that runs in no pod, or in one without a service account.
var ErrOutside = errors.New("there is no service account to ask the API server with")

var errMalformed = errors.New("the API server's answer is not HTTP")

// Refusal is an answer with another status than 200.
type Refusal struct{ Status int }

// Error names the status.
func (r Refusal) Error() string {
	return "the API server answers with status " + strconv.Itoa(r.Status)
}

// Client asks one API server. The token is never printed.
type Client struct {
	address string
	token   string
	roots   *x509.CertPool
}

// InCluster returns the client of a pod, whose service account is in folder.
func InCluster(getenv func(string) string, folder string) (*Client, error) {
	host, port := getenv("KUBERNETES_SERVICE_HOST"), getenv("KUBERNETES_SERVICE_PORT")
	token, err := os.ReadFile(filepath.Join(folder, "token")) //nolint:gosec // the folder is that of the service account
	if host == "" || err != nil {
		return nil, ErrOutside
	}
	authority, err := os.ReadFile(filepath.Join(folder, "ca.crt")) //nolint:gosec // as above
	if err != nil {
		return nil, ErrOutside
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, errors.New("the API server's authority holds no certificate")
	}
	if port == "" {
		port = "443"
	}
	return &Client{address: net.JoinHostPort(host, port), token: strings.TrimSpace(string(token)), roots: roots}, nil
}

// Get reads the object or list at path into v. An answer other than 200 is a Refusal.
func (c *Client) Get(ctx context.Context, path, accept string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err := c.exchange(ctx, path, accept)
	if err != nil {
		return fmt.Errorf("ask the API server: %w", err)
	}
	status, body, err := parse(answer)
	switch {
	case err != nil:
		return err
	case status != 200:
		return Refusal{status}
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("understand the API server: %w", err)
	}
	return nil
}

// exchange speaks HTTP/1.0, in which an answer ends with its connection and is never cut in pieces.
func (c *Client) exchange(ctx context.Context, path, accept string) ([]byte, error) {
	dialer := tls.Dialer{Config: &tls.Config{RootCAs: c.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}}}
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	request := "GET " + path + " HTTP/1.0\r\nHost: " + c.address + "\r\nAuthorization: Bearer " + c.token + "\r\nAccept: " + accept + "\r\n\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(conn, maxBody+maxHead))
}

// parse takes an answer apart into status and body.
func parse(answer []byte) (int, []byte, error) {
	head, body, found := bytes.Cut(answer, []byte("\r\n\r\n"))
	if !found || len(head) > maxHead {
		return 0, nil, errMalformed
	}
	lines := bufio.NewScanner(bytes.NewReader(head))
	if !lines.Scan() {
		return 0, nil, errMalformed
	}
	words := strings.Fields(lines.Text())
	if len(words) < 2 || !strings.HasPrefix(words[0], "HTTP/1.") {
		return 0, nil, errMalformed
	}
	status, err := strconv.Atoi(words[1])
	if err != nil || status < 100 || status > 599 {
		return 0, nil, errMalformed
	}
	return status, body, nil
}
