package tunnel

import (
	"io"
	"net/http"
)

// upgrade sends a request for another protocol as a POST whose both bodies are open.
func (c *Client) upgrade(request *http.Request) (*http.Response, error) {
	if request.Body != nil {
		_ = request.Body.Close() // what is to be said in the other protocol follows
	}
	reading, writing := io.Pipe()
	sent := request.Clone(request.Context())
	sent.Method, sent.Body, sent.ContentLength = http.MethodPost, reading, -1
	sent.Header.Set(UpgradeHeader, request.Header.Get("Upgrade"))
	sent.Header.Set(MethodHeader, request.Method)
	for _, name := range []string{"Connection", "Upgrade", "Content-Length"} {
		sent.Header.Del(name)
	}
	answer, err := c.http.RoundTrip(sent)
	if err != nil {
		return nil, err
	}
	answer.Request = request
	protocol := answer.Header.Get(UpgradeHeader)
	answer.Header.Del(UpgradeHeader)
	if answer.StatusCode != http.StatusOK || protocol == "" {
		_ = writing.Close() // a pipe always closes
		return answer, nil
	}
	answer.Status, answer.StatusCode = "101 "+http.StatusText(http.StatusSwitchingProtocols), http.StatusSwitchingProtocols
	answer.Proto, answer.ProtoMajor, answer.ProtoMinor, answer.ContentLength = "HTTP/1.1", 1, 1, 0
	answer.Header.Set("Connection", "Upgrade")
	answer.Header.Set("Upgrade", protocol)
	answer.Body = &switched{ReadCloser: answer.Body, out: writing}
	return answer, nil
}

// switched is the stream of a request that was upgraded.
type switched struct {
	io.ReadCloser

	out *io.PipeWriter
}

// Write sends p to the far end.
func (s *switched) Write(p []byte) (int, error) { return s.out.Write(p) }

// CloseWrite says that nothing more will be sent.
func (s *switched) CloseWrite() error { return s.out.Close() }

// Close ends both directions.
func (s *switched) Close() error {
	_ = s.out.Close() // a pipe always closes
	return s.ReadCloser.Close()
}
