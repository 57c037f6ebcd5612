package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/test/cluster/freeport"
	chclient "github.com/jpillora/chisel/client"
	chserver "github.com/jpillora/chisel/server"
)

// freePort is one that was free a moment ago.
func freePort(ctx context.Context) (string, error) {
	address, err := freeport.Address(ctx, "127.0.0.1")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(address)
	return port, err
}

// playChiselHub DIR SERVERPORT CLUSTERPORT: chisel's server, and a proxy to the port at which it offers the cluster.
func playChiselHub(ctx context.Context, args []string, out io.Writer) error {
	dir, serve, cluster := args[0], args[1], args[2]
	trust, err := trustIn(dir)
	if err != nil {
		return err
	}
	server, err := chserver.NewServer(&chserver.Config{
		Reverse: true, KeepAlive: 25 * time.Second,
		TLS: chserver.TLSConfig{Cert: filepath.Join(dir, "ca.crt"), Key: filepath.Join(dir, "tls.key")},
	})
	if err != nil {
		return err
	}
	server.Info = false
	if err := server.StartContext(ctx, "127.0.0.1", serve); err != nil {
		return fmt.Errorf("start chisel: %w", err)
	}
	return serveProxy(ctx, dir, "127.0.0.1:"+cluster, pooled(trust, nil), out)
}

// playChiselAgent DIR SERVER REMOTE.
func playChiselAgent(ctx context.Context, args []string, out io.Writer) error {
	client, err := chclient.NewClient(&chclient.Config{
		Server: "https://" + args[1], Remotes: []string{args[2]}, KeepAlive: 25 * time.Second, MaxRetryCount: -1,
		TLS: chclient.TLSConfig{CA: filepath.Join(args[0], "ca.crt"), ServerName: "localhost"},
	})
	if err != nil {
		return err
	}
	client.Info = false
	if err := client.Start(ctx); err != nil {
		return err
	}
	fmt.Fprintln(out, "started")
	return client.Wait()
}

func startChisel(ctx context.Context, b *bench, over hop) (*running, error) {
	serve, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	cluster, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	hub, err := b.start(ctx, "chisel-hub", b.dir, serve, cluster)
	if err != nil {
		return nil, err
	}
	address, err := over(ctx, "127.0.0.1:"+serve)
	if err != nil {
		return nil, err
	}
	agent, err := b.start(ctx, "chisel-agent", b.dir, address, "R:127.0.0.1:"+cluster+":"+b.backend.address)
	if err != nil {
		return nil, err
	}
	return &running{base: "https://" + hub.address, hub: []int{hub.PID}, agent: []int{agent.PID}}, nil
}
