// Command upstream writes into a folder what the chart of extension microsoft.flux takes over from Flux: the definitions of its
// objects, made from the API modules that go.mod names as Flux' own makefiles make them, and the versions of its controllers, which
// are those of the modules. Nothing of Flux is kept in this repository.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"

	// They decide what is made.
	_ "github.com/fluxcd/helm-controller/api/v2"
	_ "github.com/fluxcd/image-automation-controller/api/v1"
	_ "github.com/fluxcd/image-reflector-controller/api/v1"
	_ "github.com/fluxcd/kustomize-controller/api/v1"
	_ "github.com/fluxcd/notification-controller/api/v1"
	_ "github.com/fluxcd/source-controller/api/v1"
)

func controllers() []string {
	return []string{
		"helm-controller", "image-automation-controller", "image-reflector-controller", "kustomize-controller",
		"notification-controller", "source-controller",
	}
}

func main() {
	out := flag.String("out", "", "the folder")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := write(ctx, *out)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

// write replaces what is in the folder. The versions come last: with them it is complete.
func write(ctx context.Context, out string) error {
	folder, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	old, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return fmt.Errorf("look into the folder: %w", err)
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("remove what was made before: %w", err)
		}
	}
	args := []string{"tool", "controller-gen", "crd:crdVersions=v1", "output:crd:artifacts:config=" + folder}
	var versions strings.Builder
	for _, name := range controllers() {
		module := "github.com/fluxcd/" + name + "/api"
		version, err := goCommand(ctx, "list", "-m", "-f", "{{.Version}}", module)
		if err != nil {
			return err
		}
		args = append(args, "paths="+module+"/...")
		fmt.Fprintf(&versions, "%s: %s\n", name, strings.TrimSpace(version))
	}
	if _, err := goCommand(ctx, args...); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(folder, "versions.yaml"), []byte(versions.String()), 0o600); err != nil {
		return fmt.Errorf("write the versions: %w", err)
	}
	return nil
}

func goCommand(ctx context.Context, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "go", args...) //nolint:gosec // the arguments are made here
	var problems bytes.Buffer
	command.Stderr = &problems
	said, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, problems.String())
	}
	return string(said), nil
}
