package engine

import (
	"context"
	"fmt"
	"net"

	"github.com/fairlead/fairlead/test/cluster/freeport"
	"github.com/fairlead/fairlead/test/cluster/recipe"
	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

// ports of the control plane. A full node has all ports to itself; control planes share the host's with everybody.
type ports struct{ etcd, peer, api int }

func (b *builder) choosePorts(ctx context.Context) error {
	b.ports = ports{etcd: 2379, peer: 2380, api: 6443}
	if b.cluster.Kind == FullNode {
		return nil
	}
	for _, port := range []*int{&b.ports.etcd, &b.ports.peer, &b.ports.api} {
		listener, err := freeport.Listen(ctx, "127.0.0.1")
		if err != nil {
			return err
		}
		defer func() { _ = listener.Close() }() // only after the last is chosen, so that they differ
		*port = listener.Addr().(*net.TCPAddr).Port
	}
	return nil
}

func (b *builder) controlPlane() ([]spec.Process, error) {
	return b.processes([]wanted{
		{recipe.Etcd, b.etcdFlags()},
		{recipe.APIServer, b.apiServerFlags()},
		{recipe.ControllerManager, b.controllerManagerFlags()},
	})
}

// wanted is a program with its flags.
type wanted struct {
	program recipe.Program
	flags   []string
}

func (b *builder) processes(all []wanted) ([]spec.Process, error) {
	at := b.cluster.places()
	var processes []spec.Process
	for _, w := range all {
		path, err := at.program(w.program)
		if err != nil {
			return nil, err
		}
		processes = append(processes, spec.Process{Name: string(w.program), Args: append([]string{path}, w.flags...), Log: at.log(string(w.program))})
	}
	return processes, nil
}

func (b *builder) etcdFlags() []string {
	at := b.cluster.places()
	client, peer := fmt.Sprintf("https://127.0.0.1:%d", b.ports.etcd), fmt.Sprintf("http://127.0.0.1:%d", b.ports.peer)
	return []string{
		"--name=default", "--data-dir=" + at.lib + "/etcd", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=default=" + peer,
		"--cert-file=" + at.pki("etcd.crt"), "--key-file=" + at.pki("etcd.key"), "--client-cert-auth", "--trusted-ca-file=" + at.pki("ca.crt"),
		// The data is worth nothing after the test, and a lone member need not wait long for votes.
		"--unsafe-no-fsync", "--heartbeat-interval=50", "--election-timeout=500",
	}
}

func (b *builder) apiServerFlags() []string {
	at := b.cluster.places()
	flags := []string{
		"--bind-address=" + b.cluster.NodeAddress, "--advertise-address=" + b.cluster.NodeAddress, fmt.Sprintf("--secure-port=%d", b.ports.api),
		fmt.Sprintf("--etcd-servers=https://127.0.0.1:%d", b.ports.etcd), "--etcd-cafile=" + at.pki("ca.crt"),
		"--etcd-certfile=" + at.pki("apiserver.crt"), "--etcd-keyfile=" + at.pki("apiserver.key"),
		"--tls-cert-file=" + at.pki("apiserver.crt"), "--tls-private-key-file=" + at.pki("apiserver.key"), "--client-ca-file=" + at.pki("ca.crt"),
		"--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
		"--service-cluster-ip-range=" + serviceCIDR,
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + at.pki("tokens.crt"), "--service-account-signing-key-file=" + at.pki("tokens.key"),
		"--requestheader-client-ca-file=" + at.pki("front-proxy-ca.crt"), "--requestheader-allowed-names=front-proxy-client",
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + at.pki("front-proxy.crt"), "--proxy-client-key-file=" + at.pki("front-proxy.key"),
		"--kubelet-certificate-authority=" + at.pki("ca.crt"), "--kubelet-client-certificate=" + at.pki("apiserver.crt"), "--kubelet-client-key=" + at.pki("apiserver.key"),
		"--storage-initialization-timeout=30s", "--etcd-compaction-interval=2m", "--shutdown-delay-duration=0s",
	}
	if b.cluster.Kind == ControlPlane { // an endpoint may not be a loopback address, and nobody is there to follow it
		flags = append(flags, "--endpoint-reconciler-type=none")
	}
	return flags
}

func (b *builder) controllerManagerFlags() []string {
	at := b.cluster.places()
	return []string{
		"--kubeconfig=" + at.kubeconfig("controller-manager"), "--secure-port=0", "--leader-elect=false",
		"--use-service-account-credentials=true", "--service-account-private-key-file=" + at.pki("tokens.key"), "--root-ca-file=" + at.pki("ca.crt"),
		"--cluster-signing-cert-file=" + at.pki("ca.crt"), "--cluster-signing-key-file=" + at.pki("ca.key"),
		"--cluster-cidr=" + podCIDR, "--service-cluster-ip-range=" + serviceCIDR,
		"--kube-api-qps=200", "--kube-api-burst=400",
		// It makes this folder, by default in the middle of the host's own.
		"--flex-volume-plugin-dir=" + at.lib + "/volumeplugins",
		// Nodes without a kubelet send no heartbeat, and stay ready all the same.
		"--node-monitor-grace-period=24h",
	}
}
