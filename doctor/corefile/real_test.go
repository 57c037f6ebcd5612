package corefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead/fairlead/internal/freeport"
)

// realEnv names a CoreDNS with the plugins errors, file, hosts and reload, such as the one that the test cluster builds.
const realEnv = "FAIRLEAD_TEST_COREDNS"

const zoneFile = ". 5 IN SOA dns.example. nobody.example. 1 7200 1800 86400 5\n. 5 IN NS dns.example.\nother.example. 5 IN A 192.0.2.7\n"

// The judgement of the rows whose effect shows in one process, against that process: what is judged to start starts, and
// the names resolve as judged.
func TestReal(t *testing.T) {
	program := os.Getenv(realEnv)
	if program == "" {
		t.Skipf("%s does not name a CoreDNS: go run ./test/cluster up builds one", realEnv)
	}
	ours, err := Override(map[string]string{"zz.override": "hosts {\n  10.0.0.1 db.example\n  fallthrough\n}\n"}, host, netip.MustParseAddr(public))
	if err != nil {
		t.Fatal(err)
	}
	const none = "" // the answer of another plugin: the zone file has no such name
	cases := map[string]struct {
		reason string
		custom map[string]string
		rows   string
		refuse string // what the log says when CoreDNS does not start
		host   string // the answer for the host
		other  string // the answer for other.example
	}{
		"Right":  {"the override works and lets others through", map[string]string{OverrideKey: filled()}, "", "", public, "192.0.2.7"},
		"Merged": {"our line in another's block works as well", ours, "", "", public, "192.0.2.7"},
		"RowA":   {"no effect", map[string]string{"extensionsdp.txt": filled()}, RowKey, "", none, "192.0.2.7"},
		"RowB":   {"all others fail", map[string]string{OverrideKey: strings.Replace(filled(), "  fallthrough\n", "", 1)}, RowFallthrough, "", public, "SERVFAIL"},
		"RowC":   {"no effect", map[string]string{OverrideKey: guide}, RowName, "", none, "192.0.2.7"},
		"RowD":   {"no effect", map[string]string{OverrideKey: strings.Replace(filled(), public, "20.39.12", 1)}, RowAddress, "", none, "192.0.2.7"},
		"RowF":   {"two blocks", map[string]string{OverrideKey: filled(), "zz.override": filled()}, RowTwice, "this plugin can only be used once per Server Block", "", ""},
		"RowG":   {"an unknown directive", map[string]string{OverrideKey: strings.Replace(filled(), "hosts", "hostz", 1)}, RowSyntax, "Unknown directive 'hostz'", "", ""},
		"RowGOrder": {
			"an address after fallthrough",
			map[string]string{OverrideKey: "hosts {\n  fallthrough\n  " + public + " " + host + "\n}\n"},
			RowSyntax, "unknown property '20.39.12.229'", "", "",
		},
		"RowGServer": {"a zone twice", map[string]string{"a.server": "PORT {\nerrors\n}"}, RowSyntax, "it is already defined", "", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := prepare(t, program, tc.custom)
			in := Input{Corefile: s.corefile, Custom: s.custom, Region: region, Host: host}
			if got := Judge(in); rows(got) != tc.rows {
				t.Fatalf("Judge is %+v, want rows %q: %s", got, tc.rows, tc.reason)
			}
			started := s.start(t)
			if started != (tc.refuse == "") || !strings.Contains(s.log.String(), tc.refuse) {
				t.Fatalf("started is %v, want %q: %s", started, tc.refuse, s.log)
			}
			if !started {
				return
			}
			s.expect(t, host, tc.host)
			s.expect(t, "other.example", tc.other)
		})
	}
}

// Row h against the process: without the import line, the same override changes nothing.
func TestRealWithoutImport(t *testing.T) {
	program := os.Getenv(realEnv)
	if program == "" {
		t.Skipf("%s does not name a CoreDNS: go run ./test/cluster up builds one", realEnv)
	}
	s := prepare(t, program, map[string]string{OverrideKey: filled()})
	s.write(t, "Corefile", strings.Replace(s.corefile, "    import custom/*.override\n", "", 1))
	if got := rows(Judge(Input{Corefile: s.corefile, Custom: s.custom, Region: region, Host: host})); got != RowImport {
		t.Errorf("Judge gives rows %q", got)
	}
	if !s.start(t) {
		t.Fatal(s.log)
	}
	s.expect(t, host, "")
}

// server is a real CoreDNS with its folder.
type server struct {
	program, folder, address string
	corefile                 string
	custom                   map[string]string
	log                      *record
}

func prepare(t *testing.T, program string, custom map[string]string) *server {
	t.Helper()
	port := strconv.Itoa(freeport.Of(t))
	s := &server{program: program, folder: t.TempDir(), address: net.JoinHostPort("127.0.0.1", port), custom: map[string]string{}, log: &record{}}
	s.write(t, "zone", zoneFile)
	s.write(t, "Corefile", fmt.Sprintf(".:%s {\n    errors\n    file %s .\n    import custom/*.override\n}\nimport custom/*.server\n", port, filepath.Join(s.folder, "zone")))
	for key, text := range custom {
		s.custom[key] = strings.ReplaceAll(text, "PORT", ".:"+port)
		s.write(t, filepath.Join("custom", key), s.custom[key])
	}
	return s
}

func (s *server) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if name == "Corefile" {
		s.corefile = text
	}
}

// start tells whether CoreDNS answers before it exits. It ends with the test.
func (s *server) start(t *testing.T) bool {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, s.program, "-conf", filepath.Join(s.folder, "Corefile"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, s.log, s.log
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() { cancel(); <-ended })
	deadline := time.After(20 * time.Second)
	for {
		if _, _, err := s.ask(t, "nobody.example"); err == nil {
			return true
		}
		select {
		case <-ended:
			return false
		case <-deadline:
			t.Fatalf("CoreDNS neither answers nor ends: %s", s.log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// expect compares an answer: an address, the name of a failure, or nothing for a name that does not exist.
func (s *server) expect(t *testing.T, name, want string) {
	t.Helper()
	code, address, err := s.ask(t, name)
	switch {
	case err != nil:
		t.Errorf("%s: %v: %s", name, err, s.log)
	case want == "" && code != dnsmessage.RCodeNameError,
		want == "SERVFAIL" && code != dnsmessage.RCodeServerFailure,
		want != "" && want != "SERVFAIL" && address != want:
		t.Errorf("%s has answer %q with %v, want %q: %s", name, address, code, want, s.log)
	}
}

// ask sends one question for an address, without a resolver that would hide the code of the answer.
func (s *server) ask(t *testing.T, name string) (dnsmessage.RCode, string, error) {
	t.Helper()
	query := dnsmessage.Message{Header: dnsmessage.Header{ID: 7, RecursionDesired: true}, Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(name + "."), Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}}}
	packet, err := query.Pack()
	if err != nil {
		return 0, "", err
	}
	conn, err := net.Dial("udp", s.address)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
	if _, err := conn.Write(packet); err != nil {
		return 0, "", err
	}
	answer := make([]byte, 1500)
	n, err := conn.Read(answer)
	if err != nil {
		return 0, "", err
	}
	return decode(answer[:n])
}

func decode(packet []byte) (dnsmessage.RCode, string, error) {
	var m dnsmessage.Message
	if err := m.Unpack(packet); err != nil {
		return 0, "", err
	}
	for _, r := range m.Answers {
		if a, is := r.Body.(*dnsmessage.AResource); is {
			return m.RCode, net.IP(a.A[:]).String(), nil
		}
	}
	if m.RCode == dnsmessage.RCodeSuccess {
		return m.RCode, "", errors.New("an answer without an address")
	}
	return m.RCode, "", nil
}

// record keeps what a process says.
type record struct {
	mutex sync.Mutex
	text  bytes.Buffer
}

var _ io.Writer = (*record)(nil)

func (r *record) Write(p []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.Write(p)
}

func (r *record) String() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.text.String()
}
