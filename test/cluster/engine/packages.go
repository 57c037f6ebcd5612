package engine

import (
	"context"
	"errors"
	"fmt"
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

// installPackages installs what is missing, or says what to install.
func (b *builder) installPackages(ctx context.Context) error {
	if os.Geteuid() != 0 {
		return errors.New("a full node needs root, for namespaces, mounts and links; a control plane (--control-plane) does not")
	}
	missing := missingPackages()
	if len(missing) == 0 {
		return nil
	}
	list := strings.Join(missing, " ")
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install these first: %s (packages of Debian): %w", list, err)
	}
	b.say("    installing packages of Debian: %s", list)
	// Another node may be started at the same time, and of two apt-gets one would give up.
	install := command(ctx, "flock", "--timeout", "900", filepath.Join(os.TempDir(), "fairlead-packages.lock"),
		"sh", "-c", "apt-get update -q && apt-get install -q -y --no-install-recommends "+list)
	install.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if _, err := output(install, "apt-get install "+list); err != nil {
		return err
	}
	return nil
}

func missingPackages() []string {
	seen := map[string]bool{}
	var missing []string
	for file, pkg := range requirements() {
		if _, err := os.Stat(file); err != nil && !seen[pkg] {
			seen[pkg] = true
			missing = append(missing, pkg)
		}
	}
	return missing
}
