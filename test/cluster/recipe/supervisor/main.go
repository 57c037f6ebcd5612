// Command supervisor keeps the processes of one cluster running in the background, and takes everything down with it when it ends:
// on SIGTERM, or, on a leash, when the program that started it is gone. For a full node it is process 1 of the node's namespaces.
package main

import (
	"encoding/json"
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
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		os.Exit(1)
	}
}

func run(input io.Reader) error {
	// Registered first, so that a signal that comes early is not lost.
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)

	var cluster spec.Spec
	decoder := json.NewDecoder(input)
	if err := decoder.Decode(&cluster); err != nil {
		return fmt.Errorf("read what to run: %w", err)
	}
	family := newFamily(cluster)
	defer family.end()
	if err := prepare(cluster.Surroundings); err != nil {
		return err
	}
	return family.live(stop, ended, leash(cluster, input))
}

// leash is closed when the starter is gone. The kernel closes the starter's end of the pipe however it dies.
func leash(cluster spec.Spec, input io.Reader) <-chan struct{} {
	if !cluster.Leashed {
		return nil
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, input)
	}()
	return gone
}

// live starts and restarts processes until it is told to stop.
func (f *family) live(stop, ended <-chan os.Signal, gone <-chan struct{}) error {
	retry := time.NewTicker(300 * time.Millisecond)
	defer retry.Stop()
	for {
		if err := f.startMissing(); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-gone:
			return nil
		case <-ended:
			f.reap()
			// A process that ends at once is started again at the next tick, not in a tight loop.
			select {
			case <-stop:
				return nil
			case <-gone:
				return nil
			case <-retry.C:
			}
		}
	}
}
