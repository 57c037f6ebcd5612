package blob

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What a SAS token may permit.
const (
	read = "r"
	list = "l"
)

const (
	sasTime    = "2006-01-02T15:04:05Z"
	sasVersion = "2024-11-04"
	// By how much the time of a signed request may be off.
	drift = 15 * time.Minute
)

// judge says why a request is refused, nil if it is not.
func (c *Container) judge(r *http.Request, container, wanted string) *refusal {
	query := r.URL.Query()
	switch {
	case r.Header.Get("Authorization") != "":
		return c.judgeKey(r)
	case query.Has("sig"):
		return c.judgeToken(query, container, wanted)
	default:
		return &refusal{Code: "PublicAccessNotPermitted", Message: "Public access is not permitted on this storage account.", status: http.StatusConflict}
	}
}

func (c *Container) judgeKey(r *http.Request) *refusal {
	at, err := http.ParseTime(r.Header.Get("X-Ms-Date"))
	if err != nil || time.Since(at).Abs() > drift {
		return unauthenticated("Request date header too old: '" + r.Header.Get("X-Ms-Date") + "'")
	}
	signed := c.signed(r)
	given := r.Header.Get("Authorization")
	if !hmac.Equal([]byte(given), []byte("SharedKey "+c.account+":"+c.signature(signed))) {
		return unauthenticated("The MAC signature found in the HTTP request '" + given + "' is not the same as any computed signature. Server used following string to sign: '" + signed + "'.")
	}
	return nil
}

func unauthenticated(detail string) *refusal {
	const message = "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature."
	return &refusal{Code: "AuthenticationFailed", Message: message, Detail: detail, status: http.StatusForbidden}
}

// signed is what a client signs with the account's key, in Azure's order.
func (c *Container) signed(r *http.Request) string {
	lines := []string{r.Method}
	for _, header := range []string{
		"Content-Encoding", "Content-Language", "Content-Length", "Content-MD5", "Content-Type", "Date",
		"If-Modified-Since", "If-Match", "If-None-Match", "If-Unmodified-Since", "Range",
	} {
		lines = append(lines, r.Header.Get(header))
	}
	own := map[string]string{}
	for name, values := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-ms-") {
			own[name] = strings.Join(values, ",")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		lines = append(lines, name+":"+own[name])
	}
	lines = append(lines, "/"+c.account+r.URL.EscapedPath())
	query := r.URL.Query()
	for _, name := range slices.Sorted(maps.Keys(query)) {
		lines = append(lines, strings.ToLower(name)+":"+strings.Join(slices.Sorted(slices.Values(query[name])), ","))
	}
	return strings.Join(lines, "\n")
}

func (c *Container) signature(text string) string {
	sum := hmac.New(sha256.New, c.secret)
	_, _ = sum.Write([]byte(text)) // a hash takes everything
	return base64.StdEncoding.EncodeToString(sum.Sum(nil))
}

// Token makes a SAS token for the container, good until a moment, with which blobs can be read and listed.
func (c *Container) Token(until time.Time) string { return c.token(until, read+list) }

func (c *Container) token(until time.Time, permissions string) string {
	query := url.Values{"sv": {sasVersion}, "sr": {"c"}, "sp": {permissions}, "se": {until.UTC().Format(sasTime)}}
	query.Set("sig", c.signature(c.granted(query, c.Name)))
	return query.Encode()
}

// granted is what is signed of a SAS token for a container, in Azure's order. For another container the same token is wrong.
func (c *Container) granted(query url.Values, container string) string {
	values := func(names ...string) []string {
		var found []string
		for _, name := range names {
			found = append(found, query.Get(name))
		}
		return found
	}
	lines := append(values("sp", "st", "se"), "/blob/"+c.account+"/"+container)
	lines = append(lines, values("si", "sip", "spr", "sv", "sr")...)
	lines = append(lines, "") // the time of a snapshot
	return strings.Join(append(lines, values("ses", "rscc", "rscd", "rsce", "rscl", "rsct")...), "\n")
}

func (c *Container) judgeToken(query url.Values, container, wanted string) *refusal {
	signed := c.granted(query, container)
	end, err := time.Parse(sasTime, query.Get("se"))
	switch {
	case !hmac.Equal([]byte(query.Get("sig")), []byte(c.signature(signed))):
		return unauthenticated("Signature did not match. String to sign used was " + signed)
	case err != nil || time.Now().After(end):
		return unauthenticated("Signature not valid in the specified time frame: Expiry [" + query.Get("se") + "]")
	case !strings.Contains(query.Get("sp"), wanted):
		return &refusal{Code: "AuthorizationPermissionMismatch", Message: "This request is not authorized to perform this operation using this permission.", status: http.StatusForbidden}
	default:
		return nil
	}
}
