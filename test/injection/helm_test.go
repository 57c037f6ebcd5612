package injection_test

import (
	"os"
	"path/filepath"
	"time"

	"github.com/fairlead/fairlead/test/injection/stage"
)

const (
	appChart  = "fixture/app"
	appSpace  = "shop"
	appName   = "web"
	clientLog = "client.log"
)

func helmCases() map[string]injection {
	log := []string{"--client-log", "{dir}/" + clientLog}
	return map[string]injection{
		"WaitedInVain":  {reason: "the pods did not become ready in time", id: "HLM-01", inject: appFails(unready(), 2*time.Second), heal: dropApp},
		"HookJob":       {reason: "a Job before the installation failed", id: "HLM-02", inject: appFails(map[string]any{"hook": []any{"crash", "cannot reach the database"}}, 30*time.Second), heal: dropApp},
		"NoRoom":        {reason: "no node has 64 processors", id: "HLM-03", inject: appIsThere(container("resources", map[string]any{"requests": map[string]any{"cpu": "64"}})), heal: dropApp},
		"WrongNode":     {reason: "no node runs that system", id: "HLM-04", inject: appIsThere(map[string]any{"pod": map[string]any{"nodeSelector": map[string]any{"kubernetes.io/os": "windows"}}}), heal: dropApp},
		"MissingSecret": {reason: "a Secret that the pod reads is not there", id: "HLM-05", inject: appFails(missingSecret(), 2*time.Second), heal: dropApp},
		"Download":      {reason: "the repository cannot be reached", id: "HLM-06", inject: appDownload, heal: dropApp, args: log},
		"Render":        {reason: "a value is missing", id: "HLM-07", inject: appLog(func(b *bench) error { return b.app(map[string]any{"demanding": true}) }), heal: dropApp, args: log},
		"Abandoned":     {reason: "Helm was killed while it installed", id: "HLM-08", inject: abandonApp, heal: dropApp, args: log},
		"ArcAbandoned":  {reason: "Helm was killed while it upgraded the agents", id: "HLM-08", inject: abandonArc, heal: resumeArc},
		"Exists":        {reason: "somebody else made an object of the chart", id: "HLM-09", inject: appExists, heal: dropApp, args: log},
		"NameTaken":     {reason: "a release of that name is there", id: "HLM-10", inject: appTaken, heal: dropApp, args: log},
	}
}

func container(field string, value any) map[string]any {
	return map[string]any{"container": map[string]any{field: value}}
}

func unready() map[string]any {
	return container("readinessProbe", map[string]any{"httpGet": map[string]any{"path": "/", "port": 9090}, "periodSeconds": 1})
}

func missingSecret() map[string]any {
	return container("env", []any{map[string]any{"name": "TOKEN", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": "nope", "key": "token"}}}})
}

// app installs the application under a name that has to be free.
func (b *bench) app(values map[string]any) error {
	return b.InstallNew(b.t.Context(), appSpace, appName, appChart, values, 2*time.Second)
}

func appFails(values map[string]any, within time.Duration) func(*bench) {
	return func(b *bench) {
		b.t.Helper()
		if err := b.InstallNew(b.t.Context(), appSpace, appName, appChart, values, within); err == nil {
			b.t.Fatal("Helm installed what cannot be installed")
		}
	}
}

func appIsThere(values map[string]any) func(*bench) {
	return func(b *bench) {
		b.t.Helper()
		b.must(b.Install(b.t.Context(), appSpace, appName, appChart, values))
	}
}

// appLog keeps what Helm says as a client's log.
func appLog(do func(*bench) error) func(*bench) {
	return func(b *bench) {
		b.t.Helper()
		err := do(b)
		if err == nil {
			b.t.Fatal("Helm did what it cannot do")
		}
		b.must(os.WriteFile(filepath.Join(b.Dir, clientLog), []byte("Error: "+err.Error()+"\n"), 0o600))
	}
}

func appDownload(b *bench) {
	appLog(func(b *bench) error { return b.Download("https://k8connecthelm.azureedge.net", "app") })(b)
}

func abandonApp(b *bench) {
	appIsThere(nil)(b)
	b.must(b.Abandon(appSpace, appName, "pending-install", 20*time.Minute))
	appLog(func(b *bench) error { return b.Upgrade(b.t.Context(), appSpace, appName, appChart) })(b)
}

func abandonArc(b *bench) {
	b.must(b.Abandon(stage.Namespace, stage.Release, "pending-upgrade", 20*time.Minute))
}

func resumeArc(b *bench) { b.must(b.Abandon(stage.Namespace, stage.Release, "deployed", 0)) }

func appExists(b *bench) {
	b.apply("{apiVersion: v1, kind: Namespace, metadata: {name: " + appSpace + "}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: " + appSpace + "}}\n")
	appLog(func(b *bench) error { return b.app(map[string]any{"settings": "settings"}) })(b)
}

func appTaken(b *bench) {
	appIsThere(nil)(b)
	b.kubectl("rollout", "status", "deployment/"+appName, "-n", appSpace, "--timeout=30s")
	appLog(func(b *bench) error { return b.app(nil) })(b)
}

// dropApp leaves the namespace: to delete it takes longer than to delete what is in it.
func dropApp(b *bench) {
	b.must(os.WriteFile(filepath.Join(b.Dir, clientLog), nil, 0o600))
	b.kubectl("delete", "deployments,jobs,configmaps,secrets", "--all", "-n", appSpace)
}
