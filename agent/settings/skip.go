package settings

import (
	"net/url"
	"strings"
)

// The keyword in a skip range that stands for the hub itself, as it stands for the service in the original.
const arcKeyword = "arc"

// skip returns what is reached without the proxy, in the words of NO_PROXY: names with all below them, names that begin
// with a dot, or a star and a dot, for what is below them alone, addresses, CIDR ranges, each with a port if need be. The cluster's own API
// server and pods are never reached through a proxy, whatever stands here.
func skip(said, hubURL string) string {
	parts := strings.FieldsFunc(said, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\t' || r == '\r' })
	for i, part := range parts {
		if strings.EqualFold(part, arcKeyword) {
			parts[i] = hostOf(hubURL)
		}
	}
	return strings.Join(parts, ",")
}

func hostOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return parsed.Hostname()
}
