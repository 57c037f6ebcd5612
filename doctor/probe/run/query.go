package run

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	tries      = 2
	tryTime    = 2 * time.Second
	maxMessage = 64 << 10
)

// exchange asks one server one question over UDP, and again over TCP when the answer does not fit.
func exchange(ctx context.Context, server, name string, kind dnsmessage.Type) wire.Query {
	started := time.Now()
	query := wire.Query{Name: name, Type: strings.TrimPrefix(kind.String(), "Type")}
	reply, overTCP, err := send(ctx, server, name, kind)
	query.Millis, query.TCP = time.Since(started).Milliseconds(), overTCP
	switch {
	case err == nil:
		query.RCode, query.Addresses, query.CNAMEs = codeName(reply.code), reply.addresses, reply.chain
	case reason(err) == wire.ReasonTimeout:
		query.RCode, query.Error = wire.RCodeTimeout, err.Error()
	default:
		query.RCode, query.Error = wire.RCodeError, err.Error()
	}
	return query
}

func send(ctx context.Context, server, name string, kind dnsmessage.Type) (answered reply, overTCP bool, err error) {
	asked, message, err := question(name, kind)
	if err != nil {
		return reply{}, false, err
	}
	for range tries {
		answered, err = attempt(ctx, "udp", server, asked, message)
		if err == nil && answered.truncated {
			answered, err = attempt(ctx, "tcp", server, asked, message)
			return answered, true, err
		}
		if err == nil || ctx.Err() != nil {
			return answered, false, err
		}
	}
	return reply{}, false, err
}

// question packs a question under a number that cannot be guessed.
func question(name string, kind dnsmessage.Type) (dnsmessage.Message, []byte, error) {
	full, err := dnsmessage.NewName(name)
	if err != nil {
		return dnsmessage.Message{}, nil, fmt.Errorf("the name %q cannot be asked for: %w", plain(name), err)
	}
	var id [2]byte
	_, _ = rand.Read(id[:]) // never fails
	message := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: full, Type: kind, Class: dnsmessage.ClassINET}},
	}
	packed, err := message.Pack()
	if err != nil {
		return dnsmessage.Message{}, nil, fmt.Errorf("the name %q cannot be asked for: %w", plain(name), err)
	}
	return message, packed, nil
}

func attempt(ctx context.Context, network, server string, asked dnsmessage.Message, message []byte) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, server)
	if err != nil {
		return reply{}, fmt.Errorf("ask %s: %w", server, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	transfer := datagram
	if network == "tcp" {
		transfer = stream
	}
	answered, err := transfer(conn, asked, message)
	if err != nil {
		return reply{}, fmt.Errorf("ask %s: %w", server, err)
	}
	return answered, nil
}

// datagram waits for the packet that answers, past those that do not.
func datagram(conn net.Conn, asked dnsmessage.Message, message []byte) (reply, error) {
	if _, err := conn.Write(message); err != nil {
		return reply{}, err
	}
	packet := make([]byte, maxMessage)
	for {
		n, err := conn.Read(packet)
		if err != nil {
			return reply{}, err
		}
		answered, err := parseReply(packet[:n], asked)
		if err == nil || !errors.Is(err, errForeign) {
			return answered, err
		}
	}
}

func stream(conn net.Conn, asked dnsmessage.Message, message []byte) (reply, error) {
	if _, err := conn.Write(slices.Concat(binary.BigEndian.AppendUint16(nil, uint16(len(message))), message)); err != nil { //nolint:gosec // a name has at most 255 bytes
		return reply{}, err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return reply{}, err
	}
	packet := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, packet); err != nil {
		return reply{}, err
	}
	return parseReply(packet, asked)
}
