package fluxlogs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// Lines as the controllers write them, in the order of their fields.
const (
	applied = `{"level":"info","ts":"2026-11-27T01:02:03.004Z","msg":"server-side apply completed","controller":"kustomization","controllerGroup":"kustomize.toolkit.fluxcd.io","controllerKind":"Kustomization","Kustomization":{"name":"web-apps","namespace":"shops"},"namespace":"shops","name":"web-apps","reconcileID":"5f0d","output":{"ConfigMap/shops/note":"created"},"revision":"main@sha1:0123456789abcdef0123456789abcdef01234567"}`
	refused = `{"level":"error","ts":"2026-11-27T01:02:03.004Z","msg":"failed to checkout","controller":"gitrepository","controllerKind":"GitRepository","GitRepository":{"name":"web","namespace":"shops"},"namespace":"shops","name":"web","error":"unable to clone 'https://reader:swordfish-17@git.example.org/shops.git': authentication required"}`
	leader  = `{"level":"error","ts":"2026-11-27T01:02:03.004Z","logger":"setup","msg":"problem running manager","error":"leader election lost"}`
)

func TestWhatIsReadOfALine(t *testing.T) {
	cases := map[string]struct {
		reason, line string
		want         fairlead.FluxLog
		told         bool
	}{
		"Applied":  {"", applied, fairlead.FluxLog{Level: "info", Kind: "Kustomization", Namespace: "shops", Name: "web-apps", Message: "server-side apply completed"}, true},
		"Leader":   {"an error without an object is the controller's own", leader, fairlead.FluxLog{Level: "error", Message: "problem running manager", Error: "leader election lost"}, true},
		"Started":  {"information without an object is nobody's", `{"level":"info","msg":"starting manager"}`, fairlead.FluxLog{}, false},
		"Debug":    {"", strings.Replace(applied, "info", "debug", 1), fairlead.FluxLog{}, false},
		"Klog":     {"", `E1127 01:02:03 reflector.go:1] failed`, fairlead.FluxLog{}, false},
		"Array":    {"", `["level","error"]`, fairlead.FluxLog{}, false},
		"Silent":   {"", `{"level":"error"}`, fairlead.FluxLog{}, false},
		"CutOff":   {"a long list of what was applied", applied[:len(applied)-40], fairlead.FluxLog{Level: "info", Kind: "Kustomization", Namespace: "shops", Name: "web-apps", Message: "server-side apply completed"}, true},
		"Twice":    {"what a message adds does not change what it is about", applied[:len(applied)-1] + `,"namespace":"elsewhere"}`, fairlead.FluxLog{Level: "info", Kind: "Kustomization", Namespace: "shops", Name: "web-apps", Message: "server-side apply completed"}, true},
		"NoText":   {"", `{"level":"error","msg":{"a":1},"error":["b"]}`, fairlead.FluxLog{}, false},
		"TooShort": {"cut off before it says what it is about", applied[:90], fairlead.FluxLog{}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, told := parse([]byte(c.line))
			if told != c.told || told && got != c.want {
				t.Errorf("%s: %t %+v", c.reason, told, got)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{applied, refused, leader, `{"level":`, `{"level":"error","msg":"\ud800"}`, "[[[[", ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		line, told := parse(text)
		if told && (line.Message == "" && line.Error == "" || line.Level != "error" && (line.Level != "info" || line.Kind == "" || line.Name == "")) {
			t.Errorf("%q is told as %+v", text, line)
		}
	})
}

// Whatever a log is, lines are whole, bounded and in their order, and their texts are what the hub takes.
func FuzzLog(f *testing.F) {
	f.Add([]byte("2026-11-27T01:02:03.000000004Z " + applied + "\n2026-11-27T01:02:04Z " + refused + "\n"))
	f.Add([]byte("\n\r\n2026-11-27T01:02:03Z \n2026 {\n" + strings.Repeat("x", 5000) + "\nlast"))
	f.Fuzz(func(t *testing.T, log []byte) {
		a := newAgent(configuration("web", "shops", "apps"))
		a.Logs = logsOf(func(context.Context, kube.Container, time.Time, int64) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(string(log))), nil
		})
		if err := (&follower{agent: a, pod: "p", controller: "c"}).read(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, line := range a.queue.take() {
			if line.Configuration != "web" || line.Time.IsZero() || len(line.Message) > longestText || len(line.Error) > longestText || strings.ContainsRune(line.Message, 0xfffd) && !strings.Contains(string(log), `\`) {
				t.Errorf("told %+v", line)
			}
		}
	})
}

// logsOf reads logs by a function: there is no kubelet here.
type logsOf func(ctx context.Context, of kube.Container, since time.Time, last int64) (io.ReadCloser, error)

func (l logsOf) FollowLog(ctx context.Context, of kube.Container, since time.Time, last int64) (io.ReadCloser, error) {
	return l(ctx, of, since, last)
}

func newAgent(all ...*fluxconfig.Object) *Agent {
	a := &Agent{Log: slog.New(slog.DiscardHandler), Ready: func(error) {}}
	a.queue.changed, a.filter.say = make(chan struct{}, 1), a.queue.add
	a.filter.belong(named(all...))
	return a
}

func named(all ...*fluxconfig.Object) map[string]*fluxconfig.Object {
	found := map[string]*fluxconfig.Object{}
	for _, one := range all {
		found[one.Name] = one
	}
	return found
}

func configuration(name, namespace string, kustomizations ...string) *fluxconfig.Object {
	object := &fluxconfig.Object{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: fairlead.FluxSpec{
		Namespace: namespace, SourceKind: fairlead.SourceGit, Kustomizations: map[string]fairlead.FluxKustomization{},
	}}
	for _, one := range kustomizations {
		object.Spec.Kustomizations[one] = fairlead.FluxKustomization{Path: "./" + one}
	}
	return object
}

func about(kind, namespace, name string) fairlead.FluxLog {
	return fairlead.FluxLog{Level: fairlead.FluxLogInfo, Kind: kind, Namespace: namespace, Name: name, Message: "m", Time: time.Now()}
}

func (a *Agent) told() []string {
	var all []string
	for _, line := range a.queue.take() {
		all = append(all, line.Configuration+" "+object(line.Kind, line.Namespace, line.Name))
	}
	return all
}

func TestWhoseALineIs(t *testing.T) {
	web, note := configuration("web", "shops", "apps"), configuration("note", "notes", "all")
	note.Spec.SourceKind = fairlead.SourceAzureBlob
	web.Status.Statuses = []fairlead.FluxObject{{
		Kind: "HelmRelease", Namespace: "cache", Name: "redis", HelmRelease: &fairlead.FluxHelm{HelmChartRef: &fairlead.FluxReference{Name: "cache-redis", Namespace: "charts"}},
	}}
	for _, one := range []*fluxconfig.Object{web, note} {
		keepConfiguration(one)
	}
	a := newAgent(web, note)
	for _, line := range []fairlead.FluxLog{
		about("GitRepository", "shops", "web"), about("Kustomization", "shops", "web-apps"), about("HelmRelease", "cache", "redis"), about("HelmChart", "charts", "cache-redis"),
		about("Bucket", "notes", "note"), about("Kustomization", "elsewhere", "web-apps"), about("GitRepository", "shops", "other"), about("Bucket", "shops", "web"),
		{Level: fairlead.FluxLogError, Message: "leader election lost"},
		{Level: fairlead.FluxLogError, Kind: "GitRepository", Namespace: "x", Name: "secret-project", Message: "m"},
	} {
		a.filter.see(line)
	}
	want := []string{
		"web GitRepository/shops/web", "web Kustomization/shops/web-apps", "web HelmRelease/cache/redis", "web HelmChart/charts/cache-redis",
		"note Bucket/notes/note", "note //", "web //",
	}
	if got := a.told(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// What a kustomization applies begins before its inventory tells that it is the configuration's.
func TestALineWaitsForItsObjectToBecomeKnown(t *testing.T) {
	web := configuration("web", "shops", "apps")
	a := newAgent(web)
	old := about("HelmRelease", "cache", "redis")
	old.Time = time.Now().Add(-time.Hour)
	a.filter.see(old)
	for range maxStrays {
		a.filter.see(about("HelmRelease", "cache", "someone"))
	}
	a.filter.see(about("HelmRelease", "cache", "redis"))
	if got := a.told(); len(got) != 0 || len(a.filter.strays) != maxStrays {
		t.Fatalf("told %q, %d lines wait", got, len(a.filter.strays))
	}
	web.Status.Statuses = []fairlead.FluxObject{{Kind: "HelmRelease", Namespace: "cache", Name: "redis"}}
	a.filter.belong(named(web))
	a.filter.belong(named(web))
	if got := a.told(); !slices.Equal(got, []string{"web HelmRelease/cache/redis"}) {
		t.Errorf("told %q", got)
	}
}

func TestNoSecretIsTold(t *testing.T) {
	a := newAgent(configuration("web", "shops", "apps"))
	for _, text := range []string{refused, applied} {
		line, _ := parse([]byte(text))
		line.Message += " token: ghp_16C7e42F292c6912E7710c838347Ae178B4a revision main@sha1:0123456789abcdef0123456789abcdef01234567 " + strings.Repeat("long ", 5000)
		a.filter.see(line)
	}
	lines := a.queue.take()
	if len(lines) != 2 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		if all := line.Message + line.Error; strings.Contains(all, "swordfish") || strings.Contains(all, "ghp_16C7") || len(line.Message) > longestText {
			t.Errorf("told %d bytes: %.400s", len(line.Message), all)
		}
		if !strings.Contains(line.Message, "main@sha1:0123456789abcdef0123456789abcdef01234567") {
			t.Errorf("the revision is lost: %.200s", line.Message)
		}
	}
	if !strings.Contains(lines[0].Error, "git.example.org/shops.git") || !strings.Contains(lines[0].Error, "authentication required") {
		t.Errorf("what happened is lost: %s", lines[0].Error)
	}
}

// Errors that are everybody's are few, and the next one says how many were left out.
func TestErrorsOfControllersAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAgent(configuration("a", "a"), configuration("b", "b"))
		a.filter.own = rate.NewLimiter(rate.Every(ownErrorsEvery), ownErrorsAtOnce)
		for range ownErrorsAtOnce + 7 {
			a.filter.see(fairlead.FluxLog{Level: fairlead.FluxLogError, Message: "m"})
		}
		if got := a.told(); len(got) != 2*ownErrorsAtOnce {
			t.Errorf("%d lines", len(got))
		}
		time.Sleep(ownErrorsEvery) //nolint:forbidigo // synthetic time
		a.filter.see(fairlead.FluxLog{Level: fairlead.FluxLogError, Message: "m"})
		if got := a.queue.take(); len(got) != 2 || got[0].Skipped != 7 || got[1].Skipped != 7 {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheQueueIsBoundedAndSaysWhatIsMissing(t *testing.T) {
	a := newAgent()
	say := func(name string, count int) {
		for i := range count {
			a.queue.add(fairlead.FluxLog{Configuration: name, Message: fmt.Sprint(i)})
		}
	}
	say("quiet", 3)
	say("loud", maxWaiting)
	first := a.queue.take()
	if len(first) != aPost || first[0].Configuration != "quiet" || first[3].Message != "3" || first[3].Skipped != 3 || first[0].Skipped+first[4].Skipped != 0 {
		t.Fatalf("%d lines, %+v", len(first), first[:5])
	}
	say("loud", aPost)
	a.queue.back(first)
	again := a.queue.take()
	if again[0].Configuration != "quiet" || again[3].Configuration != "loud" || again[3].Skipped != 3+aPost {
		t.Errorf("%+v", again[:5])
	}
	told, skipped := 0, 0
	for lines := again; len(lines) > 0; lines = a.queue.take() {
		for _, line := range lines {
			told, skipped = told+1, skipped+line.Skipped
		}
	}
	if told != maxWaiting || told+skipped != 3+maxWaiting+aPost {
		t.Errorf("%d lines told, %d said to be left out", told, skipped)
	}
}

// A log that breaks off is read on where it did, each line once.
func TestALogThatBreaksOffIsReadOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := func(second, nano int) string {
			return time.Date(2026, 11, 27, 1, 2, second, nano, time.UTC).Format(time.RFC3339Nano) + " " + applied + "\n"
		}
		parts := []string{line(3, 1) + line(3, 2) + line(3, 3)[:80], line(3, 1) + line(3, 2) + line(3, 3) + line(2, 9), line(2, 9) + line(4, 0)}
		var mu sync.Mutex
		var asked []time.Time
		a := newAgent(configuration("web", "shops", "apps"))
		a.Logs = logsOf(func(_ context.Context, _ kube.Container, since time.Time, _ int64) (io.ReadCloser, error) {
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, since)
			if len(asked) > len(parts) {
				return nil, errors.New("the container is gone")
			}
			return io.NopCloser(strings.NewReader(parts[len(asked)-1])), nil
		})
		ctx, stop := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { (&follower{agent: a, pod: "p", controller: "c"}).run(ctx) })
		time.Sleep(time.Minute) //nolint:forbidigo // synthetic time
		stop()
		group.Wait()
		var times []string
		for _, one := range a.queue.take() {
			times = append(times, one.Time.Format("05.000000000"))
		}
		// The clock of the node went back once.
		if want := []string{"03.000000001", "03.000000002", "03.000000003", "02.000000009", "04.000000000"}; !slices.Equal(times, want) {
			t.Errorf("lines of %q, want %q", times, want)
		}
		if !asked[0].IsZero() || asked[1].Nanosecond() != 2 {
			t.Errorf("asked for %v", asked[:2])
		}
	})
}

// Pods come and go, and no log is read of one that is gone.
func TestPodsComeAndGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		open := map[string]int{}
		a := newAgent()
		a.Logs = logsOf(func(ctx context.Context, of kube.Container, _ time.Time, _ int64) (io.ReadCloser, error) {
			mu.Lock()
			open[of.Pod]++
			mu.Unlock()
			<-ctx.Done()
			mu.Lock()
			open[of.Pod]--
			mu.Unlock()
			return nil, ctx.Err()
		})
		pods := func(uids map[string]string) map[string]*corev1.Pod {
			all := map[string]*corev1.Pod{}
			for name, uid := range uids {
				all[name] = &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(uid)}}
			}
			return all
		}
		f := &followers{agent: a, running: map[string]context.CancelFunc{}}
		for _, step := range []map[string]string{{"a": "1", "b": "1"}, {"a": "1", "b": "2", "c": "1"}, {"c": "1"}} {
			f.take(t.Context(), pods(step))
			synctest.Wait()
			for name, count := range open {
				if _, there := step[name]; there != (count == 1) {
					t.Errorf("%v: the log of %s is read %d times", step, name, count)
				}
			}
		}
		many := map[string]string{}
		for i := range 2 * maxPods {
			many[fmt.Sprint("pod-", i)] = "1"
		}
		f.take(t.Context(), pods(many))
		synctest.Wait()
		if len(f.running) != maxPods {
			t.Errorf("%d logs are read", len(f.running))
		}
		f.wait()
	})
}

func TestALongLineIsCutAndTheNextIsWhole(t *testing.T) {
	var lengths []int
	log := strings.Repeat("x", longestLine+5000) + "\r\nshort\n\n" + strings.Repeat("y", 10_000) + "\nbroken o"
	if err := eachLine(strings.NewReader(log), func(line []byte) { lengths = append(lengths, len(line)) }); err != nil || !slices.Equal(lengths, []int{longestLine, 5, 10_000}) {
		t.Errorf("%v, lines of %d bytes", err, lengths)
	}
}
