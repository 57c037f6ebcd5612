package corefile

import "strings"

// target is the name that an override is meant for.
type target struct {
	// name is empty as long as the region is unknown.
	name   string
	domain string
	// regional says that the first label is a region, so that the same domain with another label is another region.
	regional bool
}

// aim finds the name from a host that may hold a placeholder in the place of the region.
func aim(host, region string) target {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	region = strings.ToLower(strings.ReplaceAll(region, " ", ""))
	label, domain, _ := strings.Cut(host, ".")
	t := target{name: host, domain: domain}
	t.regional = isPlaceholder(label) || region != "" && label == region || strings.HasPrefix(domain, "dp.kubernetesconfiguration.azure.")
	if !isPlaceholder(label) {
		return t
	}
	if t.name = ""; region != "" {
		t.name = region + "." + domain
	}
	return t
}

// isPlaceholder recognises what a guide leaves for the reader to fill in.
func isPlaceholder(label string) bool {
	return strings.ContainsAny(label, "<>[]") || label == "region"
}

func (t target) is(name string) bool { return t.name != "" && fqdn(name) == fqdn(t.name) }

// isDraftOf recognises the target with its region not filled in.
func (t target) isDraftOf(name string) bool {
	label, domain, _ := strings.Cut(strings.TrimSuffix(strings.ToLower(name), "."), ".")
	return t.regional && domain == t.domain && isPlaceholder(label)
}

// isSibling recognises the same service of another region.
func (t target) isSibling(name string) bool {
	label, domain, _ := strings.Cut(strings.TrimSuffix(strings.ToLower(name), "."), ".")
	return t.regional && t.name != "" && domain == t.domain && label != "*" && !t.is(name) && !isPlaceholder(label)
}
