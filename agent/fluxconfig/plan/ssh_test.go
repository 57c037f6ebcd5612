package plan_test

import (
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig/plan"
)

// The fingerprints are those that the providers publish in their documentation.
func TestKnownHostsAreThoseOfTheProviders(t *testing.T) {
	for url, want := range map[string]string{
		"ssh://git@github.com/a/b":               "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
		"ssh://git@gitlab.com/a/b":               "SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
		"ssh://git@bitbucket.org/a/b":            "SHA256:ybgmFkzwOSotHTHLJgHO0QN8L0xErw6vd0VhFA9m3SM",
		"ssh://git@ssh.dev.azure.com/v3/a/b":     "SHA256:ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og",
		"ssh://a@vs-ssh.visualstudio.com/v3/a/b": "SHA256:ohD8VZEXGWo6Ez8GSEJQ9WpafgLFsOfLOtGGQCQo6Og",
	} {
		text, err := plan.KnownHosts(&fairlead.FluxGit{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		_, hosts, key, _, _, err := ssh.ParseKnownHosts(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := ssh.FingerprintSHA256(key); got != want || !strings.Contains(url, "@"+hosts[0]+"/") {
			t.Errorf("%s: %s of %q, want %s", url, got, hosts, want)
		}
	}
}

func TestOtherHostsHaveToBeMadeKnown(t *testing.T) {
	own := &fairlead.FluxGit{URL: "ssh://git@" + net.JoinHostPort("git.example.org", "2222") + "/a"}
	if _, err := plan.KnownHosts(own); err == nil || !strings.Contains(err.Error(), "git.example.org are not known") {
		t.Errorf("error %v", err)
	}
	own.SSHKnownHosts = base64.StdEncoding.EncodeToString([]byte("[git.example.org]:2222 ssh-ed25519 AAAA\n"))
	if text, err := plan.KnownHosts(own); err != nil || !strings.HasPrefix(string(text), "[git.example.org]:2222 ") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestAKeyThatCannotBeUsedIsSaid(t *testing.T) {
	if _, err := plan.PublicOf([]byte("no key")); fairlead.KindOf(err) != fairlead.Invalid {
		t.Errorf("error %v", err)
	}
}
