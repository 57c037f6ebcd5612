package corefile

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Remove returns the data of coredns-custom with no override for a host: the exact reverse of Override where the host
// had none before. A key that holds the host but cannot be read is refused with a *RefusedError.
func Remove(existing map[string]string, host string) (map[string]string, error) {
	updated := maps.Clone(existing)
	for _, key := range slices.Sorted(maps.Keys(existing)) {
		if !strings.HasSuffix(key, overrideSuffix) {
			continue
		}
		text, err := removeFrom(key, existing[key], host)
		if err != nil {
			return nil, err
		}
		updated[key] = text
		if key == OverrideKey && text == "" && existing[key] != "" {
			delete(updated, key)
		}
	}
	return updated, nil
}

func removeFrom(key, text, host string) (string, error) {
	alone := merge("", map[string]string{key: text})
	if len(alone.refused) > 0 {
		if !strings.Contains(strings.ToLower(text), strings.ToLower(host)) {
			return text, nil
		}
		return "", &RefusedError{Reason: fmt.Sprintf("the key %s cannot be read, remove the host by hand: %v", key, alone.refused[0])}
	}
	for _, block := range alone.hosts() {
		if !block.pins(aim(host, "")) || keyOf(block.file) != key {
			continue
		}
		r := rewrite{text: text, block: block, target: aim(host, ""), own: key == OverrideKey}
		return r.unpin(), nil
	}
	return text, nil
}
