package injection_test

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/cluster/engine"
)

// machineCases are failures of the machine that asks: an az with the wrong subscription or damaged extensions, played by a script,
// and what az and helm wrote into a log.
func machineCases() map[string]injection {
	away := func(b *bench) { b.fakeAz("", "") }
	log := []string{"--client-log", "{dir}/client.log"}
	return map[string]injection{
		"OtherSubscription": {"az acts on another subscription", "CLI-01", func(b *bench) { b.fakeAz("99999999-9999-9999-9999-999999999999", "1.10.0", hashModule) }, away, nil, nil},
		"KubectlMissing":    {"az could not download kubectl", "CLI-02", told("cli.azext_connectedk8s.custom: Failed to download and install kubectl"), silent, log, nil},
		"ModuleMissing":     {"an extension was downloaded in part", "CLI-03", func(b *bench) { b.fakeAz(subscription, "1.10.0") }, away, nil, nil},
		"ExtensionOld":      {"an extension is years old", "CLI-04", func(b *bench) { b.fakeAz(subscription, "1.0.0", hashModule) }, away, nil, nil},
		"DiagnosticChart": {"the chart of the checks cannot be had", "CLI-07", told("Unable to pull cluster-diagnostic-checks helm chart from the registry " +
			"'mcr.microsoft.com/azurearck8s/helmchart/stable/clusterdiagnosticchecks:0.1.2': Error: failed to do request: Head " +
			`"https://mcr.microsoft.com/v2/azurearck8s/helmchart/stable/clusterdiagnosticchecks/manifests/0.1.2": dial tcp 192.0.2.219:443: i/o timeout`), silent, log, nil},
		"ObjectID":     {"a service principal may not read the application", "CLI-08", told("Unable to fetch oid of 'custom-locations' app. Proceeding without enabling the feature. Insufficient privileges to complete the operation."), silent, log, nil},
		"Overage":      {"the principal is in too many groups", "CLI-09", told("the token has an overage claim"), silent, log, nil},
		"Provisioning": {"Azure has an event", "CLI-10", told("Resource provisioning failed"), silent, log, nil},
	}
}

// hashModule is the compiled module that CLI-03 is about.
const hashModule = "_MD5.abi3.so"

// subscription is that of the agents' fixture.
const subscription = "22222222-2222-2222-2222-222222222222"

// fakeAz puts an az on the path that prints a subscription, with one extension of a version and its compiled modules; an empty subscription takes it away.
func (b *bench) fakeAz(printed, version string, modules ...string) {
	b.t.Helper()
	folder := filepath.Join(b.Dir, "az")
	b.must(os.RemoveAll(folder))
	b.t.Setenv("PATH", originalPath())
	if printed == "" {
		return
	}
	extension := filepath.Join(folder, "extensions", "connectedk8s")
	files := map[string]string{
		filepath.Join(folder, "bin", "az"):                                              "#!/bin/sh\necho " + printed + "\n",
		filepath.Join(folder, "bin", "kubectl"):                                         "#!/bin/sh\n",
		filepath.Join(extension, "connectedk8s-"+version+".dist-info", "metadata.json"): `{"version": "` + version + `"}`,
		filepath.Join(extension, "Crypto", "Hash", "__init__.py"):                       "",
	}
	for _, module := range modules {
		files[filepath.Join(extension, "Crypto", "Hash", module)] = ""
	}
	for path, content := range files {
		b.must(os.MkdirAll(filepath.Dir(path), 0o755))
		b.must(os.WriteFile(path, []byte(content), 0o755))
	}
	b.t.Setenv("PATH", filepath.Join(folder, "bin")+":"+originalPath())
	b.t.Setenv("AZURE_EXTENSION_DIR", filepath.Join(folder, "extensions"))
	b.t.Setenv("KUBECTL_CLIENT_PATH", filepath.Join(folder, "bin", "kubectl"))
}

// originalPath is the path without the folder of the fake.
func originalPath() string {
	var kept []string
	for _, folder := range filepath.SplitList(os.Getenv("PATH")) {
		if filepath.Base(filepath.Dir(folder)) != "az" {
			kept = append(kept, folder)
		}
	}
	return strings.Join(kept, string(filepath.ListSeparator))
}

// told writes a client's log for doctor to judge.
func told(line string) func(*bench) {
	return func(b *bench) { b.must(os.WriteFile(filepath.Join(b.Dir, "client.log"), []byte(line+"\n"), 0o600)) }
}

func silent(b *bench) { told("all is well")(b) }

// settingCases are proxies that are set wrong, and a node whose clock is.
func settingCases() map[string]injection {
	proxy := func(address, skip string) func(*bench) {
		return func(b *bench) {
			b.upgrade(map[string]any{"global": map[string]any{"isProxyEnabled": true, "httpsProxy": address, "httpProxy": address, "noProxy": skip}})
			b.settled()
		}
	}
	const skip = "10.96.0.0/12,kubernetes.default.svc,.svc.cluster.local,.svc"
	return map[string]injection{
		"ProxyQuoted":  {"quotes of a web page were pasted along", "NET-03", proxy("\u201chttp://proxy.example:3128\u201d", skip), putBack, nil, nil},
		"ProxyTooWide": {"the cluster's own services go through the proxy", "NET-03", proxy("http://proxy.example:3128", "localhost"), putBack, nil, nil},
		"NodeAhead":    {"a node's clock is an hour ahead", "NET-07", nodeAhead, func(b *bench) { b.kubectl("delete", "node", "ahead") }, nil, nil},
	}
}

func nodeAhead(b *bench) {
	b.must(b.Cluster.AddNode(b.t.Context(), engine.FakeNode{Name: "ahead", Taints: []map[string]string{{"key": "example.test/ahead", "value": "yes", "effect": "NoSchedule"}}}))
	later := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	b.kubectl("patch", "node", "ahead", "--subresource=status", "--type=strategic", "-p",
		`{"status":{"conditions":[{"type":"Ready","status":"True","reason":"KubeletReady","lastHeartbeatTime":"`+later+`","lastTransitionTime":"`+later+`"}]}}`)
}

// runRefusedProbe shuts the agents' namespace to new pods: the probe must say why it cannot run, and leave nothing.
func (b *bench) runRefusedProbe() {
	defer b.rescue()
	defer b.record("SELF-04")
	defer b.kubectl("delete", "quota", "shut", "-n", agents)
	b.kubectl("create", "quota", "shut", "-n", agents, "--hard=pods=0")
	b.eventually(90*time.Second, func() string {
		if b.kubectl("get", "quota", "shut", "-n", agents, "-o", "jsonpath={.status.hard.pods}") != "0" {
			return "the quota is not counted yet"
		}
		return ""
	})
	found := b.doctor("SELF", "--probe").Of("SELF-04")
	if len(found) == 0 {
		b.t.Error("nothing is said about SELF-04")
	}
	for _, f := range found { // one for each place
		if f.Status != "unknown" || !strings.Contains(f.Reason, "quota") {
			b.t.Errorf("SELF-04 = %+v, want unknown because of the quota", f)
		}
	}
	if left := b.kubectl("get", "pods,configmaps,secrets", "-n", agents, "-l", "app.kubernetes.io/name=fairlead-doctor-probe", "-o", "name"); left != "" {
		b.t.Errorf("left behind: %s", left)
	}
}
