//go:build !linux

package arcproxy

import "net"

// sameUser cannot be told here: the credential in the kubeconfig is what keeps others out.
func sameUser(string, net.Addr) bool { return true }
