// Package tunnel carries HTTP to a server that can only dial out: the server's side opens a WebSocket
// to the client's, and HTTP/2 runs on it with the roles reversed. It does not know what is proxied,
// nor who may (docs/adr/0019-cluster-connect.md).
package tunnel

const (
	// UpgradeHeader on a POST through a tunnel names the protocol (a value of Upgrade) that the request is to be switched to
	// at the far end, with MethodHeader as its method. On the answer, status 200, it names the protocol that was chosen; bytes
	// then flow both ways. Any other status is the far end's refusal.
	UpgradeHeader = "Fairlead-Upgrade"
	// MethodHeader is the method of a request that travels as a POST.
	MethodHeader = "Fairlead-Method"
)
