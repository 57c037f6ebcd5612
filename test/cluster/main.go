// Command cluster gives a developer a real Kubernetes on this machine, for a demo or to try something by hand.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code) //nolint:forbidigo // this is main
}

const usage = `A real Kubernetes on this machine, for tests and demos.

Usage:
  cluster up [--name NAME] [--control-plane] [--host-name NAME]...
                           start a cluster in the background; prints the path of its kubeconfig
  cluster down [--name NAME] [--all]
                           stop a cluster and remove every trace of it
  cluster status [--name NAME]
                           show the clusters of this machine, or one with its processes
  cluster kubeconfig [--name NAME]
                           print the path of the kubeconfig
  cluster load [--name NAME] IMAGE.tar...
                           put images on the node
  cluster trust [--name NAME] REGISTRY CA.crt [HOST]...
                           let the node pull from a registry on this host by its name, and know this host by other names
  cluster logs [--name NAME] [PROCESS]
                           list the logs, or print the log of one process

A full node runs pods in namespaces of its own and needs root. A control plane (--control-plane) is the API server
with etcd and the controllers, needs no root, and shows one node that nobody runs.

Examples:
  cluster up --control-plane
  KUBECONFIG=$(cluster kubeconfig) kubectl get nodes
  cluster up --name edge-2
  cluster load --name edge-2 agent.tar
  cluster logs --name edge-2 kubelet
  cluster down --name edge-2

Environment:
  FAIRLEAD_TEST_CACHE   where programs and clusters are kept (default: the user's cache folder)
  KUBEBUILDER_ASSETS    take etcd and kube-apiserver of a control plane from there

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no such cluster, 130 interrupted.
`

// errUsage marks what the user can mend by reading the help.
var errUsage = errors.New("see --help")

func run(ctx context.Context, args []string, out, complaints io.Writer) int {
	err := dispatch(ctx, args, out, complaints)
	if err != nil {
		_, _ = fmt.Fprintln(complaints, "error:", err)
	}
	return exitCode(ctx, err)
}
