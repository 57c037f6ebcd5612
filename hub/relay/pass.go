package relay

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/tunnel"
)

// plain reports whether a request can take the short way: nothing follows its head, neither a body nor another protocol.
// Nearly all requests are so. The others go by httputil.ReverseProxy.
func plain(r *http.Request) bool {
	return r.ContentLength == 0 && len(r.Header["Upgrade"]) == 0 && len(r.Trailer) == 0
}

// pass sends a plain request on and its answer back. It panics as httputil.ReverseProxy does when an answer breaks off.
func (s *Server) pass(ctx context.Context, w http.ResponseWriter, r *http.Request, c *call) {
	out := outgoing(ctx, r, c)
	answer, err := s.RoundTrip(out)
	if err == nil {
		withoutHops(answer.Header)
		if err = s.answered(answer); err != nil { //nolint:contextcheck // the answer has it
			_ = answer.Body.Close() // it is not sent on
		}
	}
	if err != nil {
		s.failed(w, out, err)
		return
	}
	header := w.Header()
	for name, values := range answer.Header {
		if before := header[name]; before != nil {
			values = append(before, values...)
		}
		header[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	if !copied(w, c.control, answer) {
		panic(http.ErrAbortHandler)
	}
	if len(answer.Trailer) > 0 {
		_ = c.control.Flush() // so that the server does not find a length for what it has
	}
	for name, values := range answer.Trailer {
		header[http.TrailerPrefix+name] = values
	}
}

// A body of a length that is known and no more comes at once: its head can wait for it.
const atOnce = 64 << 10

// copied sends the body of an answer on, each piece as it comes, and reports whether that was all of it. What ends the answer is
// left to the server, which sends it with the last piece.
func copied(w http.ResponseWriter, control *http.ResponseController, answer *http.Response) bool {
	defer answer.Body.Close()
	buffer := tunnel.Buffers{}.Get()
	defer tunnel.Buffers{}.Put(buffer)
	left := answer.ContentLength
	if (left < 0 || left > atOnce) && !isReady(answer.Body) && control.Flush() != nil {
		return false
	}
	for {
		n, err := answer.Body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return false
			}
			if left -= int64(n); left != 0 && err == nil && control.Flush() != nil {
				return false
			}
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}

// isReady reports whether some of a body can be read without waiting, as far as it is known.
func isReady(body io.Reader) bool {
	known, ok := body.(interface{ Ready() bool })
	return ok && known.Ready()
}

// outgoing makes a caller's request one for the API server. The values of headers are shared by both, and nobody changes them.
func outgoing(ctx context.Context, r *http.Request, c *call) *http.Request {
	address := &url.URL{}
	c.to.goTo(address, caller.KubernetesHost, r.URL.RawQuery)
	header := make(http.Header, len(r.Header)+2)
	for name, values := range r.Header {
		if !stays(name, c.who.mode) {
			continue
		}
		header[name] = values
	}
	for _, line := range r.Header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.TrimString(name); name != "" {
				header.Del(name)
			}
		}
	}
	if _, said := header["User-Agent"]; !said {
		header["User-Agent"] = []string{""} // which keeps net/http from saying its own
	}
	header[caller.RequestHeader] = []string{c.request.ID}
	if c.who.mode != caller.Token {
		withoutBearer(header)
	}
	return (&http.Request{
		Method: r.Method, URL: address, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, Host: caller.KubernetesHost,
	}).WithContext(ctx)
}

// hops reports whether a header, by its canonical name, is for one connection only.
func hops(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

func withoutHops(all http.Header) {
	for _, line := range all["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			all.Del(textproto.TrimString(name))
		}
	}
	for name := range all {
		if hops(name) {
			delete(all, name)
		}
	}
}
