// Package recipe knows how to build every program of a cluster from the Go module proxy and keeps the results in a cache.
// It builds each program once, under a file lock, and knows nothing about how the programs are run.
package recipe

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Version is the version of Kubernetes that is built, and that the API server reports.
const Version = "v1.34.1"

// Program names a binary that the cache can provide.
type Program string

// The programs of a cluster.
const (
	Etcd              Program = "etcd"
	APIServer         Program = "kube-apiserver"
	ControllerManager Program = "kube-controller-manager"
	Kubectl           Program = "kubectl"
	Scheduler         Program = "kube-scheduler"
	Proxy             Program = "kube-proxy"
	Kubelet           Program = "kubelet"
	CoreDNS           Program = "coredns"
	Pause             Program = "pause"
	Supervisor        Program = "supervisor"

	// Controllers of Flux, for tests of GitOps.
	SourceController    Program = "source-controller"
	KustomizeController Program = "kustomize-controller"

	// What public charts install, for tests of extensions.
	MetricsServer Program = "metrics-server"
	OSMBootstrap  Program = "osm-bootstrap"
	OSMController Program = "osm-controller"
	OSMInjector   Program = "osm-injector"
	OSMPreinstall Program = "osm-preinstall"
)

//go:embed kubernetes coredns flux metrics-server osm pause supervisor
var sources embed.FS

// group is a set of programs that one run of the compiler makes: they share packages, a lock and a folder of the cache.
type group struct {
	name     string
	source   string // folder below this package
	layout   func(dir string) error
	complete func(ctx context.Context, dir string) error // after layout: what has to be fetched for it
	packages map[Program]string
	ldflags  string
}

// groups is in the order of need: whoever wants a control plane waits for the first two only.
func groups() []group {
	return []group{
		{name: "supervisor", source: "supervisor", layout: layoutOwn("supervisor"), packages: map[Program]string{Supervisor: "./recipe/supervisor"}, ldflags: "-s -w"},
		{name: "controlplane", source: "kubernetes", layout: layoutModule("kubernetes"), packages: controlPlanePackages(), ldflags: kubernetesFlags()},
		{name: "node", source: "kubernetes", layout: layoutModule("kubernetes"), packages: nodePackages(), ldflags: kubernetesFlags()},
		{name: "pause", source: "pause", layout: layoutOwn("pause"), packages: map[Program]string{Pause: "./recipe/pause"}, ldflags: "-s -w"},
		{name: "coredns", source: "coredns", layout: layoutModule("coredns"), packages: map[Program]string{CoreDNS: "main.go"}, ldflags: "-s -w"},
		{name: "fluxcommand", source: "flux", layout: layoutModule("flux"), complete: completeFlux, packages: map[Program]string{Flux: fluxModule + "/cmd/flux"}, ldflags: "-s -w"},
		{name: "flux", source: "flux", layout: layoutModule("flux"), packages: fluxPackages(), ldflags: "-s -w"},
		{name: "metrics-server", source: "metrics-server", layout: layoutModule("metrics-server"), packages: metricsServerPackages(), ldflags: metricsServerFlags()},
		{name: "osm", source: "osm", layout: layoutModule("osm"), packages: osmPackages(), ldflags: osmFlags()},
	}
}

func controlPlanePackages() map[Program]string {
	return map[Program]string{
		Etcd:              "go.etcd.io/etcd/server/v3",
		APIServer:         "k8s.io/kubernetes/cmd/kube-apiserver",
		ControllerManager: "k8s.io/kubernetes/cmd/kube-controller-manager",
		Kubectl:           "k8s.io/kubernetes/cmd/kubectl",
	}
}

func nodePackages() map[Program]string {
	return map[Program]string{
		Scheduler: "k8s.io/kubernetes/cmd/kube-scheduler",
		Proxy:     "k8s.io/kubernetes/cmd/kube-proxy",
		Kubelet:   "k8s.io/kubernetes/cmd/kubelet",
	}
}

func fluxPackages() map[Program]string {
	return map[Program]string{
		SourceController:    "github.com/fluxcd/source-controller",
		KustomizeController: "github.com/fluxcd/kustomize-controller",
	}
}

func metricsServerPackages() map[Program]string {
	return map[Program]string{MetricsServer: MetricsServerModule + "/cmd/metrics-server"}
}

func osmPackages() map[Program]string {
	return map[Program]string{
		OSMBootstrap:  OSMModule + "/cmd/osm-bootstrap",
		OSMController: OSMModule + "/cmd/osm-controller",
		OSMInjector:   OSMModule + "/cmd/osm-injector",
		OSMPreinstall: OSMModule + "/cmd/osm-preinstall",
	}
}

// kubernetesFlags stamps the version: a build from modules would report v0.0.0-master, which clients refuse.
func kubernetesFlags() string {
	const stamp = " -X k8s.io/component-base/version."
	return "-s -w" + stamp + "gitVersion=" + Version + stamp + "gitMajor=1" + stamp + "gitMinor=34" + stamp + "gitTreeState=clean" +
		stamp + "gitCommit=93248f9ae092f571eb870b7664c534bfc7d00f03" + stamp + "buildDate=2025-09-09T19:00:00Z"
}

// metricsServerFlags stamps the version that it says it is.
func metricsServerFlags() string {
	return "-s -w -X k8s.io/client-go/pkg/version.gitVersion=" + required("metrics-server", MetricsServerModule)
}

// osmFlags stamps the version, which the mesh writes into labels.
func osmFlags() string {
	return "-s -w -X " + OSMModule + "/pkg/version.Version=" + required("osm", OSMModule)
}

// folder is the group's folder in the cache: a change of its sources or flags makes another one.
func (g group) folder() (string, error) {
	sum := sha256.New()
	_, _ = fmt.Fprintln(sum, g.ldflags) // a hash takes everything
	err := fs.WalkDir(sources, g.source, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := sources.ReadFile(path)
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", path, len(content), content)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read recipe %s: %w", g.name, err)
	}
	return g.source + "-" + Version + "-" + hex.EncodeToString(sum.Sum(nil))[:12], nil
}

// layoutModule writes a recipe that is a module of its own; it is kept as NAME.mod, since a folder with a go.mod cannot be embedded.
func layoutModule(name string) func(string) error {
	return func(dir string) error {
		for from, to := range map[string]string{name + ".mod": "go.mod", name + ".sum": "go.sum", "main.go": "main.go"} {
			content, err := sources.ReadFile(name + "/" + from)
			if err != nil {
				continue // only CoreDNS has a main of its own
			}
			if err := os.WriteFile(filepath.Join(dir, to), content, 0o600); err != nil {
				return fmt.Errorf("write recipe %s: %w", name, err)
			}
		}
		return nil
	}
}

// layoutOwn writes a program of this module, which needs nothing but the standard library, under its own import path.
func layoutOwn(name string) func(string) error {
	return func(dir string) error {
		part, err := fs.Sub(sources, name)
		if err != nil {
			return fmt.Errorf("find program %s: %w", name, err)
		}
		if err := os.CopyFS(filepath.Join(dir, "recipe", name), part); err != nil {
			return fmt.Errorf("write program %s: %w", name, err)
		}
		module := "module github.com/fairlead/fairlead/test/cluster\n\ngo 1.26.0\n"
		return os.WriteFile(filepath.Join(dir, "go.mod"), []byte(module), 0o600)
	}
}
