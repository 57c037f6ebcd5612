package engine

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fairlead/fairlead/test/cluster/recipe"
	"github.com/fairlead/fairlead/test/cluster/recipe/supervisor/spec"
)

const (
	pauseImage   = "fairlead.test/pause:1"
	coreDNSImage = "fairlead.test/coredns:1"
	socket       = "/run/containerd/containerd.sock"
	cniPlugins   = "/usr/lib/cni"
)

func (b *builder) nodeName() string { return b.config.Name + "-node" }

func cgroup(name string) string { return "/fairlead-" + name }

// nodeProcesses is what a node runs besides the control plane.
func (b *builder) nodeProcesses() ([]spec.Process, error) {
	at := b.cluster.places()
	processes, err := b.processes([]wanted{
		{recipe.Scheduler, []string{"--kubeconfig=" + at.kubeconfig("scheduler"), "--secure-port=0", "--leader-elect=false", "--kube-api-qps=200", "--kube-api-burst=400"}},
		{recipe.Kubelet, []string{
			"--config=" + at.config("kubelet.json"), "--kubeconfig=" + at.kubeconfig("kubelet"), "--hostname-override=" + b.nodeName(),
			// Loopback will not do: logs, exec and port-forward go to this address.
			"--node-ip=" + b.cluster.NodeAddress,
		}},
		{recipe.Proxy, []string{
			"--kubeconfig=" + at.kubeconfig("proxy"), "--hostname-override=" + b.nodeName(), "--proxy-mode=iptables", "--cluster-cidr=" + podCIDR, "--oom-score-adj=0",
			// These would write settings of the whole machine, which a namespace may not.
			"--conntrack-max-per-core=0", "--conntrack-tcp-timeout-established=0s", "--conntrack-tcp-timeout-close-wait=0s",
		}},
	})
	containerd := spec.Process{Name: "containerd", Args: []string{"/usr/bin/containerd", "--config", at.config("containerd.toml")}, Log: at.log("containerd")}
	for i := range processes {
		if processes[i].Name == string(recipe.Kubelet) {
			processes[i].After = socket // it would end without
		}
	}
	return append([]spec.Process{containerd}, processes...), err
}

// surroundings give the node its own /run, /var/lib and /var/log: what programs leave there goes with the state folder.
func (b *builder) surroundings() *spec.Surroundings {
	state := func(name string) string { return filepath.Join(b.cluster.state, name) }
	binds := []spec.Bind{
		{Source: state("run"), Target: "/run"},
		{Source: b.cluster.state, Target: nodeRoot},
		{Source: binDir(b.cluster.dir), Target: nodeBin},
		{Source: state("lib"), Target: "/var/lib"},
		{Source: state("logs/var"), Target: "/var/log"},
		{Source: state("config/hosts"), Target: "/etc/hosts"},
	}
	for name := range kernelSettings() {
		binds = append(binds, spec.Bind{Source: state("config/" + settingFile(name)), Target: "/proc/sys/" + name})
	}
	// A link leads below /run, which is ours and has no such file; then programs ask no name server either.
	if info, err := os.Lstat("/etc/resolv.conf"); err == nil && info.Mode().IsRegular() {
		binds = append(binds, spec.Bind{Source: state("config/resolv.conf"), Target: "/etc/resolv.conf"})
	}
	return &spec.Surroundings{Hostname: b.nodeName(), Cgroup: cgroup(b.config.Name), Binds: binds}
}

// kernelSettings are what kubelet insists on. They are the whole machine's, so kubelet is shown files with the values instead.
func kernelSettings() map[string]string {
	return map[string]string{
		"vm/overcommit_memory": "1", "vm/panic_on_oom": "0", "kernel/panic": "10", "kernel/panic_on_oops": "1",
		"kernel/keys/root_maxkeys": "1000000", "kernel/keys/root_maxbytes": "25000000",
	}
}

func settingFile(name string) string { return "sysctl-" + strings.ReplaceAll(name, "/", "-") }

func (b *builder) writeNodeSettings() error {
	files := map[string]string{
		"resolv.conf":          "",
		"hosts":                b.hosts(),
		"containerd.toml":      b.containerdConfig(),
		"cni/10-pods.conflist": cniConfig,
	}
	for name, value := range kernelSettings() {
		files[settingFile(name)] = value + "\n"
	}
	kubelet, err := json.MarshalIndent(b.kubeletConfig(), "", "  ")
	if err != nil {
		return fmt.Errorf("encode kubelet settings: %w", err)
	}
	files["kubelet.json"] = string(kubelet)
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(b.cluster.state, "config", name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("write settings: %w", err)
		}
	}
	return nil
}

func (b *builder) hosts() string {
	lines := []string{"127.0.0.1 localhost", b.cluster.NodeAddress + " " + b.nodeName()}
	for _, name := range b.config.Hostnames {
		lines = append(lines, b.cluster.HostAddress+" "+name)
	}
	return strings.Join(lines, "\n") + "\n"
}

func (b *builder) kubeletConfig() map[string]any {
	at := b.cluster.places()
	return map[string]any{
		"apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration",
		"authentication": map[string]any{"anonymous": map[string]any{"enabled": false}, "webhook": map[string]any{"enabled": true}, "x509": map[string]any{"clientCAFile": at.pki("ca.crt")}},
		"authorization":  map[string]any{"mode": "Webhook"},
		"tlsCertFile":    at.pki("kubelet.crt"), "tlsPrivateKeyFile": at.pki("kubelet.key"),
		"cgroupDriver": "cgroupfs", "cgroupRoot": cgroup(b.config.Name), "failCgroupV1": false, "failSwapOn": false,
		"containerRuntimeEndpoint": "unix://" + socket, "serializeImagePulls": false,
		"clusterDNS": []string{dnsIP}, "clusterDomain": "cluster.local", "resolvConf": at.config("resolv.conf"),
		// The default lies outside the folders that are the node's own.
		"volumePluginDir":       "/var/lib/kubelet/volumeplugins",
		"protectKernelDefaults": true, "oomScoreAdj": 0,
		// Images are loaded by hand and could not be had again: a full disk must not cost them, nor the pods.
		"imageGCHighThresholdPercent": 100, "imageGCLowThresholdPercent": 99,
		"evictionHard": map[string]string{"memory.available": "50Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%", "imagefs.inodesFree": "0%"},
		"logging":      map[string]any{"verbosity": 1},
	}
}

// overlayMagic is the file system type on which overlays cannot be stacked.
const overlayMagic = 0x794c7630

func (b *builder) snapshotter() string {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(b.cluster.state, &fs); err == nil && fs.Type == overlayMagic {
		return "native"
	}
	return "overlayfs"
}

func (b *builder) containerdConfig() string {
	return fmt.Sprintf(`version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = %q

[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = %q
  # Lowering the score needs CAP_SYS_RESOURCE, and without it runc fails in a way that does not tell.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = %q
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = %q
    conf_dir = %q
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = %q
`, socket, pauseImage, b.snapshotter(), cniPlugins, b.cluster.places().config("cni"), b.cluster.places().config("certs.d"))
}

// cniConfig routes every pod by itself. On a bridge, answers between two pods would bypass the rules that services are made of,
// unless the kernel has br_netfilter.
const cniConfig = `{
  "cniVersion": "0.4.0",
  "name": "pods",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": true,
      "ipam": {"type": "host-local", "ranges": [[{"subnet": "` + podCIDR + `"}]], "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "/run/cni-addresses"}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}, "snat": true}
  ]
}
`
