package h2

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// requestOf reads the head of a request.
func (c *Conn) requestOf(f *http2.MetaHeadersFrame) (*http.Request, error) {
	r := &http.Request{
		Method: f.PseudoValue("method"), Proto: "HTTP/2.0", ProtoMajor: 2, RemoteAddr: c.serves.from, Body: http.NoBody,
		Host: f.PseudoValue("authority"), RequestURI: f.PseudoValue("path"), ContentLength: -1, Header: c.headers(f),
	}
	if f.Truncated { // all may be missing
		r.Method, r.URL = http.MethodGet, &url.URL{Path: "/"}
		return r, nil
	}
	err := errors.Join(aimed(r, f), measured(r, f))
	if err != nil {
		return nil, http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: err}
	}
	if cookies := r.Header["Cookie"]; len(cookies) > 1 { // which HTTP/2 may take apart
		r.Header["Cookie"] = []string{strings.Join(cookies, "; ")}
	}
	delete(r.Header, "Trailer") // what it announces is not kept
	delete(r.Header, "Expect")  // the body comes at once, as with net/http
	return r, nil
}

// aimed reads what a request is for.
func aimed(r *http.Request, f *http2.MetaHeadersFrame) (err error) {
	if r.Method == "" || r.Method == http.MethodConnect || f.PseudoValue("scheme") == "" {
		return errors.New("a request without a method, or to connect")
	}
	if ofOneHop(f) {
		return errors.New("a header that is for one connection")
	}
	if r.URL, err = url.ParseRequestURI(r.RequestURI); err != nil || r.RequestURI[0] != '/' && r.RequestURI != "*" {
		return errors.New("a request for something that is no path")
	}
	if r.Host == "" {
		r.Host = r.Header.Get("Host")
	}
	delete(r.Header, "Host")
	return nil
}

// measured reads how long the body of a request is to be.
func measured(r *http.Request, f *http2.MetaHeadersFrame) error {
	if said := r.Header["Content-Length"]; len(said) > 0 {
		length, err := strconv.ParseUint(said[0], 10, 63)
		if err != nil || len(said) > 1 {
			return errors.New("a length that is none")
		}
		r.ContentLength = int64(length)
	}
	switch {
	case !f.StreamEnded():
	case r.ContentLength > 0:
		return errors.New("a request without the body that it announces")
	default:
		r.ContentLength = 0
	}
	return nil
}

// ofOneHop reports whether a head has a header that must not be there.
func ofOneHop(f *http2.MetaHeadersFrame) bool {
	for _, field := range f.RegularFields() {
		switch field.Name {
		case "connection", "proxy-connection", "transfer-encoding", "upgrade", "keep-alive":
			return true
		case "te":
			if field.Value != "trailers" {
				return true
			}
		}
	}
	return false
}
