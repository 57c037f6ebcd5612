package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// requirements maps what a node needs of this machine to the Debian packages that bring it.
func requirements() map[string]string {
	return map[string]string{
		"/usr/bin/containerd": "containerd", "/usr/bin/ctr": "containerd", "/usr/sbin/runc": "runc", "/usr/lib/cni/ptp": "containernetworking-plugins",
		"/usr/sbin/iptables": "iptables", "/usr/sbin/ip": "iproute2", "/usr/bin/nsenter": "util-linux",
	}
}

// installPackages installs what a node needs and this machine lacks.
func (b *builder) installPackages(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("a full node needs root, for namespaces, mounts and links; a control plane (--control-plane) does not")
	}
	return install(ctx, b.config.Progress, requirements())
}

// install installs the packages that bring those of the files that this machine lacks, or says what to install.
func install(ctx context.Context, progress io.Writer, files map[string]string) error {
	missing := missingPackages(files)
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install these first: %s (packages of Debian): %w", list, err)
	}
	_, _ = fmt.Fprintf(progress, "    installing packages of Debian: %s\n", list) // that nobody can read it is no reason to stop
	// Another node may be started at the same time, and of two apt-gets one would give up.
	install := command(ctx, "flock", "--timeout", "900", filepath.Join(os.TempDir(), "fairlead-packages.lock"),
		"sh", "-c", "apt-get update -q && apt-get install -q -y --no-install-recommends "+list)
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	_, err := output(install, "apt-get install "+list)
	return err
}

func missingPackages(files map[string]string) []string {
	seen := map[string]bool{}
	var missing []string
	for file, pkg := range files {
		if _, err := os.Stat(file); err != nil && !seen[pkg] {
			seen[pkg] = true
			missing = append(missing, pkg)
		}
	}
	return missing
}
