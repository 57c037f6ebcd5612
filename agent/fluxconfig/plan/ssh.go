package plan

import (
	"net"
	"net/url"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/fairlead/fairlead"
)

// SSH is how a repository is read over ssh.
type SSH struct {
	Private, Public []byte
	KnownHosts      []byte
}

// The keys of Flux' Secrets for ssh.
const (
	KeyIdentity   = "identity"
	KeyPublic     = "identity.pub"
	KeyKnownHosts = "known_hosts"
)

func (s *SSH) data() map[string][]byte {
	return map[string][]byte{KeyIdentity: s.Private, KeyPublic: s.Public, KeyKnownHosts: s.KnownHosts}
}

// NeedsSSH reports whether the source is a repository that is read over ssh by a key of the configuration.
func NeedsSSH(spec fairlead.FluxSpec) bool {
	git := spec.GitRepository
	return git != nil && strings.HasPrefix(git.URL, "ssh://") && git.LocalAuthRef == ""
}

// KnownHosts are the keys by which the host of a repository is known: those that were given, or those that its provider publishes.
func KnownHosts(git *fairlead.FluxGit) ([]byte, error) {
	if git.SSHKnownHosts != "" {
		return decoded("sshKnownHosts", git.SSHKnownHosts)
	}
	parsed, err := url.Parse(git.URL)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the repository's URL cannot be read: %w", err)
	}
	key, known := providers()[parsed.Hostname()]
	if !known {
		return nil, fairlead.Errorf(fairlead.Invalid, "the ssh keys of %s are not known here; give them with --known-hosts-file, as ssh-keyscan prints them", parsed.Hostname())
	}
	host := parsed.Hostname()
	if port := parsed.Port(); port != "" && port != "22" {
		host = knownhosts.Normalize(net.JoinHostPort(host, port))
	}
	return []byte(host + " " + key + "\n"), nil
}

// providers are the keys of those that many use, as they publish them.
func providers() map[string]string {
	const azure = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7Hr1oTWqNqOlzGJOfGJ4NakVyIzf1rXYd4d7wo6jBlkLvCA4odBlL0mDUyZ0/QUfTTqeu+tm22gOsv+VrVTMk6vwRU75gY/y9ut5Mb3bR5BV58dKXyq9A9UeB5Cakehn5Zgm6x1mKoVyf+FFn26iYqXJRgzIZZcZ5V6hrE0Qg39kZm4az48o0AUbf6Sp4SLdvnuMa2sVNwHBboS7EJkm57XQPVU3/QpyNLHbWDdzwtrlS+ez30S3AdYhLKEOxAG8weOnyrtLJAUen9mTkol8oII1edf7mWWbWVf0nBmly21+nZcmCTISQBtdcyPaEno7fFQMDD26/s0lfKob4Kw8H"
	return map[string]string{
		"github.com":              "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
		"gitlab.com":              "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf",
		"bitbucket.org":           "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO",
		"ssh.dev.azure.com":       azure,
		"vs-ssh.visualstudio.com": azure,
	}
}

// PublicOf is the public key of a private one, in the shape in which providers take it. Keys with a passphrase cannot be used.
func PublicOf(private []byte) ([]byte, error) {
	signer, err := ssh.ParsePrivateKey(private)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the ssh key cannot be used: %w; give one without a passphrase, in PEM", err)
	}
	return ssh.MarshalAuthorizedKey(signer.PublicKey()), nil
}
