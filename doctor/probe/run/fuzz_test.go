package run

import (
	"bufio"
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

func FuzzParseReply(f *testing.F) {
	asked, packed, err := question("a.test.", dnsmessage.TypeA)
	if err != nil {
		f.Fatal(err)
	}
	asked.ID = 7
	z := zone{
		"a.test.": {cname: "b.test.", a: []string{"10.0.0.1"}}, "nx.test.": {code: dnsmessage.RCodeNameError}, "long.test.": {long: true},
	}
	packed[0], packed[1] = 0, 7
	f.Add(packed)
	for name := range z {
		_, packed, _ := question(name, dnsmessage.TypeA)
		packed[0], packed[1] = 0, 7
		f.Add(z.answer(packed, "udp")[0])
	}
	f.Add([]byte{0, 7, 0x80, 5, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, packet []byte) {
		got, err := parseReply(packet, asked)
		if err != nil {
			return
		}
		if len(got.addresses) > maxRecords || len(got.chain) > maxRecords {
			t.Errorf("%d addresses, chain of %d", len(got.addresses), len(got.chain))
		}
		for _, address := range got.addresses {
			if _, err := netip.ParseAddr(address); err != nil {
				t.Errorf("address %q", address)
			}
		}
	})
}

func FuzzReadHead(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\nbody",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200\r\n\r\n", "HTTP/1.1 99 No\n\n", "SSH-2.0-x\r\n", "HTTP/1.1 200 OK\r\nbroken\r\n\r\n", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		source := bytes.NewReader(sent)
		ahead := bufio.NewReader(source)
		got, err := readHead(ahead)
		if err != nil {
			return
		}
		if got.status < 100 || got.status > 999 {
			t.Errorf("status %d", got.status)
		}
		// What follows the head is the tunnel's, to the byte.
		end := len(sent) - source.Len() - ahead.Buffered()
		if read := string(sent[:end]); !strings.HasSuffix(read, "\n\n") && !strings.HasSuffix(read, "\n\r\n") {
			t.Errorf("the head ends with %q", read)
		}
		stage := wire.Stage{Detail: map[string]string{}}
		got.tell(&stage)
		for key, value := range stage.Detail {
			if len(value) > maxDetail || strings.ContainsAny(value, "\n\x00\x1b") {
				t.Errorf("%s: %q", key, value)
			}
		}
	})
}

func FuzzParseResolvConf(f *testing.F) {
	f.Add("nameserver 10.96.0.10\nsearch a b\noptions ndots:5")
	f.Add("options ndots:-1\nsearch . ..\n")
	f.Fuzz(func(t *testing.T, text string) {
		resolver := parseResolvConf(strings.NewReader(text))
		if resolver.Ndots < 0 || resolver.Ndots > maxNdots || len(resolver.NameServers) > maxServers {
			t.Errorf("%+v", resolver)
		}
		for _, name := range candidates("a", resolver) {
			if !strings.HasSuffix(name, ".") {
				t.Errorf("candidate %q", name)
			}
		}
	})
}
