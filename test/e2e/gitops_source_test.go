package e2e_test

import (
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
	"github.com/fairlead/fairlead/test/e2e/rig/blob"
	"github.com/fairlead/fairlead/test/e2e/rig/bucket"
)

// applies makes a configuration in a namespace of its own, of its name, that applies a folder of a source.
func (g *gitops) applies(name, folder string, source ...string) {
	g.t.Helper()
	g.flux("create", name, append(append([]string{"--namespace", name, "--scope", "namespace", "--interval", "5s", "--timeout", "10s"}, source...),
		"--kustomization", "name=app", "path="+folder, "prune=true", "interval=5s", "timeout=10s", "retry_interval=5s")...)
}

// address is where the machine listens so that pods of the node reach it.
func (g *gitops) address() string { return net.JoinHostPort(g.cluster.HostAddress, "0") }

// file writes what a flag takes from a file.
func (g *gitops) file(content string) string {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "given")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return file
}

// hides looks for something secret where a configuration is shown.
func (g *gitops) hides(name, secret string) {
	g.t.Helper()
	shown := g.flux("show", name, "-o", "json") + g.flux("logs", name, "-o", "json") + g.kubectl("get", "fluxconfigs", "-n", "azure-arc", "-o", "yaml")
	for _, form := range []string{strings.ReplaceAll(secret, "\n", `\n`), base64.StdEncoding.EncodeToString([]byte(secret))} {
		if strings.Contains(shown, form) {
			g.t.Errorf("what is secret is shown:\n%s", shown)
		}
	}
}

// ownSecretAuthenticates lets a repository be read with a Secret that a person makes, mends and keeps.
func ownSecretAuthenticates(g *gitops) {
	const user, password = "keeper", "lighthouse-23"
	server, err := g.git.Serve(g.t.Context(), g.address())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = server.Close() })
	server.Ask(user, password)
	commit := g.commit("a note for who has a Secret", map[string]string{"own/note.yaml": noteIn("own", "mine")})
	g.applies("own", "./own", "-u", server.URL, "--branch", "main", "--local-auth-ref", "door")
	g.says("own", "GitRepository own/own: ", "The Secret is not in the configuration's namespace", "--local-auth-ref")
	g.kubectl("create", "secret", "generic", "door", "-n", "own", "--from-literal=username="+user, "--from-literal=password=guessed")
	g.says("own", "authentication required", "--local-auth-ref")
	g.kubectl("patch", "secret", "door", "-n", "own", "-p", `{"stringData":{"password":"`+password+`"}}`)
	g.holds("own", "own", at(commit), "mine")
	g.hides("own", password)
	g.flux("delete", "own", "--yes")
	g.kubectl("get", "secret", "door", "-n", "own") // it is the person's
	g.kubectl("delete", "namespace", "own")
}

func (g *gitops) overSSH() *rig.SSHServer {
	g.t.Helper()
	server, err := g.git.ServeSSH(g.t.Context(), g.address())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = server.Close() })
	return server
}

func sshKey(t *testing.T) (private, public string) {
	t.Helper()
	secret, shown, err := rig.NewSSHKey()
	if err != nil {
		t.Fatal(err)
	}
	return string(secret), string(shown)
}

// sshIsFollowed lets a repository be read with a key of a person's: first from a host that is not the known one, then as a stranger.
func sshIsFollowed(g *gitops) {
	server := g.overSSH()
	private, public := sshKey(g.t)
	_, other := sshKey(g.t)
	host, _, _ := strings.Cut(server.KnownHosts, " ")
	commit := g.commit("a note over ssh", map[string]string{"ssh/note.yaml": noteIn("ssh", "first")})
	g.applies("ssh", "./ssh", "-u", server.URL, "--branch", "main", "--ssh-private-key-file", g.file(private), "--known-hosts-file", g.file(host+" "+other))
	g.says("ssh", "GitRepository ssh/ssh: ", "key mismatch", "The host shows another ssh key than the known one", "--known-hosts-file")
	g.flux("update", "ssh", "--known-hosts-file", g.file(server.KnownHosts))
	g.says("ssh", "unable to authenticate", "--ssh-private-key-file")
	if err := server.Admit([]byte(public)); err != nil {
		g.t.Fatal(err)
	}
	g.holds("ssh", "ssh", at(commit), "first")
	g.holds("ssh", "ssh", at(g.commit("another over ssh", map[string]string{"ssh/note.yaml": noteIn("ssh", "second")})), "second")
	g.hides("ssh", private)
	g.flux("delete", "ssh", "--yes")
}

// deployKeyIsMade gives no key: the cluster makes one, whose public half the hub shows.
func deployKeyIsMade(g *gitops) {
	server := g.overSSH()
	commit := g.commit("a note for a deploy key", map[string]string{"deploykey/note.yaml": noteIn("deploykey", "admitted")})
	g.applies("deploykey", "./deploykey", "-u", server.URL, "--branch", "main", "--known-hosts-file", g.file(server.KnownHosts))
	g.says("deploykey", "GitRepository deploykey/deploykey: ", "unable to authenticate")
	if err := server.Admit([]byte(g.state("deploykey").RepositoryPublicKey)); err != nil {
		g.t.Fatal(err)
	}
	g.holds("deploykey", "deploykey", at(commit), "admitted")
	g.flux("delete", "deploykey", "--yes")
}

// packs writes an artifact with a note, and returns its folder and digest.
func (g *gitops) packs(namespace, text string) (dir, digest string) {
	g.t.Helper()
	dir = g.t.TempDir()
	digest, err := rig.WriteArtifact(dir, map[string]string{"app/note.yaml": noteIn(namespace, text)})
	if err != nil {
		g.t.Fatal(err)
	}
	return dir, digest
}

// pushes puts an artifact with a note into the hub's registry and returns its digest.
func (g *gitops) pushes(target, namespace, text string) string {
	g.t.Helper()
	dir, digest := g.packs(namespace, text)
	g.must("registry", "push", dir, target)
	return digest
}

// artifactIsFollowed lets the cluster follow an artifact in the hub's registry: without trust in it, then with a tag that moves and one that is not there.
func artifactIsFollowed(g *gitops) {
	digest := g.pushes("shop/app:latest", "artifact", "first")
	g.applies("artifact", "./app", "--kind", "oci", "-u", "oci://"+g.hub.Address+"/shop/app", "--tag", "latest")
	g.says("artifact", "OCIRepository artifact/artifact: ", "x509: ", "--tls-ca-certificate-file")
	g.flux("update", "artifact", "--tls-ca-certificate-file", g.hub.CAFile())
	g.holds("artifact", "artifact", at(digest), "first")
	g.holds("artifact", "artifact", at(g.pushes("shop/app:latest", "artifact", "second")), "second")
	g.flux("update", "artifact", "--tag", "lost")
	g.says("artifact", "OCIRepository artifact/artifact: ", "The branch, tag or commit is not there", "--tag")
	g.holdsAgain("artifact", "--tag", "latest")
	g.flux("delete", "artifact", "--yes")
}

// lockedArtifactIsFollowed lets the cluster follow an artifact in somebody's registry, which has an authority of its own and asks for a password: first with a wrong one.
func lockedArtifactIsFollowed(g *gitops) {
	const user, password = "reader", "anchor-41"
	registry := &rig.Registry{User: user, Password: password}
	if err := registry.Start(g.t.Context(), g.cluster.HostAddress); err != nil {
		g.t.Fatal(err)
	}
	show := func(text string) string {
		g.t.Helper()
		dir, digest := g.packs("locked", text)
		registry.Show(dir)
		return digest
	}
	digest := show("first")
	g.applies("locked", "./app", "--kind", "oci", "-u", registry.URL(), "--tag", "latest", "--tls-ca-certificate-file", g.file(string(registry.Authority)),
		"--oci-user", user, "--oci-password-file", g.file("guessed"))
	g.says("locked", "OCIRepository locked/locked: ", "UNAUTHORIZED", "The source refuses the credentials", "--oci-password-file")
	g.flux("update", "locked", "--oci-password-file", g.file(password))
	g.holds("locked", "locked", at(digest), "first")
	g.holds("locked", "locked", at(show("second")), "second")
	g.hides("locked", password)
	g.flux("delete", "locked", "--yes")
}

// holdsAgain mends a configuration and waits until it is compliant.
func (g *gitops) holdsAgain(name string, flags ...string) {
	g.t.Helper()
	g.flux("update", name, flags...)
	g.holds(name, name, func(revision string) bool { return revision != "" }, "second")
}

// bucketIsFollowed lets the cluster follow a bucket of an S3-compatible store: with a wrong secret, then as objects change, and when it is not there.
func bucketIsFollowed(g *gitops) {
	const key, secret = "reader", "harbour-31"
	store, err := bucket.Serve(g.t.Context(), g.address(), "shop", key, secret)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = store.Close() })
	put := func(text string) {
		g.t.Helper()
		if err := store.Put(g.t.Context(), map[string]string{"app/note.yaml": noteIn("bucket", text)}); err != nil {
			g.t.Fatal(err)
		}
	}
	put("first")
	g.applies("bucket", "./app", "--kind", "bucket", "-u", store.URL, "--bucket-name", store.Name, "--bucket-insecure",
		"--bucket-access-key", key, "--bucket-secret-key-file", g.file("guessed"))
	g.says("bucket", "Bucket bucket/bucket: ", "The source refuses the credentials", "--bucket-secret-key-file")
	g.flux("update", "bucket", "--bucket-access-key", key, "--bucket-secret-key-file", g.file(secret))
	g.holds("bucket", "bucket", func(revision string) bool { return revision != "" }, "first")
	before := g.state("bucket").SourceSyncedCommitID
	put("second")
	g.holds("bucket", "bucket", func(revision string) bool { return revision != "" && revision != before }, "second")
	g.flux("update", "bucket", "--bucket-name", "lost")
	g.says("bucket", "Bucket bucket/bucket: ", "There is no such bucket", "--bucket-name")
	g.holdsAgain("bucket", "--bucket-name", store.Name)
	g.hides("bucket", secret)
	g.flux("delete", "bucket", "--yes")
}

// containerIsFollowed lets the cluster follow a container of what stands in for Azure's blob storage: without trust in it, with a wrong
// key, as blobs change, when it is not there, and with SAS tokens.
func containerIsFollowed(g *gitops) {
	const domain = "blob.example.test"
	store, err := blob.Serve(g.t.Context(), g.address(), "quay", domain, "shop")
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { _ = store.Close() })
	if err := g.cluster.AddHost("quay." + domain); err != nil {
		g.t.Fatal(err)
	}
	put := func(text string) { store.Put(map[string]string{"app/note.yaml": noteIn("blobs", text)}) }
	put("first")
	g.applies("blobs", "./app", "--kind", "azblob", "-u", store.URL, "--container-name", store.Name, "--timeout", "30s",
		"--account-key-file", g.file(base64.StdEncoding.EncodeToString([]byte("guessed"))))
	g.says("blobs", "Bucket blobs/blobs: ", "x509: ", "trust.caBundle")
	g.must("k8s-extension", "update", "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", "flux", "--config", "trust.caBundle="+string(store.Authority))
	g.says("blobs", "Bucket blobs/blobs: ", "403 AuthenticationFailed", "The source refuses the credentials", "--account-key-file")
	g.flux("update", "blobs", "--account-key-file", g.file(store.Key))
	g.holds("blobs", "blobs", func(revision string) bool { return revision != "" }, "first")
	before := g.state("blobs").SourceSyncedCommitID
	put("second")
	g.holds("blobs", "blobs", func(revision string) bool { return revision != "" && revision != before }, "second")
	g.flux("update", "blobs", "--container-name", "lost")
	g.says("blobs", "Bucket blobs/blobs: ", "There is no such bucket", "--container-name")
	over, good := store.Token(time.Now().Add(-time.Minute)), store.Token(time.Now().Add(time.Hour))
	g.flux("update", "blobs", "--container-name", store.Name, "--sas-token-file", g.file(over)) // in place of the key
	g.says("blobs", "Bucket blobs/blobs: ", "403 AuthenticationFailed", "--sas-token-file")
	put("third")
	g.flux("update", "blobs", "--sas-token-file", g.file(good))
	g.holds("blobs", "blobs", func(revision string) bool { return revision != "" }, "third")
	for _, secret := range []string{store.Key, good, over} {
		g.hides("blobs", secret)
	}
	g.flux("delete", "blobs", "--yes")
}
