// Package site puts the parts of cluster connect together on one machine: a hub, a link, a cluster's agents and a stand-in for
// its API server. It asserts nothing.
package site

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fairlead/fairlead/test/tunnelfaults/apiserver"
	"github.com/fairlead/fairlead/test/tunnelfaults/link"
	"github.com/fairlead/fairlead/test/tunnelfaults/visitor"
)

// Options say what to put together.
type Options struct {
	Binary  string // of fairlead
	Dir     string // for everything that is written
	Profile Profile
}

// Site is it.
type Site struct {
	Hub     *Hub
	Link    *Link
	API     *apiserver.Server
	Cluster *Cluster

	options Options
	address string // of the API server
	trust   []byte
	serving sync.WaitGroup
	cancel  context.CancelFunc
	agent   *Agent
	clock   atomic.Int64
}

// Link is that between cluster and hub.
type Link = link.Link

// Open puts everything together and starts it, all but the agents.
func Open(ctx context.Context, options Options) (s *Site, err error) {
	s = &Site{options: options}
	// The API server is to outlive the moment in which the program is told to end.
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.cancel = cancel
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if err := s.openAPI(serving); err != nil {
		return s, err
	}
	if s.Hub, err = OpenHub(ctx, options.Binary, options.Dir); err != nil {
		return s, err
	}
	if s.Link, err = link.Open(ctx, s.Hub.Address); err != nil {
		return s, err
	}
	s.Cluster, err = s.Hub.Register(ctx, "far")
	return s, err
}

func (s *Site) openAPI(ctx context.Context) error {
	pair, authority, err := apiserver.Certificate("127.0.0.1")
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("open the API server: %w", err)
	}
	s.API, s.trust, s.address = &apiserver.Server{}, authority, listener.Addr().String()
	s.serving.Go(func() { _ = s.API.Serve(ctx, listener, pair) })
	return nil
}

// Close ends everything.
func (s *Site) Close() error {
	err := s.StopAgent()
	if s.Link != nil {
		s.Link.Close()
	}
	if s.Hub != nil {
		err = errors.Join(err, s.Hub.Kill())
	}
	s.cancel()
	s.serving.Wait()
	return err
}

// Visitor is a new caller, who comes through the hub and may reach clusters.
func (s *Site) Visitor(ctx context.Context, name string) (*visitor.Visitor, error) {
	who, err := s.Hub.Caller(ctx, name)
	if err != nil {
		return nil, err
	}
	return &visitor.Visitor{
		Base: s.Hub.URL() + s.Cluster.Path(), HTTP: visitor.Client(s.Hub.Trust()), Token: who.Token, User: who.ObjectID,
	}, nil
}

// StartAgent starts the agents.
func (s *Site) StartAgent(ctx context.Context) (err error) {
	s.agent, err = s.startAgent(ctx)
	return err
}

// StopAgent asks the agents to end, and waits for it.
func (s *Site) StopAgent() error {
	if s.agent == nil {
		return nil
	}
	err := s.agent.Stop()
	s.agent = nil
	return err
}

// JumpClock puts the cluster's clock wrong by so much.
func (s *Site) JumpClock(off time.Duration) { s.clock.Store(int64(off)) }

// Own is what this process holds: the agents, the API server, the link and whoever visits.
func Own() Usage {
	runtime.GC()
	runtime.GC() // what had a finalizer goes at the second one
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	resident, _ := Resident(os.Getpid())
	return Usage{Goroutines: runtime.NumGoroutine(), Heap: int64(memory.HeapAlloc), Resident: resident}
}

// Stacks are those of this process, many of a kind told once.
func Stacks() string {
	buffer := make([]byte, 1<<20)
	return strings.TrimSpace(string(buffer[:runtime.Stack(buffer, true)]))
}
