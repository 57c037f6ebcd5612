package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

const (
	konnectivityServer = "proxy-server"
	konnectivityAgent  = "proxy-agent"

	// Konnectivity refuses ports above, be they free or not.
	highestPort = 49151
	portTries   = 100
)

// playKonnectivityProxy DIR SOCKET TARGET: a proxy that reaches its target by CONNECT at the socket of konnectivity's server.
func playKonnectivityProxy(ctx context.Context, args []string, out io.Writer) error {
	dir, socket, target := args[0], args[1], args[2]
	trust, err := trustIn(dir)
	if err != nil {
		return err
	}
	way := pooled(trust, func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	})
	way.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: konnectivityServer})
	return serveProxy(ctx, dir, target, way, out)
}

// startKonnectivity starts konnectivity's server and agent as they run beside a kube-apiserver: mutual TLS between the two, and
// callers at a Unix socket, which costs least. Any proxy can call in mode http-connect, whereas mode grpc needs konnectivity's
// own client, which opens a gRPC connection for each stream.
func startKonnectivity(ctx context.Context, b *bench, over hop) (*running, error) {
	dir, err := os.MkdirTemp(b.dir, "konnectivity-")
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "server.sock")
	serve, server, err := b.konnectivityServer(ctx, socket)
	if err != nil {
		return nil, err
	}
	hub, err := b.start(ctx, "konnectivity-proxy", b.dir, socket, b.backend.address)
	if err != nil {
		return nil, err
	}
	address, err := over(ctx, "127.0.0.1:"+serve)
	if err != nil {
		return nil, err
	}
	agent, err := b.konnectivityAgent(ctx, address)
	if err != nil {
		return nil, err
	}
	return &running{base: "https://" + hub.address, hub: []int{hub.PID, server.PID}, agent: []int{agent.PID}}, nil
}

// konnectivityServer returns the port for agents, too.
func (b *bench) konnectivityServer(ctx context.Context, socket string) (serve string, server *process, err error) {
	ports, err := lowPorts(ctx, 3)
	if err != nil {
		return "", nil, err
	}
	server, err = b.program(ctx, "konnectivity", konnectivityServer,
		"--mode=http-connect", "--uds-name="+socket, "--server-port=0",
		"--agent-bind-address=127.0.0.1", "--agent-port="+ports[0],
		"--admin-bind-address=127.0.0.1", "--admin-port="+ports[1],
		"--health-bind-address=127.0.0.1", "--health-port="+ports[2],
		"--cluster-cert="+b.file("ca.crt"), "--cluster-key="+b.file("tls.key"), "--cluster-ca-cert="+b.file("ca.crt"))
	return ports[0], server, err
}

func (b *bench) konnectivityAgent(ctx context.Context, server string) (*process, error) {
	host, port, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	ports, err := lowPorts(ctx, 2)
	if err != nil {
		return nil, err
	}
	return b.program(ctx, "konnectivity", konnectivityAgent,
		"--proxy-server-host="+host, "--proxy-server-port="+port,
		"--admin-bind-address=127.0.0.1", "--admin-server-port="+ports[0],
		"--health-server-host=127.0.0.1", "--health-server-port="+ports[1],
		"--agent-cert="+b.file("ca.crt"), "--agent-key="+b.file("tls.key"), "--ca-cert="+b.file("ca.crt"))
}

// lowPorts are some that were free a moment ago, and that konnectivity takes.
func lowPorts(ctx context.Context, count int) ([]string, error) {
	var ports []string
	for range portTries {
		port, err := freePort(ctx)
		if err != nil {
			return nil, err
		}
		if number, err := strconv.Atoi(port); err == nil && number <= highestPort && !slices.Contains(ports, port) {
			ports = append(ports, port)
		}
		if len(ports) == count {
			return ports, nil
		}
	}
	return nil, errors.New("no port is free that konnectivity takes")
}
