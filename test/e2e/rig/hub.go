// Package rig sets the stage for scenarios with the real binary: a hub process, the command line
// with a configuration of its own, agents as processes. It asserts nothing.
package rig

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// Hub is a hub process that can be stopped, killed and started again on the same data.
type Hub struct {
	Binary  string
	Dir     string   // data, credential and log
	Address string   // host:port, also in the URL
	Flags   []string // more arguments, after the usual ones
	Env     []string // variables beside those of this process
	// How long it may take to become ready, a minute by default: with ten thousand clients at the door, whoever asks is one of them.
	Patience time.Duration

	process *exec.Cmd
	ended   chan struct{}
}

// Credential is what the hub's first start writes for its administrator.
type Credential struct {
	Hub      string `json:"hub"`
	CAFile   string `json:"caFile"`
	TenantID string `json:"tenantId"`
	AppID    string `json:"appId"`
	Secret   string `json:"secret"`
}

// URL is where people and agents reach the hub.
func (h *Hub) URL() string { return "https://" + h.Address }

// CAFile is the hub's own certificate authority.
func (h *Hub) CAFile() string { return filepath.Join(h.Dir, "data", "ca.crt") }

// CredentialFile holds the administrator's credential after the first start.
func (h *Hub) CredentialFile() string { return filepath.Join(h.Dir, "admin.json") }

// LogFile is where the hub writes.
func (h *Hub) LogFile() string { return filepath.Join(h.Dir, "hub.log") }

// Args are the arguments with which the hub is started.
func (h *Hub) Args() []string {
	return append([]string{
		"hub", "--data", filepath.Join(h.Dir, "data"), "--listen", h.Address, "--url", h.URL(),
		"--admin-credential-file", h.CredentialFile(),
	}, h.Flags...)
}

// Start starts the hub and returns when it is ready.
func (h *Hub) Start(ctx context.Context) error {
	if err := os.MkdirAll(h.Dir, 0o700); err != nil {
		return fmt.Errorf("make the hub's folder: %w", err)
	}
	log, err := os.OpenFile(h.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the hub's log: %w", err)
	}
	defer log.Close()
	h.process = exec.Command(h.Binary, h.Args()...) //nolint:noctx // Stop and Kill end it
	h.process.Stdout, h.process.Stderr = log, log
	h.process.Env = append(os.Environ(), h.Env...)
	h.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := h.process.Start(); err != nil {
		return fmt.Errorf("start the hub: %w", err)
	}
	h.ended = make(chan struct{})
	go func() { _ = h.process.Wait(); close(h.ended) }()
	return h.waitReady(ctx)
}

// PID is the process id of the running hub.
func (h *Hub) PID() int { return h.process.Process.Pid }

// Stop asks the hub to end and waits for it.
func (h *Hub) Stop() error { return h.signal(syscall.SIGTERM) }

// Kill ends the hub as a power cut would.
func (h *Hub) Kill() error { return h.signal(syscall.SIGKILL) }

func (h *Hub) signal(signal os.Signal) error {
	if h.process == nil || h.process.Process == nil { // never started
		return nil
	}
	if err := h.process.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal the hub: %w", err)
	}
	select {
	case <-h.ended:
		return nil
	case <-time.After(20 * time.Second):
		return fmt.Errorf("the hub did not end within 20 s of %s", signal)
	}
}

func (h *Hub) waitReady(ctx context.Context) error { return h.await(ctx, h.LogFile(), h.ended) }

// WaitReady waits for a hub that another process keeps, whose log is in a file.
func (h *Hub) WaitReady(ctx context.Context, logFile string) error { return h.await(ctx, logFile, nil) }

func (h *Hub) await(ctx context.Context, logFile string, ended <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(h.Patience, time.Minute))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !h.ready(ctx) {
		select {
		case <-ended:
			return fmt.Errorf("the hub ended while starting: %s", lastLines(logFile))
		case <-ctx.Done():
			return fmt.Errorf("the hub was not ready in time: %s", lastLines(logFile))
		case <-tick.C:
		}
	}
	return nil
}

func (h *Hub) ready(ctx context.Context) bool {
	client, err := h.Client()
	if err != nil {
		return false
	}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL()+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Client returns an HTTP client that trusts the hub.
func (h *Hub) Client() (*http.Client, error) {
	pem, err := os.ReadFile(h.CAFile())
	if err != nil {
		return nil, fmt.Errorf("read the hub's certificate authority: %w", err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}},
	}, nil
}

// Credential reads the administrator's credential.
func (h *Hub) Credential() (Credential, error) {
	content, err := os.ReadFile(h.CredentialFile())
	if err != nil {
		return Credential{}, fmt.Errorf("read the administrator's credential: %w", err)
	}
	var credential Credential
	if err := json.Unmarshal(content, &credential); err != nil {
		return Credential{}, fmt.Errorf("understand the administrator's credential: %w", err)
	}
	return credential, nil
}

func lastLines(file string) string {
	content, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-15):], []byte("\n")))
}

// OutwardAddress is the address of this machine on the network that leads outwards. Nothing is sent.
func OutwardAddress(ctx context.Context) (string, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "udp", "192.0.2.1:9")
	if err != nil {
		return "", fmt.Errorf("find this machine's address: %w", err)
	}
	defer connection.Close()
	host, _, err := net.SplitHostPort(connection.LocalAddr().String())
	return host, err
}
