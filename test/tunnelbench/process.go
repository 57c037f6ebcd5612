package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/apiserver"
	"golang.org/x/sys/unix"
)

// roleCommand is the argument with which this program is one of the parts.
const roleCommand = "role"

const startLimit = 2 * time.Minute

// roles are the parts that are processes of this program, or of one that it minds. Each prints its address when it is ready,
// and ends with its input.
func roles() map[string]func(context.Context, []string, io.Writer) error {
	return map[string]func(context.Context, []string, io.Writer) error{
		"backend": playBackend, "link": playLink, "proxy": playProxy, "ours": playOurs, "ours-herd": playOursHerd,
		"rd-hub": playRemoteDialerHub, "rd-agent": playRemoteDialerAgent, "rd-herd": playRemoteDialerHerd,
		"chisel-hub": playChiselHub, "chisel-agent": playChiselAgent,
		"program": playProgram, "konnectivity-proxy": playKonnectivityProxy,
	}
}

func play(ctx context.Context, role string, args []string, out io.Writer) error {
	part := roles()[role]
	if part == nil {
		return fmt.Errorf("there is no role %q", role)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { // whoever started this is gone when the input ends
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	err := part(ctx, args, out)
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// process is a part.
type process struct {
	PID     int
	address string
	command *exec.Cmd
	input   io.Closer
}

// start starts a part and waits for its address.
func (b *bench) start(ctx context.Context, role string, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{command: exec.Command(self, append([]string{roleCommand, role}, args...)...)} //nolint:noctx // its input ends it
	p.command.Env = append(os.Environ(), "SSL_CERT_FILE="+b.file("ca.crt"))
	p.command.Stderr = b.log
	if p.input, err = p.command.StdinPipe(); err != nil {
		return nil, err
	}
	output, err := p.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", role, err)
	}
	p.PID = p.command.Process.Pid
	b.processes = append(b.processes, p)
	said := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(output).ReadString('\n')
		said <- strings.TrimSpace(line)
	}()
	limit := time.NewTimer(startLimit)
	defer limit.Stop()
	select {
	case p.address = <-said:
		if p.address == "" {
			return nil, fmt.Errorf("%s ended at once, see %s", role, b.log.Name())
		}
		return p, nil
	case <-limit.C:
		return nil, fmt.Errorf("%s was not ready within %s, see %s", role, startLimit, b.log.Name())
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *process) stop() {
	p.input.Close()
	ended := make(chan struct{})
	go func() { _ = p.command.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		_ = p.command.Process.Kill()
		<-ended
	}
}

// processorTime is what a process has used, to the nanosecond.
func processorTime(pid int) time.Duration {
	const scheduled = 2 // CPUCLOCK_SCHED, as clock_getcpuclockid has it
	var used unix.Timespec
	if unix.ClockGettime(int32(^pid<<3|scheduled), &used) != nil {
		return 0
	}
	return time.Duration(used.Nano())
}

// writePair makes the certificate that all parts serve and trust.
func (b *bench) writePair() error {
	pair, authority, err := apiserver.Certificate("127.0.0.1", "localhost")
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(b.file("ca.crt"), authority, 0o600),
		os.WriteFile(b.file("tls.key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), 0o600),
	)
}

func (b *bench) file(name string) string { return filepath.Join(b.dir, name) }

// pairIn reads it.
func pairIn(dir string) (tls.Certificate, error) {
	return tls.LoadX509KeyPair(filepath.Join(dir, "ca.crt"), filepath.Join(dir, "tls.key"))
}

// trustIn trusts it.
func trustIn(dir string) (*tls.Config, error) {
	text, err := os.ReadFile(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}, nil
}
