// Package relay is where callers meet connected clusters: it holds the tunnels that clusters open to the
// hub, says who calls (package caller), asks hub/access whether they may, and forwards what they send to the
// API server of the cluster. It knows nothing of what a request means to Kubernetes, decides nothing that
// kube-aad-proxy decides in the cluster, and leaves what is on the wire to package tunnel.
package relay
