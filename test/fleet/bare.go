package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/test/cluster/freeport"
)

// bareCommand is the argument with which this program is the bare server.
const bareCommand = "bare"

// bare is the baseline: a server of net/http that takes the same connections and requests of the same agents, checks
// nothing, knows nothing and keeps nothing. What the hub needs beyond it is the hub's own doing.
type bare struct {
	dir     string
	address string
	ca      []byte
	process *exec.Cmd
	ended   chan struct{}
}

func openBare(ctx context.Context, dir string) (*bare, error) {
	address, err := freeport.Address(ctx, "127.0.0.1")
	if err != nil {
		return nil, err
	}
	b := &bare{dir: dir, address: address}
	if err := b.makeCertificate(); err != nil {
		return nil, fmt.Errorf("make the bare server's certificate: %w", err)
	}
	return b, b.Start(ctx)
}

func (b *bare) file(name string) string { return filepath.Join(b.dir, name) }

func (b *bare) makeCertificate() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	b.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	if err := os.WriteFile(b.file("bare.crt"), b.ca, 0o600); err != nil {
		return err
	}
	return os.WriteFile(b.file("bare.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600)
}

// Start implements server.
func (b *bare) Start(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	b.process = exec.Command(self, bareCommand, b.address, b.file("bare.crt"), b.file("bare.key")) //nolint:noctx // Kill ends it
	b.process.Env = append(os.Environ(), fmt.Sprintf("GOMAXPROCS=%d", cores))
	b.process.Stderr = os.Stderr
	if err := b.process.Start(); err != nil {
		return fmt.Errorf("start the bare server: %w", err)
	}
	b.ended = make(chan struct{})
	go func() { _ = b.process.Wait(); close(b.ended) }()
	for {
		if _, err := b.UnderWay(ctx); err == nil {
			return nil
		}
		select {
		case <-b.ended:
			return fmt.Errorf("the bare server ended at once")
		default:
		}
		if err := rest(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// Kill implements server.
func (b *bare) Kill() error {
	if err := b.process.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-b.ended
	return nil
}

// PID implements server.
func (b *bare) PID() int { return b.process.Process.Pid }

// Endpoint implements server.
func (b *bare) Endpoint() endpoint { return endpoint{"https://" + b.address, b.ca} }

// UnderWay implements server.
func (b *bare) UnderWay(ctx context.Context) (int, error) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(b.ca)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Endpoint().URL+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	answer, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err
	}
	return readGauge(text, gauge)
}

// Handshakes implements server: net/http does not count them.
func (b *bare) Handshakes(context.Context) (handshakes, error) { return handshakes{}, nil }

// serveBare is the other side: the program as the bare server.
func serveBare(address, certificate, key string) error {
	var under atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, "%s%d\n", gauge, under.Load()) })
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		under.Add(1)
		defer under.Add(-1)
		answerBare(w, r, int(under.Load()))
	})
	server := &http.Server{
		Addr: address, Handler: mux, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert},
	}
	return server.ListenAndServeTLS(certificate, key)
}

func answerBare(w http.ResponseWriter, r *http.Request, underWay int) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if !strings.HasSuffix(r.URL.Path, fairlead.OpPendingConfigs) {
		interval := fairlead.HeartbeatInterval
		if underWay > fairlead.ManyClusters {
			interval = fairlead.SeldomInterval
		}
		fmt.Fprintf(w, `{"intervalSeconds":%d}`, int(interval/time.Second))
		return
	}
	var query fairlead.PendingQuery
	if json.Unmarshal(body, &query) == nil && query.ETag != "" {
		_ = rest(r.Context(), time.Duration(query.WaitSeconds)*time.Second)
	}
	fmt.Fprintf(w, `{"etag":"bare","unchanged":%t}`, query.ETag != "")
}
