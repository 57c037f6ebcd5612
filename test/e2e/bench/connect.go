package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/page"
)

// joined is how long it took to connect, and how long a bare pod took beside it.
type joined struct{ join, bare times }

// join times connecting, with the image on the node.
func (b *bench) join(ctx context.Context) (string, error) {
	if _, err := b.joinOnce(ctx); err != nil { // it brings the image
		return "", err
	}
	var found joined
	for i := range b.joins {
		fmt.Fprintf(b.progress, "join %d of %d\n", i+1, b.joins)
		bare, err := b.barePod(ctx)
		if err != nil {
			return "", err
		}
		join, err := b.joinOnce(ctx)
		if err != nil {
			return "", err
		}
		found.bare, found.join = append(found.bare, bare), append(found.join, join)
	}
	return found.markdown(), nil
}

// joinOnce times the connect command, and disconnects again.
func (b *bench) joinOnce(ctx context.Context) (time.Duration, error) {
	started := time.Now()
	if err := b.connect(ctx, "standard"); err != nil {
		return 0, err
	}
	return time.Since(started), b.leave(ctx)
}

// barePod times one pod of the agents' image from create to its end: the floor for whatever starts as a pod here.
func (b *bench) barePod(ctx context.Context) (time.Duration, error) {
	version, err := b.version(ctx)
	if err != nil {
		return 0, err
	}
	started := time.Now()
	if _, err := b.cluster.Kubectl(ctx, "run", "bare", "--image="+b.hub.Address+"/azurearck8s/fairlead:"+version, "--restart=Never", "--", "version"); err != nil {
		return 0, err
	}
	_, err = b.cluster.Kubectl(ctx, "wait", "pod/bare", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
	elapsed := time.Since(started)
	if err != nil {
		return 0, err
	}
	_, err = b.cluster.Kubectl(ctx, "delete", "pod", "bare", "--wait")
	return elapsed, err
}

func (b *bench) version(ctx context.Context) (string, error) {
	var version struct {
		Fairlead string `json:"fairlead"`
	}
	err := b.cli.JSON(ctx, &version, "version")
	return version.Fairlead, err
}

func (j joined) markdown() string {
	var text strings.Builder
	fmt.Fprintf(&text, "## Join, image present\n\n%s From typing `connectedk8s connect` to its return: the hub says Connected and has the metadata (%d runs, profile standard). "+
		"The baseline is one pod of the same image, from `kubectl run` to its end, on the same node between the same runs.\n\n", page.Measured(time.Now()), len(j.join))
	fmt.Fprintf(&text, "| | median | slowest | aim |\n|---|---:|---:|---:|\n")
	fmt.Fprintf(&text, "| join | %.1f s | %.1f s | ≤ 10 s |\n", j.join.at(50).Seconds(), slices.Max(j.join).Seconds())
	fmt.Fprintf(&text, "| one bare pod | %.1f s | %.1f s | |\n", j.bare.at(50).Seconds(), slices.Max(j.bare).Seconds())
	fmt.Fprintf(&text, "| join / bare pod | %.1f | | |\n", j.join.at(50).Seconds()/j.bare.at(50).Seconds())
	return text.String()
}
