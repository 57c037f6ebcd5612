package clusterconnect

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/fairlead/fairlead/tunnel"
)

// inWords says why there is no tunnel, and what to do where we know.
func inWords(err error) string {
	refused, ok := errors.AsType[*tunnel.Refused](err)
	if !ok {
		return err.Error()
	}
	switch refused.Reason {
	case tunnel.Stripped:
		if refused.Status >= http.StatusInternalServerError {
			return fmt.Sprintf("something on the way to the hub answers with status %d: the hub is not there, or WebSocket connections to it "+
				"are not let through (NET-06)", refused.Status)
		}
		return fmt.Sprintf("the hub answers, but a WebSocket to it does not come through: a proxy on the way refuses or strips Upgrade "+
			"(status %d); enable WebSocket connections to the hub on the proxy and on the firewall (NET-06)", refused.Status)
	case tunnel.Silent:
		return fmt.Sprintf("TLS to the hub works, but the change to a WebSocket gets no answer or is cut: %v; "+
			"enable WebSocket connections to the hub on the proxy and on the firewall (NET-06)", refused.Unwrap())
	case tunnel.ByProxy:
		if refused.Status == http.StatusProxyAuthRequired {
			return "the proxy wants a user and a password: give them in the proxy's URL"
		}
		return fmt.Sprintf("the proxy does not connect to the hub (status %d); allow the hub's host there", refused.Status)
	case tunnel.ByServer:
	}
	return err.Error()
}
