package corefile

import (
	"maps"
	"slices"
)

// Pin is one line of a hosts block: names that are sent to an address. The address is as written and may be none.
type Pin struct {
	Key     string
	Line    int
	Address string
	Names   []string
}

// Pinned lists what the overrides in coredns-custom pin, in the order in which CoreDNS imports them.
func Pinned(custom map[string]string) []Pin {
	var pins []Pin
	for _, key := range slices.Sorted(maps.Keys(custom)) {
		for _, block := range merge("", map[string]string{key: custom[key]}).hosts() {
			for _, e := range block.entries {
				pins = append(pins, Pin{key, e.words[0].line, e.address(), texts(e.names())})
			}
		}
	}
	return pins
}
