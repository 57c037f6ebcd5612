package aadproxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/textproto"
	"strings"
	"sync/atomic"

	"github.com/fairlead/fairlead/tunnel"
)

// A plain request is passed on by relay, which does for it what httputil.ReverseProxy does for the rest, at half the price: it
// makes the head of the request anew, and hands the bodies on.

// plain reports whether a request has nothing about it that only httputil.ReverseProxy is to handle.
func plain(r *http.Request) bool {
	for _, name := range [...]string{"Connection", "Upgrade", "Te", "Trailer"} {
		if r.Header[name] != nil {
			return false
		}
	}
	return len(r.Trailer) == 0 && !strange(r.URL.RawQuery)
}

// strange reports whether two readers of a query could understand it differently.
func strange(query string) bool {
	for i := 0; i < len(query); i++ {
		switch query[i] {
		case ';':
			return true
		case '%':
			if i+2 >= len(query) || !isHex(query[i+1]) || !isHex(query[i+2]) {
				return true
			}
			i += 2
		}
	}
	return false
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// relay passes a plain request on and its answer back. It panics with http.ErrAbortHandler when the answer breaks off.
func (s *apiServer) relay(ctx context.Context, w http.ResponseWriter, r *http.Request, way http.RoundTripper, with passage) {
	lent := &loan{Reader: r.Body}
	defer lent.end()
	answer, err := way.RoundTrip(s.request(ctx, r, lent, with.prepare))
	if err == nil && answer.StatusCode == http.StatusSwitchingProtocols {
		_ = answer.Body.Close() // nobody has asked for it
		err = errors.New("it switches to another protocol by itself")
	}
	if err == nil {
		err = with.answered(ctx, answer)
	}
	if err != nil {
		refuse(w, refusalOf(ctx, err))
		return
	}
	passBack(w, answer)
}

// request makes of a caller's request one for the API server.
func (s *apiServer) request(ctx context.Context, r *http.Request, body io.ReadCloser, with func(http.Header)) *http.Request {
	to := *r.URL
	to.Scheme, to.Host = s.address.Scheme, s.address.Host
	header := make(http.Header, len(r.Header)+4)
	for name, values := range r.Header {
		if passesOn(name) {
			header[name] = values
		}
	}
	if header["User-Agent"] == nil {
		header["User-Agent"] = []string{""} // else it would be Go's
	}
	with(header)
	out := &http.Request{
		Method: r.Method, URL: &to, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header, ContentLength: r.ContentLength,
	}
	if r.ContentLength != 0 {
		out.Body = body
	}
	return out.WithContext(ctx)
}

// passesOn reports whether a header of a request is for the API server.
func passesOn(name string) bool {
	switch name {
	case "Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto":
		return false
	}
	return !ofOneHop(name) && !reserved(name)
}

// ofOneHop reports whether a header is about a connection, and not about what goes through it.
func ofOneHop(name string) bool {
	switch name {
	case "Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade":
		return true
	}
	return false
}

// passBack answers with what the API server has answered.
func passBack(w http.ResponseWriter, answer *http.Response) {
	defer answer.Body.Close()
	header := w.Header()
	for name, values := range answer.Header {
		if !ofOneHop(name) && !foldedPrefix(name, ourHeaders) {
			header[name] = values
		}
	}
	for _, line := range answer.Header["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			delete(header, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	for name := range answer.Trailer {
		header.Add("Trailer", name)
	}
	w.WriteHeader(answer.StatusCode)
	if passBody(w, answer) != nil {
		panic(http.ErrAbortHandler) // nothing else tells the hub that something is missing
	}
	for name, values := range answer.Trailer { // there are values after the body only
		if !foldedPrefix(name, ourHeaders) {
			header[http.TrailerPrefix+name] = values
		}
	}
}

// passBody hands a body on. Of one whose end is not known, each piece is sent when it comes, and its head before.
func passBody(w http.ResponseWriter, answer *http.Response) error {
	flush := func() error { return nil }
	if answer.ContentLength < 0 || strings.HasPrefix(answer.Header.Get("Content-Type"), "text/event-stream") {
		flush = http.NewResponseController(w).Flush
	}
	if err := flush(); err != nil {
		return err
	}
	buffer := tunnel.Buffers{}.Get()
	defer tunnel.Buffers{}.Put(buffer)
	for {
		n, err := answer.Body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// loan is the body of a caller's request as long as that is answered: whoever sends it may go on after that, when it must not
// be read any more.
type loan struct {
	io.Reader

	over atomic.Bool
}

var errLoanOver = errors.New("the request has been answered")

// Read reads from the body.
func (l *loan) Read(p []byte) (int, error) {
	if l.over.Load() {
		return 0, errLoanOver
	}
	return l.Reader.Read(p)
}

// Close does nothing: the body is closed by who lends it.
func (l *loan) Close() error { return nil }

func (l *loan) end() { l.over.Store(true) }
