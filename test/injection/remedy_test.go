package injection_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// changing are the verbs of kubectl that know --dry-run=server.
func changing() []string {
	return []string{"apply", "create", "expose", "patch", "label", "annotate", "delete", "scale", "set", "taint", "replace"}
}

// dryRun runs one command of a remedy against the cluster without changing it. Commands that a person has to complete, that are for
// another program, or that need the internet are left out.
func (b *bench) dryRun(id, command string) {
	b.t.Helper()
	words := strings.Fields(command)
	if len(words) < 2 || words[0] != "kubectl" || strings.ContainsAny(command, "<>") || strings.Contains(command, "https://") {
		return
	}
	verb := words[1]
	for i := 1; i < len(words) && strings.HasPrefix(words[i], "-"); i++ { // kubectl -n x VERB
		if i+2 < len(words) && (words[i] == "-n" || words[i] == "--namespace") {
			verb = words[i+2]
		}
	}
	switch {
	case slices.Contains(changing(), verb):
		command += " --dry-run=server"
	case verb == "edit":
		command = strings.Replace(command, " edit ", " get ", 1) // what it opens has to be there
	case verb == "rollout":
		command = strings.Replace(strings.Replace(command, "rollout restart", "get", 1), "rollout undo", "get", 1) // what it names has to be there
	case verb == "get", verb == "describe", verb == "logs", verb == "top", verb == "config":
	default:
		return
	}
	if out, err := b.shell(command); err != nil && !strings.Contains(out, "previous terminated container") && verb != "logs" && verb != "top" {
		b.t.Errorf("%s: the remedy is refused: %s\n%v\n%s", id, command, err, out)
	}
}

// shell runs a line as a person's shell would, with this cluster's kubectl first on the path.
func (b *bench) shell(line string) (string, error) {
	program, err := b.Cluster.Program()
	if err != nil {
		return "", err
	}
	command := exec.CommandContext(b.t.Context(), "sh", "-c", line)
	command.Env = append(os.Environ(), "KUBECONFIG="+b.Cluster.Kubeconfig, "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	return string(out), err
}
