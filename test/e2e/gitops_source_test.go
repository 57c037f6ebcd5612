package e2e_test

import (
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"strings"
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
