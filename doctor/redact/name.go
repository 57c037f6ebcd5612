package redact

import (
	"slices"
	"strings"
)

// trust says what the name of a setting tells of its value.
type trust int

const (
	harmless  trust = iota
	certain         // the value is a secret
	likely          // it is one if it looks random: names such as key alone
	signature       // certain after = or in JSON, as in a SAS token; pass: and sig: are words
	header          // Authorization: a scheme, and credentials after it
	line            // everything that follows is part of it: cookies, connection strings
	encoded         // auth in a Docker configuration: user and password in base64
)

// name is what is known of the name of a setting.
type name struct {
	trust trust
	kind  string
}

// maxName is the longest name that is looked at; only its end counts.
const maxName = 80

// nameOf classifies a name in any of the styles db_password, DB-PASSWORD, dbPassword, db.password.
func nameOf(key string) name {
	if len(key) > maxName {
		key = key[len(key)-maxName:]
	}
	if key == "PWD" || key == "OLDPWD" { // the directory of a shell
		return name{}
	}
	if n := wholeName(key); n.kind != "" {
		return n
	}
	parts := split(key)
	for len(parts) > 1 && filler(parts[len(parts)-1]) {
		parts = parts[:len(parts)-1]
	}
	if len(parts) == 0 || aside(parts) {
		return name{}
	}
	return partsName(parts)
}

func wholeName(key string) name {
	if len(key) > 40 {
		return name{}
	}
	switch strings.ToLower(strings.Trim(key, "-_.")) {
	case "authorization", "proxy-authorization", "proxy_authorization", "x-ms-authorization-auxiliary", "http_authorization":
		return name{header, kindAuthorization}
	case "cookie", "set-cookie":
		return name{line, kindCookie}
	case "sig", "x-amz-signature", "x-goog-signature":
		return name{signature, kindSAS}
	case "pass":
		return name{signature, kindPassword}
	case "auth":
		return name{encoded, kindRegistry}
	case "dockerconfigjson", "dockercfg", "identitytoken", "registrytoken", "docker_auth_config":
		return name{certain, kindRegistry}
	case "accountkey", "sharedaccesskey", "storageaccountkey", "account_key", "shared_access_key":
		return name{certain, kindAzureKey}
	case "sharedaccesssignature", "sastoken", "sas", "sas_token", "sas-token":
		return name{certain, kindSAS}
	case "access-key", "access_key", "secret-key", "secret_key":
		return name{certain, kindKey}
	case "data", "name", "value", "message", "time", "level", "msg", "kind", "namespace", "http", "https":
		return name{harmless, "-"}
	}
	return name{}
}

// split cuts a name into its words in lower case. Of a name with dots only what follows the last one counts,
// unless that is the word key, as in tls.key.
func split(key string) []string {
	key = strings.Trim(key, "-_.")
	if dot := strings.LastIndexByte(key, '.'); dot >= 0 && !strings.EqualFold(key[dot+1:], "key") {
		key = key[dot+1:]
	}
	parts := make([]string, 0, 6)
	start := 0
	for i := 0; i <= len(key); i++ {
		switch {
		case i == len(key) || key[i] == '-' || key[i] == '_' || key[i] == '.':
			if i > start {
				parts = append(parts, strings.ToLower(key[start:i]))
			}
			start = i + 1
		case i > start && hump(key, i):
			parts = append(parts, strings.ToLower(key[start:i]))
			start = i
		}
	}
	return parts
}

// hump tells whether a word of camelCase begins at i: aB, or the B of ABc.
func hump(key string, i int) bool {
	if key[i] < 'A' || key[i] > 'Z' {
		return false
	}
	before := key[i-1]
	if before >= 'a' && before <= 'z' || before >= '0' && before <= '9' {
		return true
	}
	return before >= 'A' && before <= 'Z' && i+1 < len(key) && key[i+1] >= 'a' && key[i+1] <= 'z'
}

// filler are last words that do not change what a name means.
func filler(part string) bool {
	switch part {
	case "data", "value", "val", "base", "base64", "b64", "encoded", "raw", "plain", "text", "old", "new", "current",
		"previous", "primary", "secondary", "pem", "json", "0", "1", "2", "3", "hash", "override", "default", "literal":
		return true
	}
	return false
}

// aside tells whether a name is about a secret, not one: its name, its size, its place.
func aside(parts []string) bool {
	last := parts[len(parts)-1]
	switch last {
	case "name", "names", "ref", "refs", "reference", "id", "ids", "size", "expiry", "expiration", "expires", "ttl", "lifetime",
		"type", "kind", "path", "paths", "file", "files", "dir", "directory", "url", "uri", "urls", "endpoint", "endpoints", "host",
		"port", "address", "count", "length", "len", "enabled", "disabled", "version", "namespace", "policy", "algorithm", "alg",
		"issuer", "audience", "audiences", "mount", "volume", "volumes", "provider", "method", "format", "usage", "usages",
		"rotation", "bits", "class", "prefix", "suffix", "label", "selector", "status", "reason", "error", "errors", "created",
		"at", "time", "timestamp", "duration", "seconds", "minutes", "hours", "days", "in", "limit", "limits", "review", "reviews",
		"request", "requests", "controller", "operator", "adapter", "server", "driver", "store", "stores", "manager", "agent",
		"service", "required", "optional", "mode", "interval", "period", "vault", "subject", "scope", "scopes", "valid",
		"fingerprint", "thumbprint", "checksum", "digest", "identifier", "env", "field", "validator", "binding", "metadata",
		"strategy", "spec", "timeout", "schema", "webhook", "go", "py", "js", "ts", "rs", "java", "cs", "sh", "txt", "yaml", "yml", "list", "cache", "projected", "bytes":
		return !isID(parts)
	}
	return last == "cert" || last == "certificate" || slices.Contains(parts, "public")
}

// isID finds the identifiers that are half of a credential.
func isID(parts []string) bool {
	joined := strings.Join(parts, "")
	return strings.HasSuffix(joined, "accesskeyid") || strings.HasSuffix(joined, "secretid")
}
