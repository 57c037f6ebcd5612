package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// TestIdentityOverTime: the hub is restored from a backup, and its authority replaced, under a cluster that nobody
// touches. Restarting the agents only spares the minutes until they would ask by themselves.
func TestIdentityOverTime(t *testing.T) {
	t.Parallel()
	s := controlPlane(t)
	agents := rig.Daemon{Name: "agents", Dir: t.TempDir()}
	t.Cleanup(func() {
		if err := agents.Stop(); err != nil {
			t.Error(err)
		}
	})
	s.startAgents(agents)
	s.must("connectedk8s", "connect", "-n", edge, "-g", "default", "--onboarding-timeout", "120")
	t.Run("RestoredHub", func(t *testing.T) { restoredUnderAgents(s.on(t)) })
	t.Run("Authority", func(t *testing.T) { authorityReplaced(s.on(t), agents) })
	if shown := s.must("connectedk8s", "show", "-n", edge, "-g", "default", "-o", "json"); strings.Contains(shown, "duplicateIdentity") {
		t.Errorf("restarts look like a copy of the cluster:\n%s", shown)
	}
}

func (s *stage) data() string { return filepath.Join(s.hub.Dir, "data") }

// restoredUnderAgents takes a backup of the running hub and goes back to it.
func restoredUnderAgents(s *stage) {
	dir := s.t.TempDir()
	secret, file := filepath.Join(dir, "passphrase"), filepath.Join(dir, "hub.backup")
	if err := os.WriteFile(secret, []byte("correct horse\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.must("hub", "backup", "--data", s.data(), "--file", file, "--passphrase-file", secret)
	s.must("connectedk8s", "update", "-n", edge, "-g", "default", "--tags", "after=backup")
	s.refused([]string{"another hub"}, "hub", "restore", file, "--data", s.data(), "--passphrase-file", secret, "--force")
	if err := s.hub.Stop(); err != nil {
		s.t.Fatal(err)
	}
	s.must("hub", "restore", file, "--data", s.data(), "--passphrase-file", secret, "--force")
	started := time.Now()
	s.startHub()
	s.beatsAfter(started)
	if tags := s.show().Tags; len(tags) > 0 {
		s.t.Errorf("the restored hub knows what came later: %v", tags)
	}
}

// authorityReplaced goes through all steps.
func authorityReplaced(s *stage, agents rig.Daemon) {
	again := func() {
		if err := agents.Stop(); err != nil {
			s.t.Fatal(err)
		}
		s.startAgents(agents)
		s.beatsAfter(time.Now())
	}
	s.must("hub", "ca", "rotate", "--data", s.data())
	s.eventually(20*time.Second, func() string {
		if content, err := os.ReadFile(s.hub.CAFile()); err != nil || strings.Count(string(content), "BEGIN CERTIFICATE") != 2 {
			return "ca.crt does not hold both authorities"
		}
		return ""
	})
	again()
	s.eventually(time.Minute, func() string {
		if result := s.run("hub", "ca", "switch", "--data", s.data()); result.Code != 0 {
			return result.Err
		}
		return ""
	})
	s.must("login", "--credential-file", s.hub.CredentialFile())
	again()
	s.must("hub", "ca", "retire", "--data", s.data())
	again()
	s.becomes("Connected", 20*time.Second)
}
