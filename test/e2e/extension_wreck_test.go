package e2e_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/fairlead/fairlead/test/e2e/rig"
	"github.com/fairlead/fairlead/test/e2e/rig/helm"
)

// never is a probe that fails. Without one, a pod is ready for the moment that its container lives.
const never = ", readinessProbe: {httpGet: {port: 9999}, periodSeconds: 1}"

// unready is a wreck of the Deployment of a chart that does not become ready in time.
func unready(doctor, templates string, words ...string) wreck {
	return wreck{templates: templates, code: "ReadinessTimeout", target: "Deployment/NS/web", doctor: doctor, words: append(words, timedOut)}
}

// unreadyWrecks are objects that do not become ready in time.
func unreadyWrecks() map[string]wreck {
	volume := unready("HLM-01", "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n---\n"+
		pods(kitPod("serve", "")+"\nvolumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"), "Volume claim data has no volume", "this cluster has no storage class", "kubectl describe pvc data -n NS")
	volume.target = "PersistentVolumeClaim/NS/data"
	quota := unready("HLM-03", pods(kitPod("serve", "")), "A resource quota of namespace NS keeps", "exceeded quota: small", "kubectl describe resourcequotas -n NS")
	quota.prepare = quotaOf("pods", "0")
	return map[string]wreck{
		"Room":    unready("HLM-03", pods(kitPod("serve", ", resources: {requests: {cpu: 64}}")), "requests cpu 64", "Insufficient cpu", "kubectl describe nodes"),
		"Taint":   unready("EXT-09", pods(kitPod("serve", "")+"\nnodeSelector: {pool: system}"), "untolerated taint {CriticalAddonsOnly: true}", "kubectl taint nodes system CriticalAddonsOnly:NoSchedule-"),
		"Windows": unready("HLM-04", pods(kitPod("serve", "")+"\nnodeSelector: {kubernetes.io/os: windows}"), "kubernetes.io/os=windows", "linux/amd64"),
		"Image":   unready("HLM-05", pods("containers: [{name: kit, image: 'HUB/none/none:1'}]"), "Image HUB/none/none:1", "its registry has no such image"),
		"Crash":   unready("HLM-05", pods(kitPod(`exit, "3", "FATAL: password authentication failed"`, never)), "Container kit", "ended with code 3", "FATAL: password authentication failed", "--previous"),
		// Without a readiness probe it is ready until the kubelet ends it, a second after each start.
		"Ended":    unready("HLM-05", pods(kitPod("serve", ", livenessProbe: {httpGet: {port: 9999}, periodSeconds: 1, failureThreshold: 1}")), "Container kit", "ended with code", "--previous"),
		"Secret":   unready("HLM-05", pods(kitPod("serve", ", env: [{name: A, valueFrom: {secretKeyRef: {name: nope, key: a}}}]")), `secret "nope" not found`),
		"NotReady": unready("HLM-01", pods(kitPod("serve", never)), "runs, and its readiness probe fails", "connection refused"),
		"Volume":   volume,
		"PodQuota": quota,
	}
}

// jobWrecks are Jobs that give up: one is a hook, the other is not.
func jobWrecks() map[string]wreck {
	gives := func(annotations string) wreck {
		return wreck{
			templates: runningJob(annotations, `exit, "3", "looks for its table", "FATAL: no such table"`), args: []string{"--timeout", "60s"}, code: "BackoffLimitExceeded", target: "Job/NS/migrate",
			doctor: "HLM-02", words: []string{gaveUp, "Its pod said: FATAL: no such table", "ended with code 3", "looks for its table FATAL: no such table", "kubectl logs job/migrate -n NS"},
		}
	}
	job := gives("")
	job.templates += "---\n" + pods(kitPod("serve", never)) // which is waited for no longer than the Job
	return map[string]wreck{"Hook": gives("helm.sh/hook: pre-install"), "Job": job}
}

const settingsMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {side: ours}\n"

// refusedWrecks are installations that the API server or Helm does not let happen.
func refusedWrecks() map[string]wreck {
	var foreign foreignHelm
	return map[string]wreck{
		"Exists": {
			templates: settingsMap, code: "ResourceAlreadyExists", target: "ConfigMap/NS/settings", doctor: "HLM-09",
			prepare: func(y *yard, space string) {
				y.kubectl("create", "configmap", "settings", "-n", space, "--field-manager=somebody")
			},
			words: []string{"Resource already exists in your cluster", "belongs to no Helm release; somebody wrote it", "kubectl delete configmap settings -n NS"},
		},
		"Owned": {
			templates: settingsMap, code: "ResourceAlreadyExists", target: "ConfigMap/NS/settings", doctor: "HLM-09",
			prepare: installed("theirs"), words: []string{"belongs to Helm release theirs in namespace NS"},
			heal: uninstalled("theirs"),
		},
		"NameTaken": {
			templates: settingsMap, code: "ReleaseNameInUse", target: "Secret/NS/sh.helm.release.v1.nametaken.v1", doctor: "HLM-10",
			prepare: installed("nametaken"), words: []string{"cannot re-use a name that is still in use", "revision 1 is deployed, written by"},
			heal: uninstalled("nametaken"),
		},
		"InProgress": {
			templates: settingsMap, code: "OperationInProgress", target: "Secret/NS/sh.helm.release.v1.inprogress.v1", doctor: "HLM-08",
			prepare: foreign.begins, heal: foreign.ends,
			words: []string{"another operation (install/upgrade/rollback) is in progress", "is pending-install (revision 1) since", "helm uninstall inprogress -n NS"},
		},
		"Terminating": {
			templates: settingsMap, code: "NamespaceTerminating", target: "Namespace/NS", doctor: "FLX-04",
			prepare: goes, heal: loosened, words: []string{"because it is being terminated", "is being deleted since", "example.test/stays"},
		},
		"ObjectQuota": {
			templates: settingsMap, code: "RequestRejected", target: "ConfigMap/NS/settings", doctor: "HLM-03",
			prepare: quotaOf("count/configmaps", "0"), words: []string{"exceeded quota: small", "A resource quota of namespace NS keeps"},
		},
		"Invalid": {
			templates: strings.Replace(pods(kitPod("serve", "")), "matchLabels: {app: web}", "matchLabels: {app: other}", 1),
			code:      "RequestRejected", target: "Deployment/NS/web", doctor: "HLM-07", words: []string{"It is not valid", "selector"},
		},
		"Rendering": {
			templates: "# the tenant\n" + strings.Replace(settingsMap, "ours", `{{ required "tenantId is required" .Values.tenantId }}`, 1),
			code:      "RenderingFailed", target: "rendering/templates/all.yaml:5", doctor: "HLM-07",
			words: []string{"Helm chart rendering failed with given values", "in rendering/templates/all.yaml, line 5", "tenantId is required"},
		},
		"Settings": {
			templates: settingsMap, args: []string{"--config", "a=1", "a.b=2"}, code: "InvalidSettings", doctor: "HLM-07", words: []string{`the setting "a.b" cannot be read as a value`},
		},
	}
}

func quotaOf(what, hard string) func(*yard, string) {
	return func(y *yard, space string) {
		y.kubectl("create", "quota", "small", "-n", space, "--hard="+what+"="+hard)
		y.eventually(30*time.Second, func() string {
			if used := y.kubectl("get", "quota", "small", "-n", space, "-o", "jsonpath={.status.used}"); used == "" {
				return "nobody counts yet"
			}
			return ""
		})
	}
}

func (y *yard) release(space, name string) helm.Release {
	return helm.Release{Kubeconfig: y.cluster.Kubeconfig, Namespace: space, Name: name, Patience: 5 * time.Minute}
}

// archive is a packed chart of one file.
func (y *yard) archive(name, templates string) string {
	y.t.Helper()
	file := filepath.Join(y.t.TempDir(), name+".tgz")
	if err := rig.WriteChart(file, name, "0.1.0", map[string]string{"all.yaml": templates}); err != nil {
		y.t.Fatal(err)
	}
	return file
}

// installed lets somebody install a release with Helm.
func installed(name string) func(*yard, string) {
	return func(y *yard, space string) {
		if err := y.release(space, name).Install(y.t.Context(), y.archive(name, settingsMap), nil); err != nil {
			y.t.Fatal(err)
		}
	}
}

func uninstalled(name string) func(*yard, string) {
	return func(y *yard, space string) {
		if err := y.release(space, name).Uninstall(); err != nil {
			y.t.Error(err)
		}
	}
}

// foreignHelm is somebody's Helm that is at work on a release.
type foreignHelm struct {
	stop  context.CancelFunc
	ended chan error
}

func (f *foreignHelm) begins(y *yard, space string) {
	archive := y.archive("inprogress", pods(kitPod("serve", never)))
	ctx, stop := context.WithCancel(y.t.Context())
	f.stop, f.ended = stop, make(chan error, 1)
	go func() { f.ended <- y.release(space, "inprogress").Install(ctx, archive, nil) }()
	y.eventually(time.Minute, func() string {
		if y.kubectl("get", "secrets", "-n", space, "-l", "owner=helm,status=pending-install", "-o", "name") == "" {
			return "Helm has not begun yet"
		}
		return ""
	})
}

func (f *foreignHelm) ends(y *yard, space string) {
	f.stop()
	if err := <-f.ended; err == nil {
		y.t.Error("somebody else's Helm was done before it was stopped")
	}
	if err := y.release(space, "inprogress").Uninstall(); err != nil {
		y.t.Error(err)
	}
}

// goes begins to delete the namespace, which something holds.
func goes(y *yard, space string) {
	y.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: held, namespace: " + space + ", finalizers: [example.test/stays]}\n")
	y.kubectl("delete", "namespace", space, "--wait=false")
	y.eventually(time.Minute, func() string {
		if said := y.kubectl("get", "namespace", space, "-o", "jsonpath={.status.conditions}"); !strings.Contains(said, "example.test/stays") {
			return "the namespace does not say yet what it waits for: " + said
		}
		return ""
	})
}

func loosened(y *yard, space string) {
	y.kubectl("patch", "configmap", "held", "-n", space, "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
}

// chartWrecks are charts that the hub has seen in an index, and the cluster cannot fetch.
func chartWrecks(y *yard) map[string]wreck {
	y.t.Helper()
	var shop, stranger rig.Repository
	for _, one := range []*rig.Repository{&shop, &stranger} {
		if err := one.Start(y.t.Context(), y.cluster.HostAddress); err != nil {
			y.t.Fatal(err)
		}
	}
	shop.Charts = map[string]string{
		"missing": "missing/missing-1.0.0.tgz", "closed": "closed/closed-1.0.0.tgz", "nameless": "https://charts.invalid/nameless-1.0.0.tgz", "untrusted": stranger.URL() + "/untrusted-1.0.0.tgz",
	}
	authority := filepath.Join(y.t.TempDir(), "shop.crt")
	if err := os.WriteFile(authority, shop.Authority, 0o600); err != nil {
		y.t.Fatal(err)
	}
	lost := func(name string, words ...string) wreck {
		return wreck{
			chart: func(*yard) []string { return []string{"--chart", shop.URL() + "/" + name, "--ca-file", authority} },
			code:  "ChartDownloadFailed", target: shop.URL() + "/" + name, doctor: "HLM-06", words: append(words, noChart+" "+shop.URL()),
		}
	}
	host := strings.TrimPrefix(shop.URL(), "https://")
	return map[string]wreck{
		"Missing":   lost("missing", "(404)", host+" has no chart of that name and version (1.0.0)"),
		"Closed":    lost("closed", "(401 Unauthorized)", host+" asks for credentials"),
		"Nameless":  lost("nameless", "The name charts.invalid cannot be resolved in the cluster"),
		"Untrusted": lost("untrusted", fmt.Sprintf("%s shows a certificate that the agent does not trust", strings.TrimPrefix(stranger.URL(), "https://"))),
	}
}
