package run

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

const (
	maxResolvConf = 64 << 10
	maxNdots      = 15 // as in the C library
	maxServers    = 3  // as in the C library
	maxSearch     = 32 // as in Kubernetes
)

func readResolvConf(path string) wire.Resolver {
	file, err := os.Open(path) //nolint:gosec // the machine's own, or a test's
	if err != nil {
		return wire.Resolver{Error: fmt.Sprintf("the resolver's configuration cannot be read: %v", err)}
	}
	defer file.Close()
	return parseResolvConf(file)
}

func parseResolvConf(r io.Reader) wire.Resolver {
	resolver := wire.Resolver{Ndots: 1}
	text, err := io.ReadAll(io.LimitReader(r, maxResolvConf))
	if err != nil {
		resolver.Error = fmt.Sprintf("the resolver's configuration cannot be read: %v", err)
	}
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		switch words[0] {
		case "nameserver":
			resolver.NameServers = append(resolver.NameServers, words[1])
		case "domain", "search": // the last one counts
			resolver.Search = words[1:]
		case "options":
			resolver.Options = append(resolver.Options, words[1:]...)
		}
	}
	resolver.NameServers = resolver.NameServers[:min(len(resolver.NameServers), maxServers)]
	resolver.Search = resolver.Search[:min(len(resolver.Search), maxSearch)]
	for _, option := range resolver.Options {
		if dots, found := strings.CutPrefix(option, "ndots:"); found {
			resolver.Ndots = ndots(dots)
		}
	}
	return resolver
}

func ndots(text string) int {
	dots, err := strconv.Atoi(text)
	if err != nil || dots < 0 {
		return 1
	}
	return min(dots, maxNdots)
}

// candidates are the names that are tried for one name, in the order of the C library.
func candidates(name string, resolver wire.Resolver) []string {
	if strings.HasSuffix(name, ".") {
		return []string{name}
	}
	var searched []string
	for _, domain := range resolver.Search {
		searched = append(searched, strings.TrimSuffix(name+"."+strings.Trim(domain, "."), ".")+".")
	}
	if strings.Count(name, ".") >= resolver.Ndots {
		return append([]string{name + "."}, searched...)
	}
	return append(searched, name+".")
}
