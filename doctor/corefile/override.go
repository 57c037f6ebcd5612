package corefile

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

const (
	// OverrideKey is the key of coredns-custom that holds our override if no other key has a hosts block.
	OverrideKey = "extensionsdp.override"

	// With its first line, a block that we wrote as a whole can be recognised and taken away as a whole.
	opening          = "# Written by fairlead doctor, which can remove it again.\nhosts {"
	closing          = "\n    fallthrough\n}\n"
	addedFallthrough = "\n    fallthrough # added by fairlead doctor"
)

// RefusedError says why an override is not written or not removed.
type RefusedError struct {
	Reason   string
	Problems []Problem
}

// Error implements error.
func (e *RefusedError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "the overrides of CoreDNS are left as they are: %s", e.Reason)
	for _, p := range e.Problems {
		fmt.Fprintf(&text, "; %s line %d", p.Key, p.Line)
		for _, name := range slices.Sorted(maps.Keys(p.Captures)) {
			fmt.Fprintf(&text, " %s=%q", name, p.Captures[name])
		}
	}
	return text.String()
}

// Override returns the data of coredns-custom with a host sent to an address. See OverrideIn.
func Override(existing map[string]string, host string, address netip.Addr) (map[string]string, error) {
	return OverrideIn("", existing, host, address)
}

// OverrideIn is Override with the Corefile known, so that a hosts block in it and a missing import are found before
// they do harm. If another key has a hosts block, the line goes there, because CoreDNS allows one block only. What
// is returned has been judged; what would not work is refused with a *RefusedError. An override that is there already
// is returned as it is.
func OverrideIn(corefile string, existing map[string]string, host string, address netip.Addr) (map[string]string, error) {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	address = address.Unmap().WithZone("")
	if err := checkTarget(host, address); err != nil {
		return nil, err
	}
	if err := mustStart(corefile, existing, host); err != nil {
		return nil, err
	}
	updated := maps.Clone(existing)
	if updated == nil {
		updated = map[string]string{}
	}
	key, text, err := place(corefile, existing, host, address)
	if err != nil {
		return nil, err
	}
	updated[key] = text
	if err := verify(corefile, existing, updated, host, address); err != nil {
		return nil, err
	}
	return updated, nil
}

func checkTarget(host string, address netip.Addr) error {
	if !address.IsValid() || address.IsUnspecified() || address.IsMulticast() {
		return &RefusedError{Reason: fmt.Sprintf("%s is not the address of a host", address)}
	}
	if badZone(host, host) != "" || !strings.Contains(host, ".") || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" {
		return &RefusedError{Reason: fmt.Sprintf("%q is not the full name of a host", host)}
	}
	return nil
}

// mustStart refuses to add to a configuration that CoreDNS cannot start with.
func mustStart(corefile string, custom map[string]string, host string) error {
	problems := slices.DeleteFunc(Judge(Input{Corefile: corefile, Custom: custom, Host: host}), func(p Problem) bool {
		return p.Row != RowTwice && p.Row != RowSyntax
	})
	if len(problems) > 0 {
		return &RefusedError{"CoreDNS cannot start with what is there; put that right first", problems}
	}
	return nil
}

// place finds the key that the line belongs in and gives its new text.
func place(corefile string, existing map[string]string, host string, address netip.Addr) (key, text string, err error) {
	for _, block := range merge(corefile, existing).hosts() {
		if !strings.HasSuffix(block.file, overrideSuffix) || !block.serves(host) {
			continue
		}
		r := rewrite{text: existing[block.key()], block: block, target: aim(host, ""), own: block.key() == OverrideKey}
		text, err = r.pin(address)
		return block.key(), text, err
	}
	whole := opening + fmt.Sprintf("\n    %s %s", address, host) + closing
	return OverrideKey, whole + existing[OverrideKey], nil
}

// verify judges what would be written: it must start, have effect, and hold no new mistake.
func verify(corefile string, before, after map[string]string, host string, address netip.Addr) error {
	input := func(custom map[string]string) Input {
		return Input{Corefile: corefile, Custom: custom, Host: host, PublicAddresses: []netip.Addr{address}}
	}
	old := Judge(input(before))
	problems := slices.DeleteFunc(Judge(input(after)), func(p Problem) bool {
		known := slices.ContainsFunc(old, func(q Problem) bool { return p.Row == q.Row && p.Key == q.Key && maps.Equal(p.Captures, q.Captures) })
		return known && p.Row != RowStale && p.Row != RowImport
	})
	if len(problems) > 0 {
		return &RefusedError{"the result would not work", problems}
	}
	pinned := slices.ContainsFunc(merge(corefile, after).hosts(), func(h hosts) bool {
		return h.serves(host) && slices.ContainsFunc(h.entries, func(e entry) bool { return e.pins(aim(host, ""), address) })
	})
	if !pinned {
		return &RefusedError{Reason: "CoreDNS would not find the line in what is there"}
	}
	return nil
}

func (e entry) pins(t target, address netip.Addr) bool {
	addr, valid := e.addr()
	return valid && addr == address && slices.ContainsFunc(e.names(), func(n token) bool { return t.is(n.text) })
}
