package client

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/fairlead/fairlead"
)

// Recording writes what was recorded of a session in a connected cluster, as it comes.
func (h *Hub) Recording(ctx context.Context, cluster fairlead.ResourceID, id string, into io.Writer) error {
	call := Call{Method: http.MethodPost, Path: cluster.String() + "/recordings/" + id + "/download", Version: ClusterVersion}
	request, err := h.request(ctx, call, nil)
	if err != nil {
		return err
	}
	response, err := h.HTTP.Do(request)
	if err != nil {
		return unreachable(ctx, h.URL, err)
	}
	defer func() { _ = response.Body.Close() }() // everything of worth has been read by then
	if response.StatusCode != http.StatusOK {
		var body bytes.Buffer
		_, _ = io.CopyN(&body, response.Body, maxBody) // what there is says why
		return problem(&Response{Status: response.StatusCode, Header: response.Header, Body: body.Bytes()})
	}
	if _, err := io.Copy(into, response.Body); err != nil {
		return fmt.Errorf("download the recording: %w", err)
	}
	return nil
}
