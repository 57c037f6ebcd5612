package relay

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead/discovery"
)

// maxRefusal bounds what is read of a refusal of kube-aad-proxy's.
const maxRefusal = 64 << 10

// discovers reports whether a request is client-go's for what there is.
func discovers(r *http.Request) bool {
	if c := callOf(r.Context()); c != nil {
		return discovery.Asks(r, c.to.path) // the request is the one that was to be sent on
	}
	to, err := split(r.URL)
	return err == nil && discovery.Asks(r, to.path)
}

// inWords answers with the message of a Status alone, and with what is known besides.
func inWords(w http.ResponseWriter, made status) {
	text := []string{made.Message}
	if made.Details != nil {
		for _, one := range made.Details.Causes {
			text = append(text, one.Message)
		}
	}
	discovery.Refuse(w, made.Code, text...)
}

// reworded makes a refusal of kube-aad-proxy's own one that client-go shows.
func reworded(answer *http.Response) {
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxRefusal))
	_ = answer.Body.Close() // it is replaced
	var made status
	if err == nil && json.Unmarshal(text, &made) == nil && made.Message != "" {
		text = []byte(strings.TrimSpace(made.Message) + "\n")
		answer.StatusCode = discovery.Code(answer.StatusCode, answer.Header)
		answer.Status = http.StatusText(answer.StatusCode)
		answer.Header.Set("Content-Type", discovery.ContentType)
	}
	answer.ContentLength = int64(len(text))
	answer.Header.Set("Content-Length", strconv.Itoa(len(text)))
	answer.Body = io.NopCloser(bytes.NewReader(text))
}
