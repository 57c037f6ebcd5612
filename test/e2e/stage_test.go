// Package e2e tells what a person sees: the real binary, a real hub over TLS, real Kubernetes. The
// scenarios on the full node need root; without it they say that they were left out.
package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/clustertest"
	"github.com/fairlead/fairlead/test/cluster/engine"
	"github.com/fairlead/fairlead/test/cluster/freeport"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// stage is one hub and one cluster, with a signed-in administrator.
type stage struct {
	t       *testing.T
	cluster *engine.Cluster
	hub     *rig.Hub
	cli     rig.CLI
}

// part of a story that builds on the parts before.
type part[T any] struct {
	name string
	run  func(T)
}

// tell runs a story of something that on gives to a part's own test.
func tell[T any](t *testing.T, on func(*testing.T) T, story []part[T]) {
	t.Helper()
	for _, one := range story {
		if !t.Run(one.name, func(t *testing.T) { one.run(on(t)) }) {
			t.Fatalf("%s failed; what follows would say nothing", one.name)
		}
	}
}

// binary is the path that a variable of the Makefile names.
func binary(t *testing.T, variable string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Fatalf("%s is not set: run these tests with `make test-e2e`", variable)
	}
	return path
}

// fullNode is a stage whose cluster has a kubelet and pulls from the hub's registry.
func fullNode(t *testing.T) *stage {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("a full node needs root")
	}
	cluster := clustertest.Start(t, clustertest.FullNode())
	s := newStage(t, cluster.Cluster, cluster.HostAddress)
	s.trustRegistry()
	return s
}

// controlPlane is a stage whose cluster has an API server and no kubelet.
func controlPlane(t *testing.T) *stage {
	t.Helper()
	return newStage(t, clustertest.Start(t).Cluster, "127.0.0.1")
}

func newStage(t *testing.T, cluster *engine.Cluster, host string) *stage {
	t.Helper()
	address, err := freeport.Address(t.Context(), host)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &stage{t: t, cluster: cluster, hub: &rig.Hub{Binary: binary(t, "FAIRLEAD_BINARY"), Dir: filepath.Join(dir, "hub"), Address: address}}
	s.cli = rig.CLI{Binary: s.hub.Binary, ConfigDir: filepath.Join(dir, "config"), Kubeconfig: cluster.Kubeconfig}
	s.startHub()
	t.Cleanup(func() { s.end() })
	s.must("login", "--credential-file", s.hub.CredentialFile())
	return s
}

func (s *stage) end() {
	if err := s.hub.Kill(); err != nil {
		s.t.Error(err)
	}
	if log, err := os.ReadFile(s.hub.LogFile()); err == nil && s.t.Failed() {
		s.t.Logf("hub log:\n%.20000s", log)
	}
}

func (s *stage) startHub() {
	s.t.Helper()
	if err := s.hub.Start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) trustRegistry() {
	s.t.Helper()
	authority, err := os.ReadFile(s.hub.CAFile())
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cluster.TrustRegistry(s.hub.Address, authority); err != nil {
		s.t.Fatal(err)
	}
}

// on returns the same stage for a subtest, so that failures belong to it.
func (s *stage) on(t *testing.T) *stage {
	copied := *s
	copied.t = t
	return &copied
}

func (s *stage) run(args ...string) rig.Result {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 4*time.Minute)
	defer cancel()
	result, err := s.cli.Run(ctx, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return result
}

// must runs a command that has to succeed and returns what it printed.
func (s *stage) must(args ...string) string {
	s.t.Helper()
	result := s.run(args...)
	if result.Code != 0 {
		s.t.Fatalf("fairlead %s ended with %d:\n%s%s", strings.Join(args, " "), result.Code, result.Out, result.Err)
	}
	return result.Out
}

// refused runs a command that has to fail and say each of the words.
func (s *stage) refused(words []string, args ...string) {
	s.t.Helper()
	result := s.run(args...)
	if result.Code == 0 {
		s.t.Fatalf("fairlead %s succeeded, and must not", strings.Join(args, " "))
	}
	for _, word := range words {
		if !strings.Contains(result.Err, word) {
			s.t.Errorf("fairlead %s: the message lacks %q:\n%s", strings.Join(args, " "), word, result.Err)
		}
	}
}

// kubectl runs kubectl as cluster-admin; it has to succeed.
func (s *stage) kubectl(args ...string) string {
	s.t.Helper()
	out, err := s.cluster.Kubectl(s.t.Context(), args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// shown is what `connectedk8s show` says of a cluster.
type shown struct {
	ID         string            `json:"id"`
	Tags       map[string]string `json:"tags"`
	Properties struct {
		ConnectivityStatus   string     `json:"connectivityStatus"`
		KubernetesVersion    string     `json:"kubernetesVersion"`
		TotalNodeCount       int        `json:"totalNodeCount"`
		TotalCoreCount       int        `json:"totalCoreCount"`
		AgentVersion         string     `json:"agentVersion"`
		Distribution         string     `json:"distribution"`
		LastConnectivityTime *time.Time `json:"lastConnectivityTime"`
		ArcAgentProfile      struct {
			AgentState       string `json:"agentState"`
			SystemComponents []struct {
				Type  string `json:"type"`
				Ready bool   `json:"ready"`
			} `json:"systemComponents"`
		} `json:"arcAgentProfile"`
	} `json:"properties"`
}

func (s *stage) show() shown {
	s.t.Helper()
	var cluster shown
	if err := json.Unmarshal([]byte(s.must("connectedk8s", "show", "-n", edge, "-g", "default", "-o", "json")), &cluster); err != nil {
		s.t.Fatal(err)
	}
	return cluster
}

func (s *stage) status() string { return s.show().Properties.ConnectivityStatus }

// patience is how many times longer a test waits than whatever it waits for takes on a machine of its own: those that tests run on
// are shared. How long something takes is what make bench tells.
const patience = 3

// eventually waits until holds returns "", and otherwise fails with what it last said.
func (s *stage) eventually(within time.Duration, holds func() string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience*within)
	defer cancel()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		complaint := holds()
		if complaint == "" {
			return
		}
		select {
		case <-ctx.Done():
			s.t.Fatalf("not within %s: %s", patience*within, complaint)
		case <-tick.C:
		}
	}
}

func (s *stage) becomes(want string, within time.Duration) {
	s.t.Helper()
	s.eventually(within, func() string {
		if got := s.status(); got != want {
			return fmt.Sprintf("%s is %s, want %s", edge, got, want)
		}
		return ""
	})
}

// clusterScoped lists what a disconnect must leave as it was.
func (s *stage) clusterScoped() string {
	s.t.Helper()
	return s.kubectl("get", "namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,"+
		"validatingwebhookconfigurations,mutatingwebhookconfigurations,apiservices,priorityclasses,persistentvolumes", "-o", "name")
}
