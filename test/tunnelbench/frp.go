package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
)

const (
	frpServer = "frps"
	frpClient = "frpc"
)

// frp is how both programs are told what to do.
type frp map[string]any

// frpServerConfig accepts clients on one port. Its callers come to a port that a client asks for.
func frpServerConfig(dir, serve string) frp {
	return frp{
		"bindAddr": "127.0.0.1", "bindPort": json.Number(serve),
		"log": frp{"level": "warn"},
		"transport": frp{"tls": frp{
			"force": true, "certFile": filepath.Join(dir, "ca.crt"), "keyFile": filepath.Join(dir, "tls.key"),
		}},
	}
}

// frpClientConfig dials the server by TLS and offers the cluster at a port of the server. It is frp as it is by default: all
// streams share one connection, and that is no WebSocket, with which frp takes nearly twice the processor time for lists.
func frpClientConfig(dir, server, target, cluster string) (frp, error) {
	serverHost, serverPort, err := net.SplitHostPort(server)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return nil, err
	}
	return frp{
		"serverAddr": serverHost, "serverPort": json.Number(serverPort), "loginFailExit": false,
		"log":       frp{"level": "warn"},
		"transport": frp{"tls": frp{"trustedCaFile": filepath.Join(dir, "ca.crt"), "serverName": "localhost"}},
		"proxies": []frp{{
			"name": theClient, "type": "tcp", "localIP": host, "localPort": json.Number(port), "remotePort": json.Number(cluster),
		}},
	}, nil
}

// write makes a file of it.
func (f frp) write(dir string) (string, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp(dir, "frp-*.json")
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	return file.Name(), errors.Join(err, file.Close())
}

// startFrp starts frp's server and client. What authenticates, routes and speaks HTTP in a hub would be before the server's
// port for the cluster: here it is one plain proxy.
func startFrp(ctx context.Context, b *bench, over hop) (*running, error) {
	serve, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	cluster, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	server, err := b.frp(ctx, frpServer, frpServerConfig(b.dir, serve))
	if err != nil {
		return nil, err
	}
	hub, err := b.start(ctx, "proxy", b.dir, "127.0.0.1:"+cluster)
	if err != nil {
		return nil, err
	}
	address, err := over(ctx, "127.0.0.1:"+serve)
	if err != nil {
		return nil, err
	}
	config, err := frpClientConfig(b.dir, address, b.backend.address, cluster)
	if err != nil {
		return nil, err
	}
	agent, err := b.frp(ctx, frpClient, config)
	if err != nil {
		return nil, err
	}
	return &running{base: "https://" + hub.address, hub: []int{hub.PID, server.PID}, agent: []int{agent.PID}}, nil
}

func (b *bench) frp(ctx context.Context, program string, config frp) (*process, error) {
	file, err := config.write(b.dir)
	if err != nil {
		return nil, err
	}
	return b.program(ctx, "frp", program, "-c", file)
}
