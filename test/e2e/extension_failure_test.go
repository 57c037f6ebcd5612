package e2e_test

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// wreck is an installation that has to fail, and how. In texts NS is the namespace of the release.
type wreck struct {
	templates string               // of the chart
	prepare   func(*yard, string)  // makes the namespace such that it fails
	chart     func(*yard) []string // registers the type elsewhere than in the hub's registry; its flags
	args      []string             // of create
	heal      func(*yard, string)  // lets it be deleted
	code      string               // what the hub says is the cause
	target    string               // the object at fault
	doctor    string               // the entry of doctor's catalogue
	words     []string             // in what the hub says of it
}

const (
	timedOut = "Timed out waiting for the resource to come to a ready/completed state."
	gaveUp   = "job failed: BackoffLimitExceeded"
	noChart  = "Unable to download the Helm chart from the repo URL"
)

// failures makes installations fail in every way that docs/extensions.md names and that does not take ten minutes, and looks at
// what the command line and the hub say.
func failures(y *yard) {
	cases := wrecks(y)
	results := y.wreckAll(cases)
	known := y.listed()
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		y.t.Run(name, func(t *testing.T) {
			y := y.on(t)
			y.wrecked(strings.ToLower(name), cases[name], results[name])
			y.known(strings.ToLower(name), cases[name], known[strings.ToLower(name)])
		})
	}
	y.clear(cases)
}

func wrecks(y *yard) map[string]wreck {
	all := map[string]wreck{}
	maps.Copy(all, unreadyWrecks())
	maps.Copy(all, jobWrecks())
	maps.Copy(all, refusedWrecks())
	maps.Copy(all, chartWrecks(y))
	return all
}

// filled has the namespace of a release for NS, and the hub's address for HUB.
func (y *yard) filled(name, text string) string {
	return strings.NewReplacer("NS", namespaceOf(name), "HUB", y.hub.Address).Replace(text)
}

func namespaceOf(name string) string { return "x-" + strings.ToLower(name) }

// wreckAll begins all installations at once: most of the time passes in waiting, and the agent works on four at a time.
func (y *yard) wreckAll(cases map[string]wreck) map[string]rig.Result {
	y.t.Helper()
	for name, one := range cases {
		if one.prepare != nil {
			y.kubectl("create", "namespace", namespaceOf(name))
			one.prepare(y, namespaceOf(name))
		}
	}
	var mu sync.Mutex
	results := map[string]rig.Result{}
	y.each(cases, func(name string) {
		result := y.wreck(strings.ToLower(name), cases[name])
		mu.Lock()
		defer mu.Unlock()
		results[name] = result
	})
	return results
}

func (y *yard) wreck(name string, one wreck) rig.Result {
	y.t.Helper()
	if one.chart == nil {
		if err := y.offer(name, "1.0.0", map[string]string{"all.yaml": y.filled(name, one.templates)}); err != nil {
			y.t.Errorf("offer %s: %v", name, err)
			return rig.Result{}
		}
	} else if result, err := y.cli.Run(y.t.Context(), append([]string{"extension-type", "register", "test." + name}, one.chart(y)...)...); err != nil || result.Code != 0 {
		y.t.Errorf("register %s: %v %s", name, err, result.Err)
		return result
	}
	args := append([]string{"--extension-type", "test." + name, "--release-namespace", namespaceOf(name), "--timeout", "20s"}, one.args...)
	return y.call("create", name, args...)
}

// each does something with all cases, some at a time: command lines take memory, too.
func (y *yard) each(cases map[string]wreck, do func(name string)) {
	var group sync.WaitGroup
	places := make(chan struct{}, 8)
	for name := range cases {
		group.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			do(name)
		})
	}
	group.Wait()
}

// wrecked looks at what the command line says of an installation that has failed.
func (y *yard) wrecked(name string, one wreck, result rig.Result) {
	if result.Code != 1 {
		y.t.Errorf("create ended with %d:\n%s%s", result.Code, result.Out, result.Err)
	}
	y.lacks(result.Err, []string{"ExtensionCreationFailed", y.filled(name, one.target), "fairlead explain " + one.doctor})
	y.lacks(strings.Join(strings.Fields(result.Err), " "), y.words(name, one))
}

func (y *yard) words(name string, one wreck) []string {
	words := make([]string, 0, len(one.words))
	for _, word := range one.words {
		words = append(words, y.filled(name, word))
	}
	return words
}

// known looks at what the hub says of it.
func (y *yard) known(name string, one wreck, of extensionShown) {
	shown, target := of.Properties, y.filled(name, one.target)
	if shown.ProvisioningState != "Failed" || shown.ErrorInfo == nil {
		y.t.Fatalf("the hub shows %+v", shown)
	}
	why := shown.ErrorInfo
	if why.Code != one.code || why.Target != target || why.doctorID() != one.doctor {
		y.t.Errorf("the hub says %s about %q (%s), want %s about %q (%s)", why.Code, why.Target, why.doctorID(), one.code, target, one.doctor)
	}
	y.lacks(strings.Join(strings.Fields(why.text()), " "), y.words(name, one))
	y.t.Logf("%s about %s:\n%s", why.Code, why.Target, why.text())
}

// clear removes all that has failed, of which nothing may stay behind.
func (y *yard) clear(cases map[string]wreck) {
	y.t.Helper()
	for name, one := range cases {
		if one.heal != nil {
			one.heal(y, namespaceOf(name))
		}
	}
	y.each(cases, func(name string) {
		if result := y.call("delete", strings.ToLower(name), "--yes"); result.Code != 0 {
			y.t.Errorf("delete %s ended with %d: %s", name, result.Code, result.Err)
		}
	})
	spaces := []string{"delete", "namespaces", "--wait=false", "--ignore-not-found"}
	for name := range cases {
		spaces = append(spaces, namespaceOf(name))
	}
	left := y.kubectl("get", "deployments,jobs,configmaps,persistentvolumeclaims", "-A", "-l", "app.kubernetes.io/managed-by=Helm", "-o", `jsonpath={range .items[*]}{.metadata.namespace}/{.kind}/{.metadata.name}{"\n"}{end}`)
	for one := range strings.Lines(left) {
		if strings.HasPrefix(one, "x-") {
			y.t.Errorf("left is %s", one)
		}
	}
	y.kubectl(spaces...)
}

// pods is a Deployment of one pod with a spec.
func pods(spec string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
` + indented(spec, "      ")
}

// runningJob is a Job of one pod that runs the kit.
func runningJob(annotations, args string) string {
	return `apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {` + annotations + `}}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 0
      containers: [{name: migrate, image: "` + kitImage + `", args: [` + args + `]}]
`
}

func indented(text, by string) string {
	return by + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+by) + "\n"
}

// kitPod is a container of the kit; more are further fields of it.
func kitPod(args, more string) string {
	return `containers: [{name: kit, image: "` + kitImage + `", args: [` + args + `]` + more + `}]`
}
