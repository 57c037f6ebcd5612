package h2

import (
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// errAll is the end of what has come as a whole.
var errAll = io.EOF

// requestOf reads the head of a request.
func (c *Conn) requestOf(f *http2.MetaHeadersFrame) (*http.Request, error) {
	bad := func(what string) error {
		return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol, Cause: errors.New(what)}
	}
	r := &http.Request{
		Method: f.PseudoValue("method"), Proto: "HTTP/2.0", ProtoMajor: 2, RemoteAddr: c.serves.from, Body: http.NoBody,
		Host: f.PseudoValue("authority"), RequestURI: f.PseudoValue("path"), ContentLength: -1,
	}
	if r.Header = c.headerOf(f); r.Header == nil {
		return nil, bad("a header that is for one connection")
	}
	if f.Truncated { // all may be missing
		r.Method, r.URL = http.MethodGet, &url.URL{Path: "/"}
		return r, nil
	}
	if r.Method == "" || r.Method == http.MethodConnect || f.PseudoValue("scheme") == "" {
		return nil, bad("a request without a method, or to connect")
	}
	if r.Host == "" {
		r.Host = r.Header.Get("Host")
	}
	delete(r.Header, "Host")
	delete(r.Header, "Trailer") // what it announces is not kept
	var err error
	if r.URL, err = url.ParseRequestURI(r.RequestURI); err != nil || r.RequestURI[0] != '/' && r.RequestURI != "*" {
		return nil, bad("a request for something that is no path")
	}
	if said := r.Header["Content-Length"]; len(said) > 0 {
		length, err := strconv.ParseUint(said[0], 10, 63)
		if err != nil || len(said) > 1 {
			return nil, bad("a length that is none")
		}
		r.ContentLength = int64(length)
	}
	if f.StreamEnded() {
		if r.ContentLength > 0 {
			return nil, bad("a request without the body that it announces")
		}
		r.ContentLength = 0
	}
	return r, nil
}

// headerOf returns the headers of a request, nil when one of them must not be there.
func (c *Conn) headerOf(f *http2.MetaHeadersFrame) http.Header {
	fields := f.RegularFields()
	all := make(http.Header, len(fields))
	values := make([]string, len(fields)) // of all headers
	for i, field := range fields {
		switch field.Name {
		case "connection", "proxy-connection", "transfer-encoding", "upgrade", "keep-alive":
			return nil
		case "te":
			if field.Value != "trailers" {
				return nil
			}
		}
		name := c.names.canonical(field.Name)
		switch before := all[name]; {
		case before == nil:
			values[i] = field.Value
			all[name] = values[i : i+1 : i+1]
		case name == "Cookie": // which HTTP/2 may take apart
			before[0] = strings.Join([]string{before[0], field.Value}, "; ")
		default:
			all[name] = append(before, field.Value)
		}
	}
	return all
}
