package redact

import (
	"encoding/base64"
	"slices"
	"strings"
)

// partsName looks for a word that means secret.
func partsName(parts []string) name {
	if isID(parts) {
		return name{certain, kindAWS}
	}
	if n := joinedName(parts); n.kind != "" {
		return n
	}
	for _, part := range slices.Backward(parts) {
		if n := term(part); n.kind != "" {
			return plural(parts, n)
		}
	}
	last := parts[len(parts)-1]
	switch {
	case last == "key" || last == "keys":
		return keyName(parts)
	case (last == "pat" || last == "pass" || last == "pw" || last == "cred" || last == "creds") && len(parts) > 1:
		return name{certain, kindCredential}
	}
	return name{}
}

// joinedName finds terms of several words.
func joinedName(parts []string) name {
	if len(parts) < 2 {
		return name{}
	}
	switch strings.Join(parts[len(parts)-2:], "") {
	case "connectionstring", "connectionstrings", "connstring", "connstr":
		return name{line, kindConnection}
	case "accountkey", "accesskey", "sharedkey":
		if slices.Contains(parts, "secret") || slices.Contains(parts, "aws") {
			return name{certain, kindAWS}
		}
		return name{certain, kindAzureKey}
	case "existingsecret", "pullsecret", "pullsecrets", "tlssecret", "imagesecrets":
		return name{harmless, "-"}
	}
	return name{}
}

// term classifies one word; words may be written together, as in dbpassword.
func term(part string) name {
	for _, end := range []string{"password", "passwords", "passwd", "passphrase", "pwd"} {
		if strings.HasSuffix(part, end) {
			return name{certain, kindPassword}
		}
	}
	for _, end := range []string{"token", "tokens"} {
		if strings.HasSuffix(part, end) {
			return name{certain, kindToken}
		}
	}
	for _, end := range []string{"apikey", "accesskey", "secretkey", "privatekey", "accountkey", "sharedkey", "authkey", "masterkey", "encryptionkey"} {
		if strings.HasSuffix(part, end) {
			return name{certain, kindKey}
		}
	}
	switch {
	case strings.HasSuffix(part, "connectionstring") || part == "connstr":
		return name{line, kindConnection}
	case strings.HasSuffix(part, "secret") || strings.HasSuffix(part, "secrets"):
		return name{certain, kindSecret}
	case strings.HasSuffix(part, "credential") || strings.HasSuffix(part, "credentials"):
		return name{certain, kindCredential}
	case part == "sas":
		return name{certain, kindSAS}
	}
	return name{}
}

// plural tells lists of the names of secrets and counts of tokens from secrets.
func plural(parts []string, n name) name {
	last := parts[len(parts)-1]
	if last == "secrets" && len(parts) == 1 || last == "tokens" && len(parts) > 1 && quantity(parts[0]) {
		return name{likely, n.kind}
	}
	return n
}

func quantity(part string) bool {
	switch part {
	case "max", "min", "num", "burst", "total", "used", "input", "output", "available":
		return true
	}
	return false
}

// keyName tells keys that open something from keys of maps.
func keyName(parts []string) name {
	if len(parts) == 1 {
		return name{likely, kindKey}
	}
	switch parts[len(parts)-2] {
	case "topology", "label", "annotation", "taint", "map", "config", "configmap", "object", "partition", "sort", "group", "cache", "index",
		"row", "routing", "node", "registry", "metadata", "lookup", "unique", "foreign", "field", "property", "value", "env", "data",
		"item", "sorting", "missing", "required", "hot", "any", "for", "toleration", "resource", "queue", "work", "duplicate", "idempotency":
		return name{likely, kindKey}
	}
	return name{certain, kindKey}
}

// covers tells whether a value is a secret, given the name before it.
func (n name) covers(value string) bool {
	switch n.trust {
	case harmless:
		return false
	case likely:
		return len(value) >= 16 && !strings.ContainsAny(value, " :") && random(value, 16)
	case encoded:
		return isAuth(value)
	case signature: // pass may also be a result that is counted
		return len(value) > 5 || strings.Trim(value, "0123456789") != ""
	default:
		return n.kind != kindKey || !fileName(value)
	}
}

// isAuth tells base64 of user:password from words such as basic.
func isAuth(value string) bool {
	plain, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(value, "="))
	if err == nil && strings.Contains(string(plain), ":") {
		return true
	}
	return len(value) >= 12 && random(value, 12)
}

// fileName recognises the path of a key: kubeconfigs have it under the name that could hold the key.
func fileName(value string) bool {
	for _, end := range []string{".key", ".pem", ".crt", ".pub"} {
		if strings.HasSuffix(value, end) {
			return !strings.ContainsAny(value, " \n=+")
		}
	}
	return false
}

// mute tells values that hold nothing: empty, switches, placeholders, what is masked already.
func mute(value string) bool {
	value = strings.TrimSpace(value)
	if value == "" || strings.Trim(value, "*") == "" || len(value) > 2 && strings.Trim(value, "xX") == "" {
		return true
	}
	if len(value) <= 12 {
		switch strings.ToLower(value) {
		case "true", "false", "null", "nil", "none", "~", "<nil>", "<none>", "<unset>", "<set>", "yes", "no", "redacted", "[redacted]", "<redacted>", "<omitted>", "[]", "{}", "|", ">", "|-", ">-":
			return true
		}
	}
	return reference(value)
}

// reference tells $(NAME), ${NAME}, {{ .Values.name }} and the guides' <name>.
func reference(value string) bool {
	for _, pair := range [][2]string{{"$(", ")"}, {"${", "}"}, {"{{", "}}"}, {"<", ">"}} {
		inner, ok := strings.CutPrefix(value, pair[0])
		if !ok {
			continue
		}
		inner, ok = strings.CutSuffix(inner, pair[1])
		if ok && plainName(strings.TrimSpace(inner)) {
			return true
		}
	}
	return false
}

func plainName(s string) bool {
	letters := 0
	for _, c := range s {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters++
		case c != '_' && c != '-' && c != '.' && c != ' ' && (c < '0' || c > '9'):
			return false
		}
	}
	return letters > 0 && (letters*2 > len(s))
}
