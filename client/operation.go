package client

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
)

const (
	// The pause between two looks at an operation when the hub does not say.
	pollEvery = time.Second
	// How long a hub may be away while somebody waits for an operation.
	absence = 2 * time.Minute
)

// settle follows a long-running operation to its end, by Azure's rules in their order, and returns the
// answer that holds the final document.
func (h *Hub) settle(ctx context.Context, call Call, response *Response) (*Response, error) {
	switch {
	case response.Header.Get("Azure-AsyncOperation") != "":
		return h.followOperation(ctx, call, response)
	case response.Header.Get("Location") != "" && response.Status == http.StatusAccepted:
		return h.followLocation(ctx, response)
	case call.Method == http.MethodPut || call.Method == http.MethodPatch:
		return h.followState(ctx, call, response)
	}
	return response, nil
}

type operation struct {
	Status string  `json:"status"`
	Error  Failure `json:"error"`
}

func (h *Hub) followOperation(ctx context.Context, call Call, response *Response) (*Response, error) {
	address := response.Header.Get("Azure-AsyncOperation")
	for {
		poll, err := h.ask(ctx, address)
		if err != nil {
			return nil, err
		}
		var now operation
		if err := poll.Decode(&now); err != nil {
			return nil, err
		}
		if done, err := now.finished(); done || err != nil {
			return h.final(ctx, call, poll, err)
		}
		if err := pause(ctx, asked(poll.Header, pollEvery)); err != nil {
			return nil, stopped(ctx)
		}
	}
}

// ask looks at an operation. It goes on at the hub whoever looks, so that a hub that restarts, or a network that breaks for a while,
// does not end the waiting.
func (h *Hub) ask(ctx context.Context, address string) (*Response, error) {
	asked := time.Now()
	for {
		poll, err := h.Do(ctx, Call{Method: http.MethodGet, Path: address})
		if !Away(err) || time.Since(asked) > absence {
			return poll, err
		}
		if pause(ctx, pollEvery) != nil {
			return nil, stopped(ctx)
		}
	}
}

// Away reports an error of a hub that cannot be reached just now: asking again may help.
func Away(err error) bool {
	lost, found := errors.AsType[*Unreachable](err)
	return found && lost.Temporary() || fairlead.KindOf(err) == fairlead.Unavailable
}

func (o operation) finished() (bool, error) {
	switch strings.ToLower(o.Status) {
	case "succeeded":
		return true, nil
	case "failed", "canceled":
		if o.Error.Message == "" {
			o.Error.Message = "the operation ended as " + o.Status
		}
		if o.Error.Code == "" {
			o.Error.Code = "Operation" + o.Status
		}
		return true, o.Error.as(fairlead.Conflict)
	}
	return false, nil
}

// final fetches the document that a finished PUT or PATCH has made; others have none.
func (h *Hub) final(ctx context.Context, call Call, poll *Response, failed error) (*Response, error) {
	switch {
	case failed != nil:
		return nil, failed
	case call.Method == http.MethodPut || call.Method == http.MethodPatch:
		return h.Do(ctx, Call{Method: http.MethodGet, Path: call.Path, Version: call.Version})
	}
	return &Response{Status: poll.Status, Header: poll.Header}, nil
}

func (h *Hub) followLocation(ctx context.Context, response *Response) (*Response, error) {
	address := response.Header.Get("Location")
	for {
		poll, err := h.Do(ctx, Call{Method: http.MethodGet, Path: address})
		if err != nil || poll.Status != http.StatusAccepted {
			return poll, err
		}
		if err := pause(ctx, asked(poll.Header, pollEvery)); err != nil {
			return nil, stopped(ctx)
		}
	}
}

func (h *Hub) followState(ctx context.Context, call Call, response *Response) (*Response, error) {
	for {
		done, err := settled(response)
		if done || err != nil {
			return response, err
		}
		if err := pause(ctx, asked(response.Header, pollEvery)); err != nil {
			return nil, stopped(ctx)
		}
		response, err = h.Do(ctx, Call{Method: http.MethodGet, Path: call.Path, Version: call.Version})
		if err != nil {
			return nil, err
		}
	}
}

func settled(response *Response) (bool, error) {
	var document struct {
		Properties struct {
			ProvisioningState string `json:"provisioningState"`
		} `json:"properties"`
	}
	if json.Unmarshal(response.Body, &document) != nil || document.Properties.ProvisioningState == "" {
		return true, nil //nolint:nilerr // a document without a state is done, whatever else it is
	}
	return operation{Status: document.Properties.ProvisioningState}.finished()
}

func stopped(ctx context.Context) error {
	return fairlead.Errorf(fairlead.Unavailable, "stopped waiting for the hub: %w", context.Cause(ctx))
}
