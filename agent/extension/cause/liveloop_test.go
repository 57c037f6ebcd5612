package cause_test

import (
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
	releases "github.com/fairlead/fairlead/agent/extension/helm"
)

const loopPatience = 20 * time.Second

// TestOnNodeWhatEndsAgainAndAgainIsNotReady is of containers without a probe, which Kubernetes calls ready whenever they run.
func TestOnNodeWhatEndsAgainAndAgainIsNotReady(t *testing.T) {
	const (
		coredns = "containers: [{name: main, image: '" + nodeImage + "', args: ['-conf', '/c/Corefile'], volumeMounts: [{name: c, mountPath: /c}]"
		volume  = "}]\nvolumes: [{name: c, configMap: {name: corefile}}]"
		serves  = coredns + volume
		// The kubelet kills it a second after each start.
		loops = coredns + ", livenessProbe: {httpGet: {port: 9999}, periodSeconds: 1, failureThreshold: 1}" + volume
		late  = "initContainers: [{name: first, image: '" + nodeImage + "', args: ['-conf', '/etc/nothing']}]\n" + serves
	)
	want := one{
		code: fairlead.CauseReadinessTimeout, message: timeout, doctor: "HLM-05", target: "Deployment/NS/web",
		words: []string{"Container main", "ended with code 0"}, seen: []string{"SIGTERM: Shutting down"}, typed: []string{"--previous"},
	}
	t.Run("Install", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, nodeVariable)
		b.wants(b.ours(func(r *releases.Release) error { return r.Install(wanted(loops)) }), want)
	})
	t.Run("InitContainer", func(t *testing.T) {
		t.Parallel()
		b, first := newBench(t, nodeVariable), want
		first.words, first.seen = []string{"Container first", "ended with code 1"}, []string{"/etc/nothing"}
		b.wants(b.ours(func(r *releases.Release) error { return r.Install(wanted(late)) }), first)
	})
	t.Run("UpgradeAndRollback", func(t *testing.T) {
		t.Parallel()
		b := newBench(t, nodeVariable)
		began := time.Now()
		b.must(b.ours(func(r *releases.Release) error { return r.Install(wanted(serves)) }).Err)
		t.Logf("what runs on is installed after %s", time.Since(began).Round(time.Millisecond))
		b.wants(b.ours(func(r *releases.Release) error { return r.Upgrade(wanted(loops)) }), want)
		b.must(b.ours(func(r *releases.Release) error { return r.Rollback(1, releases.Thorough, loopPatience, "back") }).Err)
	})
}

func wanted(spec string) releases.Wanted {
	const corefile = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: corefile}\ndata:\n  Corefile: |\n    .:1053 {\n      debug\n    }\n---\n"
	return releases.Wanted{Chart: chart(corefile + deployment(spec)), Timeout: loopPatience}
}

// ours lets extension-manager's way with Helm work on release web.
func (b *bench) ours(do func(*releases.Release) error) cause.Failure {
	b.t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", b.kubeconfig)
	b.must(err)
	cluster, err := releases.NewCluster(config)
	b.must(err)
	release, err := cluster.Open(b.t.Context(), b.t.Context(), b.namespace, "web", releases.NoProgress)
	b.must(err)
	f := cause.Failure{Release: "web", Namespace: b.namespace, Step: cause.StepApply, Since: time.Now()}
	f.Err = do(release)
	history, err := release.History()
	b.must(err)
	f.Manifest = rendered(history[len(history)-1])
	return f
}
