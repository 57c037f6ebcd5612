// Command supervisor keeps the processes of one cluster running in the background, and takes everything down with it when it ends:
// on SIGTERM, or, on a leash, when the program that started it is gone. For a full node it is process 1 of the node's namespaces.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"syscall"
	"time"

	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

func main() {
	// The kernel kills children when the *thread* that started them ends, so one thread starts them all and stays.
	runtime.LockOSThread()
	if err := run(os.Stdin); err != nil {
		_, _ = fmt.Fprintln(os.Stderr, "supervisor:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func run(input io.Reader) error {
	// Registered first, so that a signal that comes early is not lost.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)

	told, gone := read(input)
	select {
	case <-stop:
		return nil
	case <-gone:
		return errors.New("nobody told what to run")
	case cluster := <-told:
		return keep(cluster, stop, ended, gone)
	}
}

// read passes on what to run. Gone is closed with the input, which the kernel closes when the starter dies, however it dies;
// but not once the starter has let go.
func read(input io.Reader) (<-chan spec.Spec, <-chan struct{}) {
	told, gone := make(chan spec.Spec, 1), make(chan struct{})
	go func() {
		decoder := json.NewDecoder(input)
		var cluster spec.Spec
		if decoder.Decode(&cluster) == nil {
			told <- cluster
		}
		var release spec.Release
		if decoder.Decode(&release) != nil || !release.Detached {
			close(gone)
		}
	}()
	return told, gone
}

func keep(cluster spec.Spec, stop, ended <-chan os.Signal, gone <-chan struct{}) error {
	family := newFamily(cluster)
	err := prepare(cluster.Surroundings)
	if err == nil {
		err = family.live(stop, ended, gone)
	}
	family.end()
	if err != nil {
		return err // and leave the logs to the starter, who tells what went wrong
	}
	return os.RemoveAll(cluster.StateDir)
}

// live starts processes, and starts them again when they end, until it is told to stop.
func (f *family) live(stop, ended <-chan os.Signal, gone <-chan struct{}) error {
	// A process that ends at once is started again at the next tick, not in a tight loop.
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	if err := f.startMissing(); err != nil {
		return err
	}
	for {
		retry := tick.C
		if f.complete() {
			retry = nil
		}
		select {
		case <-stop:
			return nil
		case <-gone:
			return nil
		case <-ended:
			f.reap()
		case <-retry:
			if err := f.startMissing(); err != nil {
				return err
			}
		}
	}
}
