package run

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// lookup asks every name server for one name, beside each other, within the time of one stage.
func lookup(ctx context.Context, name string, resolver wire.Resolver, plan wire.Plan) wire.Lookup {
	result := wire.Lookup{Name: name}
	servers := servers(resolver, plan.ClusterDNS)
	if len(servers) == 0 {
		result.Error = "no name server is known: " + resolver.Error
		return result
	}
	if over(ctx) {
		result.Error = notTried
		return result
	}
	ctx, cancel := context.WithTimeout(ctx, plan.Stage)
	defer cancel()
	answers := make(chan wire.Answer)
	for _, server := range servers {
		go func() { answers <- ask(ctx, server, name, resolver) }()
	}
	for range servers {
		result.Servers = append(result.Servers, <-answers)
	}
	slices.SortFunc(result.Servers, func(a, b wire.Answer) int {
		return slices.Index(servers, a.Server) - slices.Index(servers, b.Server)
	})
	return result
}

// firstAnswer asks one server after another, as the C library does, until one says anything.
func firstAnswer(ctx context.Context, name string, resolver wire.Resolver) wire.Answer {
	var answer wire.Answer
	for _, server := range servers(resolver, "") {
		answer = ask(ctx, server, name, resolver)
		if answer.RCode != wire.RCodeTimeout && answer.RCode != wire.RCodeError {
			break
		}
	}
	return answer
}

// ask follows the search path at one server, up to the first name with an address or to silence.
func ask(ctx context.Context, server, name string, resolver wire.Resolver) wire.Answer {
	answer := wire.Answer{Server: server}
	var given wire.Query
	names := candidates(name, resolver)
	for _, candidate := range names {
		query := askBoth(ctx, server, candidate, &answer)
		if given.Name == "" || candidate == name+"." {
			given = query
		}
		silent := query.RCode == wire.RCodeTimeout || query.RCode == wire.RCodeError
		if silent || len(query.Addresses) > 0 {
			given = query
			break
		}
	}
	answer.Name, answer.RCode, answer.Addresses, answer.CNAMEs = given.Name, given.RCode, given.Addresses, given.CNAMEs
	return answer
}

// askBoth asks for IPv4, and for IPv6 where there is none of it.
func askBoth(ctx context.Context, server, name string, answer *wire.Answer) wire.Query {
	query := exchange(ctx, server, name, dnsmessage.TypeA)
	answer.Queries = append(answer.Queries, query)
	if query.RCode != codeName(dnsmessage.RCodeSuccess) || len(query.Addresses) > 0 {
		return query
	}
	six := exchange(ctx, server, name, dnsmessage.TypeAAAA)
	answer.Queries = append(answer.Queries, six)
	if len(six.Addresses) > 0 {
		return six
	}
	return query
}

// servers are those of resolv.conf and the cluster's own, each with its port, none twice.
func servers(resolver wire.Resolver, more string) []string {
	var found []string
	for _, server := range append(slices.Clone(resolver.NameServers), more) {
		if server == "" {
			continue
		}
		if _, err := netip.ParseAddrPort(server); err != nil {
			server = net.JoinHostPort(server, "53")
		}
		if !slices.Contains(found, server) {
			found = append(found, server)
		}
	}
	return found
}
