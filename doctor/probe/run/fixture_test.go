package run

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead/fairlead/doctor/probe/wire"
	"github.com/fairlead/fairlead/internal/freeport"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// endpoint is an HTTPS server with a CA of its own that tells who it is and upgrades on /socket.
func endpoint(t *testing.T) (address, ca string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ms-Request-Id", "42")
		w.Header().Set("Www-Authenticate", `Bearer realm="secret"`)
		w.Header().Set("Set-Cookie", "never=told")
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "who are you?")
	})
	mux.HandleFunc("/socket", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" || r.Header.Get("Sec-Websocket-Version") != "13" {
			w.WriteHeader(http.StatusUpgradeRequired)
			return
		}
		w.Header().Set("Upgrade", "websocket")
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Sec-Websocket-Accept", acceptFor(r.Header.Get("Sec-Websocket-Key")))
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	server := httptest.NewTLSServer(mux)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String(), pemOf(server.Certificate())
}

// foreignCA is a CA that has signed nothing else.
func foreignCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	certificate, err := x509.ParseCertificate(der)
	must(t, err)
	return pemOf(certificate)
}

func pemOf(certificate *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}))
}

// serve answers every connection in its own goroutine and ends with the test.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn)
			}()
		}
	}()
	return listener.Addr().String()
}

// closed is an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	return freeport.Address(t)
}

// blackHole is a listener that never accepts and whose queue is full, so that the kernel drops what comes.
func blackHole(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	must(t, err)
	t.Cleanup(func() { syscall.Close(socket) })
	must(t, syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	must(t, syscall.Listen(socket, 0))
	name, err := syscall.Getsockname(socket)
	must(t, err)
	address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	for range 8 {
		conn, err := net.DialTimeout("tcp", address.String(), 200*time.Millisecond)
		if err != nil {
			return address.String()
		}
		t.Cleanup(func() { conn.Close() })
	}
	t.Fatal("the queue never fills")
	return ""
}

// proxy answers CONNECT with a status line, and tunnels after 200; an empty one hangs.
func proxy(t *testing.T, status, wantedAuthorization string) string {
	t.Helper()
	return serve(t, func(conn net.Conn) {
		ahead := bufio.NewReader(conn)
		request, err := http.ReadRequest(ahead)
		if err != nil {
			return
		}
		if request.Header.Get("Proxy-Authorization") != wantedAuthorization {
			status = "HTTP/1.1 407 Proxy Authentication Required"
		}
		if status == "" {
			_, _ = io.Copy(io.Discard, conn)
			return
		}
		if !strings.Contains(status, " 200 ") {
			_, _ = io.WriteString(conn, status+"\r\nServer: middlebox\r\nProxy-Authenticate: Basic realm=\"r\"\r\nContent-Length: 6\r\n\r\ndenied")
			return
		}
		onward, err := net.Dial("tcp", request.Host)
		if err != nil {
			return
		}
		defer onward.Close()
		_, _ = io.WriteString(conn, status+"\r\nVia: 1.1 middlebox\r\n\r\n")
		go func() { _, _ = io.Copy(onward, ahead) }()
		_, _ = io.Copy(conn, onward)
	})
}

// zone says how a name server answers, by name; names that are not in it get silence.
type zone map[string]struct {
	code   dnsmessage.RCode
	cname  string
	a      []string
	long   bool // more than fits into a datagram
	forged bool // a wrong answer comes first
}

// listenBoth opens one port for UDP and TCP. A port that is free for one may be taken for the other.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	var taken error
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		must(t, err)
		streams, err := net.Listen("tcp", packets.LocalAddr().String())
		if err != nil {
			taken = err
			packets.Close()
			continue
		}
		t.Cleanup(func() { packets.Close(); streams.Close() })
		return packets, streams
	}
	t.Fatal(taken)
	return nil, nil
}

// nameServer answers over UDP and TCP on one port.
func (z zone) serve(t *testing.T) string {
	t.Helper()
	packets, streams := listenBoth(t)
	go func() {
		packet := make([]byte, 512)
		for {
			n, from, err := packets.ReadFrom(packet)
			if err != nil {
				return
			}
			for _, answer := range z.answer(packet[:n], "udp") {
				_, _ = packets.WriteTo(answer, from)
			}
		}
	}()
	go func() {
		for {
			conn, err := streams.Accept()
			if err != nil {
				return
			}
			packet := make([]byte, 512)
			n, _ := conn.Read(packet)
			for _, answer := range z.answer(packet[2:n], "tcp") {
				_, _ = conn.Write(append([]byte{byte(len(answer) >> 8), byte(len(answer))}, answer...))
			}
			conn.Close()
		}
	}()
	return packets.LocalAddr().String()
}

func (z zone) answer(packet []byte, network string) [][]byte {
	var message dnsmessage.Message
	if message.Unpack(packet) != nil {
		return nil
	}
	question := message.Questions[0]
	entry, found := z[question.Name.String()]
	if !found {
		return nil
	}
	message.Response, message.RCode = true, entry.code
	message.Additionals = nil
	name := question.Name
	if entry.cname != "" {
		target := dnsmessage.MustNewName(entry.cname)
		message.Answers = append(message.Answers, dnsmessage.Resource{
			Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET},
			Body:   &dnsmessage.CNAMEResource{CNAME: target},
		})
		name = target
	}
	for _, address := range entry.a {
		if question.Type == dnsmessage.TypeA {
			message.Answers = append(message.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: name, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: [4]byte(net.ParseIP(address).To4())},
			})
		}
	}
	if entry.long && network == "udp" {
		message.Truncated, message.Answers = true, nil
	}
	packed, err := message.Pack()
	if err != nil {
		panic(err)
	}
	if entry.forged {
		forged := append([]byte{packed[0] ^ 1}, packed[1:]...)
		return [][]byte{forged, packed}
	}
	return [][]byte{packed}
}

// asking gives a Runner and a resolver that know one name server only.
func asking(t *testing.T, server, more string) Runner {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	must(t, os.WriteFile(path, []byte("nameserver "+server+"\n"+more), 0o600))
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server)
	}}
	return Runner{ResolvConf: path, Resolver: resolver}
}

// clientCertificateServer refuses those who bring no certificate.
func clientCertificateServer(t *testing.T) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert, MaxVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

// only runs one target with a short time.
func only(t *testing.T, runner Runner, target wire.Target) wire.TargetResult {
	t.Helper()
	result := runner.Run(t.Context(), wire.Plan{Targets: []wire.Target{target}, Stage: 600 * time.Millisecond})
	return result.Targets[0]
}
