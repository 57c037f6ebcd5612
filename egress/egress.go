// Package egress is about the way out of a network, through a proxy.
package egress

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// CheckConnect is for http.Transport's OnProxyConnectResponse: it says that it was the proxy that refused. Without it the error
// is the bare text of the proxy's status, such as Forbidden, as if it were the server's. Like a proxy that cannot be reached, it
// is a "proxyconnect", which is what people and doctor look for. The proxy's user and password are not named.
func CheckConnect(_ context.Context, proxy *url.URL, request *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("proxyconnect: the proxy %s does not connect to %s: %d %s", proxy.Host, request.Host, answer.StatusCode, http.StatusText(answer.StatusCode))
}
