package redact

import (
	"crypto/x509"
	"encoding/base64"
	"strings"
)

// minRandom is the length from which on a random string counts as a secret although nothing says so.
const minRandom = 40

// runs finds the parts of a word that can be base64 or hexadecimal.
func (t *text) runs(i, end int) {
	for i < end {
		stop := i
		for stop < end && t.s[stop] != '.' && t.s[stop] != '~' {
			stop++
		}
		if stop-i >= minRandom {
			t.run(i, stop)
		}
		i = stop + 1
	}
}

func (t *text) run(start, stop int) {
	raw := t.s[start:stop]
	if public, kind := encodedBlock(raw); public || kind != "" {
		if kind != "" {
			t.addShape(start, t.padded(stop), kind)
		}
		return
	}
	if stop-start <= 48 && sshPrint(t.s[:start]) {
		return
	}
	from := start
	for i := start; i < stop; {
		end := t.segment(i, stop)
		switch {
		case end-i >= minRandom && isHex(t.s[i:end]):
			t.part(from, i)
			t.hex(i, end)
			from = end
		case uuidAt(t.s[:stop], i):
			t.part(from, i)
			end = i + 36
			from = end
		}
		i = max(end, i+1)
	}
	t.part(from, stop)
}

// segment returns the end of the letters and digits at i.
func (t *text) segment(i, stop int) int {
	for i < stop && t.class.is(t.s[i], lower|upper|digit) {
		i++
	}
	return i
}

func uuidAt(s string, i int) bool {
	if len(s) < i+36 || s[i+8] != '-' || s[i+13] != '-' || s[i+18] != '-' || s[i+23] != '-' {
		return false
	}
	return isHex(s[i:i+8]) && isHex(s[i+24:i+36])
}

// part notes a part of a run if it is random.
func (t *text) part(start, end int) {
	if end-start >= minRandom && random(decoded(t.s[start:end]), minRandom) {
		t.addShape(start, t.padded(end), kindRandom)
	}
}

// hex notes a long number, unless the words before it say that it names something.
func (t *text) hex(start, end int) {
	if spread(t.s[start:end], 5) && !t.naming(start, end-start) {
		t.addShape(start, end, kindRandom)
	}
}

// decoded takes out what URLs and JSON put into base64.
func decoded(s string) string {
	if strings.ContainsAny(s, `%\`) {
		return strings.NewReplacer("%2B", "+", "%2b", "+", "%2F", "/", "%2f", "/", "%3D", "=", "%3d", "=", "%", "/", `\/`, "/", `\u002b`, "+", `\u002B`, "+", `\u002f`, "/", `\u002F`, "/").Replace(s)
	}
	return s
}

// encodedBlock looks into base64 of PEM and of certificates: these are public, private keys are not.
func encodedBlock(raw string) (public bool, kind string) {
	pem := strings.HasPrefix(raw, "LS0tLS1CRUdJTi")
	if !pem && !strings.HasPrefix(raw, "MI") {
		return false, ""
	}
	raw = decoded(raw)
	plain := make([]byte, base64.RawStdEncoding.DecodedLen(len(raw)))
	n, err := base64.RawStdEncoding.Decode(plain, []byte(raw))
	plain = plain[:n]
	if !pem {
		_, invalid := x509.ParseCertificate(plain)
		return err == nil && invalid == nil, ""
	}
	if strings.Contains(string(plain), privateKey) {
		return false, kindPrivateKey
	}
	return strings.Contains(string(plain), "BEGIN CERTIFICATE") || strings.Contains(string(plain), "PUBLIC KEY"), ""
}

// sshPrint recognises the mark of a fingerprint in base64.
func sshPrint(before string) bool {
	return strings.HasSuffix(before, "SHA256:") || strings.HasSuffix(before, "sha256:")
}

// naming tells digests, revisions and the identities of containers, which checks and people need.
func (t *text) naming(start, length int) bool {
	before := strings.ToLower(t.s[max(0, start-48):start])
	if strings.HasSuffix(before, ":") && (strings.HasSuffix(before, "sha256:") || strings.HasSuffix(before, "sha512:") || strings.HasSuffix(before, "sha384:") || strings.HasSuffix(before, "sha1:")) {
		return true
	}
	if length != 40 && length != 64 && length != 96 && length != 128 {
		return false
	}
	if line := strings.LastIndexByte(before, '\n'); line >= 0 {
		before = before[line+1:]
	}
	return !mentions(before, "password", "secret", "token", "credential", "apikey", "api key", "passwd") &&
		mentions(before, "revision", "commit", "sha1", "sha256", "sha512", "digest", "image", "containerd", "docker:", "cri-o", "sandbox",
			"container", "shim ", " id=", "fingerprint", "thumbprint", "serial", "checksum", "layer", "blob", "refs/", "heads/", "main/", "main@", "master/",
			"master@", "head", "/tree/", "kubepods", "hash", "identifier", "snapshot")
}

func mentions(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
