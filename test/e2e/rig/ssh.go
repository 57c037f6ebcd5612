package rig

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// SSHServer serves a repository over ssh, by git's own program, to whom it admits.
type SSHServer struct {
	URL        string // where the repository is
	KnownHosts string // the line of known_hosts by which the server is known

	bare     string
	listener net.Listener
	config   *ssh.ServerConfig

	mu       sync.Mutex
	admitted [][]byte
	writers  [][]byte
}

// NewSSHKey makes a private key as ssh-keygen writes it, and its public half as authorized_keys has it.
func NewSSHKey() (private, public []byte, err error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make an ssh key: %w", err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("make an ssh key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(key, "quay")
	if err != nil {
		return nil, nil, fmt.Errorf("write an ssh key: %w", err)
	}
	return pem.EncodeToMemory(block), ssh.MarshalAuthorizedKey(signer.PublicKey()), nil
}

// ServeSSH serves the repository over ssh on an address of this machine, with a host key of its own.
func (g *Git) ServeSSH(ctx context.Context, address string) (*SSHServer, error) {
	private, _, err := NewSSHKey()
	if err != nil {
		return nil, err
	}
	host, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("read the server's ssh key: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for ssh: %w", err)
	}
	at := listener.Addr().String()
	s := &SSHServer{URL: "ssh://git@" + at + "/shop.git", KnownHosts: knownhosts.Line([]string{at}, host.PublicKey()) + "\n", bare: g.bare, listener: listener}
	s.config = &ssh.ServerConfig{PublicKeyCallback: s.judge}
	s.config.AddHostKey(host)
	go s.serve(ctx)
	return s, nil
}

// Admit lets in whoever has the private half of a key, which is given as authorized_keys has it.
func (s *SSHServer) Admit(public []byte) error { return s.let(public, &s.admitted) }

// AdmitToPush lets whoever has the private half of a key that is admitted push, too.
func (s *SSHServer) AdmitToPush(public []byte) error { return s.let(public, &s.writers) }

func (s *SSHServer) let(public []byte, among *[][]byte) error {
	key, _, _, _, err := ssh.ParseAuthorizedKey(public)
	if err != nil {
		return fmt.Errorf("admit an ssh key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*among = append(*among, key.Marshal())
	return nil
}

// Close ends the server.
func (s *SSHServer) Close() error { return s.listener.Close() }

// writes is the permission to push.
const writes = "writes"

func (s *SSHServer) judge(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := func(one []byte) bool { return bytes.Equal(one, key.Marshal()) }
	if !slices.ContainsFunc(s.admitted, is) {
		return nil, errors.New("who are you?")
	}
	if slices.ContainsFunc(s.writers, is) {
		return &ssh.Permissions{Extensions: map[string]string{writes: "yes"}}, nil
	}
	return &ssh.Permissions{}, nil
}

func (s *SSHServer) serve(ctx context.Context) {
	for {
		connection, err := s.listener.Accept()
		if err != nil {
			return // Close has ended it
		}
		go s.talk(ctx, connection)
	}
}

func (s *SSHServer) talk(ctx context.Context, raw net.Conn) {
	defer func() { _ = raw.Close() }()
	connection, channels, requests, err := ssh.NewServerConn(raw, s.config)
	if err != nil {
		return // the client has been told
	}
	defer func() { _ = connection.Close() }()
	go ssh.DiscardRequests(requests)
	for offered := range channels {
		if offered.ChannelType() != "session" {
			_ = offered.Reject(ssh.UnknownChannelType, "only sessions")
			continue
		}
		channel, asked, err := offered.Accept()
		if err != nil {
			return
		}
		go s.session(ctx, channel, asked, connection.Permissions.Extensions[writes])
	}
}

// session lets a client fetch the repository, or push to it when it may, and nothing else.
func (s *SSHServer) session(ctx context.Context, channel ssh.Channel, requests <-chan *ssh.Request, writer string) {
	defer func() { _ = channel.Close() }()
	for request := range requests {
		var command struct{ Line string }
		program, known := "", false
		if request.Type == "exec" && ssh.Unmarshal(request.Payload, &command) == nil {
			program, known = strings.CutSuffix(command.Line, " '/shop.git'")
		}
		known = known && (program == "git-upload-pack" || program == "git-receive-pack")
		if err := request.Reply(known, nil); err != nil {
			return
		}
		if known {
			status := struct{ Status uint32 }{s.run(ctx, channel, program, writer)}
			_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
			return
		}
	}
}

// run runs git's program. Who may not push is told so in the words of GitHub.
func (s *SSHServer) run(ctx context.Context, channel ssh.Channel, program, writer string) uint32 {
	command := exec.CommandContext(ctx, "git", "upload-pack", s.bare)
	if program == "git-receive-pack" {
		if writer == "" {
			_, _ = io.WriteString(channel.Stderr(), "ERROR: The key you are authenticating with has been marked as read only.\n")
			return 1
		}
		command = exec.CommandContext(ctx, "git", "receive-pack", s.bare)
	}
	command.Stdout, command.Stderr = channel, channel.Stderr()
	input, err := command.StdinPipe() // as command.Stdin it would be waited for, and a client may keep its end open
	if err != nil {
		return 1
	}
	go func() {
		_, _ = io.Copy(input, channel)
		_ = input.Close()
	}()
	if err := command.Run(); err != nil {
		return 1
	}
	return 0
}
