package run

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// maxRecords bounds what is read of one reply.
const maxRecords = 128

var errForeign = errors.New("the message answers another question")

// reply is what a name server answered.
type reply struct {
	code      dnsmessage.RCode
	truncated bool
	addresses []string
	chain     []string // the names that the one asked for stands for, in order
}

// parseReply reads the answer to what was asked.
func parseReply(packet []byte, asked dnsmessage.Message) (reply, error) {
	var parser dnsmessage.Parser
	header, err := parser.Start(packet)
	if err != nil {
		return reply{}, fmt.Errorf("read the reply: %w", err)
	}
	if header.ID != asked.ID || !header.Response {
		return reply{}, errForeign
	}
	answered := reply{code: header.RCode, truncated: header.Truncated}
	// Servers that refuse or fail may leave the question out.
	switch got, err := parser.Question(); {
	case errors.Is(err, dnsmessage.ErrSectionDone) && header.RCode != dnsmessage.RCodeSuccess:
		return answered, nil
	case err != nil:
		return reply{}, fmt.Errorf("read the reply's question: %w", err)
	case !same(got, asked.Questions[0]):
		return reply{}, errForeign
	}
	if header.Truncated {
		return answered, nil
	}
	if err := parser.SkipAllQuestions(); err != nil {
		return reply{}, fmt.Errorf("read the reply's question: %w", err)
	}
	aliases, err := answered.read(&parser)
	if err != nil {
		return reply{}, fmt.Errorf("read the reply's records: %w", err)
	}
	answered.follow(asked.Questions[0].Name.String(), aliases)
	return answered, nil
}

func same(a, b dnsmessage.Question) bool {
	return a.Type == b.Type && a.Class == b.Class && strings.EqualFold(a.Name.String(), b.Name.String())
}

// read collects addresses, and aliases by name.
func (r *reply) read(parser *dnsmessage.Parser) (map[string]string, error) {
	aliases := map[string]string{}
	for range maxRecords {
		record, err := parser.Answer()
		if errors.Is(err, dnsmessage.ErrSectionDone) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch body := record.Body.(type) {
		case *dnsmessage.AResource:
			r.addresses = append(r.addresses, netip.AddrFrom4(body.A).String())
		case *dnsmessage.AAAAResource:
			r.addresses = append(r.addresses, netip.AddrFrom16(body.AAAA).String())
		case *dnsmessage.CNAMEResource:
			aliases[strings.ToLower(record.Header.Name.String())] = body.CNAME.String()
		}
	}
	return aliases, nil
}

// follow walks the aliases from the name that was asked for; one that leads back is followed once.
func (r *reply) follow(name string, aliases map[string]string) {
	for {
		key := strings.ToLower(name)
		next, found := aliases[key]
		if !found {
			return
		}
		delete(aliases, key)
		r.chain = append(r.chain, plain(strings.TrimSuffix(next, ".")))
		name = next
	}
}

// codeName is the code as name servers' own tools print it.
func codeName(code dnsmessage.RCode) string {
	switch code {
	case dnsmessage.RCodeSuccess:
		return "NOERROR"
	case dnsmessage.RCodeFormatError:
		return "FORMERR"
	case dnsmessage.RCodeServerFailure:
		return "SERVFAIL"
	case dnsmessage.RCodeNameError:
		return "NXDOMAIN"
	case dnsmessage.RCodeNotImplemented:
		return "NOTIMP"
	case dnsmessage.RCodeRefused:
		return "REFUSED"
	}
	return fmt.Sprintf("RCODE%d", code)
}
