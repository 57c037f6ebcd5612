package cause

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/fairlead/fairlead"
)

// What of an explanation goes to the hub, at most.
const (
	maxMessage  = 2 << 10
	maxEntry    = 1 << 10
	maxEvidence = 12
	maxRemedies = 8
)

// protected stands where a protected setting stood.
const protected = "<protected setting>"

// tidy takes protected settings out of all texts, and bounds them. The order matters: what is left of a setting that was cut
// in two would no longer be known.
func tidy(found fairlead.ExtensionError, secrets []string) fairlead.ExtensionError {
	hide := hider(secrets)
	found.Message = bound(hide(found.Message), maxMessage)
	found.Cause = bound(hide(found.Cause), maxMessage)
	found.Target = bound(hide(found.Target), maxEntry)
	found.Evidence = entries(found.Evidence, maxEvidence, hide)
	found.Remedies = entries(found.Remedies, maxRemedies, hide)
	return found
}

// ofPod are the remedies that look at one pod.
var ofPod = regexp.MustCompile(`^kubectl (?:describe pod|logs) [^/ ]+ -n `)

// PutBack returns an explanation for after a roll-back, which has ended the pods that failed: nobody is sent to look at them.
func PutBack(found fairlead.ExtensionError) fairlead.ExtensionError {
	found.Remedies = slices.DeleteFunc(slices.Clone(found.Remedies), ofPod.MatchString)
	return found
}

func entries(all []string, most int, hide func(string) string) []string {
	var kept []string
	for _, entry := range all {
		entry = bound(hide(entry), maxEntry)
		if entry != "" && !slices.Contains(kept, entry) && len(kept) < most {
			kept = append(kept, entry)
		}
	}
	return kept
}

func bound(text string, most int) string {
	text = strings.ToValidUTF8(strings.TrimSpace(text), "?")
	if len(text) <= most {
		return text
	}
	cut := most - len("…")
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// hider returns what replaces secrets, in whatever form they are written. The longest come first, so that one that is in
// another leaves nothing of it.
func hider(secrets []string) func(string) string {
	var forms []string
	for _, secret := range secrets {
		forms = append(forms, spellings(secret)...)
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	forms = slices.Compact(forms)
	return func(text string) string {
		for _, form := range forms {
			text = hide(text, form)
		}
		return text
	}
}

// short is the length below which a secret counts only where it stands alone: replacing every 1 would leave nothing to read.
const short = 4

func hide(text, secret string) string {
	if len(secret) >= short {
		return strings.ReplaceAll(text, secret, protected)
	}
	alone := regexp.MustCompile(`(^|[^\pL\pN_])` + regexp.QuoteMeta(secret) + `($|[^\pL\pN_])`)
	for range 2 { // neighbours share the character between them
		text = alone.ReplaceAllString(text, "${1}"+protected+"${2}")
	}
	return text
}

// spellings are the ways in which a value appears in messages and logs: as it is, in one line, escaped, encoded, and line by
// line when it has several.
func spellings(secret string) []string {
	secret = strings.TrimSpace(secret)
	if secret == "" {
		return nil
	}
	all := []string{secret, strings.Join(strings.Fields(secret), " "), url.QueryEscape(secret), url.PathEscape(secret)}
	if quoted, err := json.Marshal(secret); err == nil {
		all = append(all, string(quoted[1:len(quoted)-1]))
	}
	quoted := strconv.Quote(secret)
	all = append(all, quoted[1:len(quoted)-1])
	for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		all = append(all, encoding.EncodeToString([]byte(secret)))
	}
	for line := range strings.SplitSeq(secret, "\n") {
		if line = strings.TrimSpace(line); len(line) >= 2*short && line != secret {
			all = append(all, line)
		}
	}
	return all
}
