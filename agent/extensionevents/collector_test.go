package extensionevents

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extensionconfig"
	"github.com/fairlead/fairlead/agent/identity"
	"github.com/fairlead/fairlead/doctor/redact"
)

func collector() *Collector {
	c := &Collector{
		Now: time.Now, Log: slog.New(slog.DiscardHandler), Ready: func(error) {}, redactor: redact.New([]byte("salt")), places: map[string]*place{},
		seen: map[string]extensionconfig.Object{},
	}
	c.queue.changed = make(chan struct{}, 1)
	return c
}

func (c *Collector) texts() []string {
	var all []string
	events, _ := c.queue.first()
	for _, event := range events {
		all = append(all, strings.TrimSpace(event.Level+" "+event.Reason+" "+event.Object+" "+event.Message))
	}
	return all
}

func object(name, code string, at time.Time) *extensionconfig.Object {
	return &extensionconfig.Object{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: types.UID(name)}, Spec: fairlead.ExtensionSpec{Generation: 2},
		Status: fairlead.ExtensionState{ObservedGeneration: 2, Statuses: []fairlead.ExtensionStatus{{Code: code, Level: "Information", Message: "m", Time: at}}},
	}
}

func (c *Collector) journal(all ...*extensionconfig.Object) {
	seen := map[string]*extensionconfig.Object{}
	for _, one := range all {
		seen[one.Name] = one
	}
	c.take(context.Background(), seen)
}

func TestTheJournalIsToldOnce(t *testing.T) {
	c, now := collector(), time.Now().Truncate(time.Second)
	c.before = now.Add(-time.Minute)
	c.journal(object("old", "Ready", now.Add(-time.Hour)), object("web", "fetch", now))
	c.journal(object("old", "Ready", now.Add(-time.Hour)), object("web", "fetch", now))
	c.journal(object("old", "Ready", now.Add(-time.Hour)), object("web", "wait", now))
	back := object("web", "rollback", now)
	back.Status.Operation = &fairlead.ExtensionOperation{Kind: "rollback"}
	back.Status.ErrorInfo = &fairlead.ExtensionError{Code: "ReadinessTimeout", Message: "not ready", Target: "Deployment/a/b"}
	c.journal(object("old", "Ready", now.Add(-time.Hour)), back)
	waits := object("web", "wait", now)
	waits.Status.Operation, waits.Status.ErrorInfo = back.Status.Operation, back.Status.ErrorInfo
	c.journal(object("old", "Ready", now.Add(-time.Hour)), waits)
	failed := object("web", "ReadinessTimeout", now)
	failed.Status.ErrorInfo = &fairlead.ExtensionError{Code: "ReadinessTimeout", Message: "not ready", Target: "Deployment/a/b", Cause: "It has no image."}
	failed.Status.Statuses[0].Level = "Error"
	c.journal(object("old", "Ready", now.Add(-time.Hour)), failed)
	c.journal(failed)
	want := []string{
		"Information Pulling  m", "Information Waiting  m", "Warning RollingBack Deployment/a/b m, because of ReadinessTimeout: not ready", "Information Waiting  m",
		"Error Failed Deployment/a/b ReadinessTimeout: not ready It has no image.",
		"Information Deleted  the extension is gone from the cluster",
	}
	if got := c.texts(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestNumbersGoOnAfterARestart(t *testing.T) {
	first, second := collector(), collector()
	first.queue.begin(3)
	second.queue.begin(4)
	for range 5 {
		first.say(fairlead.ExtensionEvent{})
	}
	second.say(fairlead.ExtensionEvent{})
	early, _ := first.queue.first()
	late, _ := second.queue.first()
	if early[4].Sequence != early[0].Sequence+4 || late[0].Sequence <= early[4].Sequence {
		t.Errorf("numbers %d to %d, then %d", early[0].Sequence, early[4].Sequence, late[0].Sequence)
	}
}

func TestTheQueueIsBoundedAndSaysWhatIsMissing(t *testing.T) {
	c := collector()
	for range maxWaiting + 7 {
		c.say(fairlead.ExtensionEvent{Message: "x"})
	}
	events, dropped := c.queue.first()
	if len(events) != aPost || dropped != 7 || !strings.Contains(events[0].Message, "7 events before this one are left out") || events[0].Sequence != 8 {
		t.Errorf("%d events, %d dropped, first %+v", len(events), dropped, events[0])
	}
	c.queue.done(events, dropped)
	if next, dropped := c.queue.first(); next[0].Sequence != events[aPost-1].Sequence+1 || dropped != 0 {
		t.Errorf("next %+v", next[0])
	}
}

func TestNoSecretIsTold(t *testing.T) {
	c := collector()
	c.say(fairlead.ExtensionEvent{Message: "connect failed: password=Tr0ub4dor&3xyz token: ghp_16C7e42F292c6912E7710c838347Ae178B4a " + strings.Repeat("long ", 1000)})
	events, _ := c.queue.first()
	if text := events[0].Message; strings.Contains(text, "Tr0ub4dor") || strings.Contains(text, "ghp_16C7") || len(text) > longestText {
		t.Errorf("told %d bytes: %.300s", len(text), text)
	}
}

// What a program writes, or how it is called, may hold a protected setting, which this agent cannot know.
func TestPodsOfExtensionsWithProtectedSettingsAreNotQuoted(t *testing.T) {
	const secret = "hunter2-swordfish"
	cases := map[string]struct {
		reason, message string
		told            bool
	}{
		"Scheduling": {"FailedScheduling", "0/1 nodes are available", true},
		"Image":      {"Failed", "Failed to pull image \"x\"", true},
		"Quota":      {"FailedCreate", "exceeded quota: small", true},
		"Probe":      {"Unhealthy", "Readiness probe failed: wrong password " + secret, false},
		"Start":      {"Failed", "Error: exec: \"" + secret + "\": executable file not found", false},
		"Refused":    {"FailedCreate", "Invalid value: \"" + secret + "\"", false},
		"Hook":       {"FailedPostStartHook", secret, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := (owner{hidden: true}).about(c.reason, c.message); (got == c.message) != c.told || strings.Contains(got, secret) {
				t.Errorf("told %q", got)
			}
			if got := (owner{}).about(c.reason, c.message); got != c.message {
				t.Errorf("without protected settings %q is told", got)
			}
		})
	}
}

func TestLogsOfExtensionsWithProtectedSettingsAreNotRead(t *testing.T) {
	const secret = "hunter2-swordfish"
	c := collector()
	p := &place{Collector: c, namespace: "x", owners: []owner{{extension: "web", release: "web", hidden: true}}, counted: map[string]int32{}}
	ended := &corev1.ContainerStateTerminated{ExitCode: 2, Message: secret}
	p.seePods(t.Context(), map[string]*corev1.Pod{"web-1": {Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		{Name: "ends", State: corev1.ContainerState{Terminated: ended}},
		{Name: "starts", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "RunContainerError", Message: secret}}},
	}}}})
	events, _ := c.queue.first()
	if len(events) != 2 || !strings.Contains(events[0].Message, "it ended with code 2") || strings.Contains(events[0].Message+events[1].Message, secret) {
		t.Errorf("told %+v", events)
	}
}

func TestContainersThatDoNotRun(t *testing.T) {
	waiting := func(reason string) corev1.ContainerState {
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: "m"}}
	}
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error"}}
	cases := map[string]struct {
		status corev1.ContainerStatus
		want   string
		words  bool
	}{
		"Starting":  {corev1.ContainerStatus{State: waiting("ContainerCreating")}, "", false},
		"Running":   {corev1.ContainerStatus{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, LastTerminationState: ended}, "", false},
		"Done":      {corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{Reason: "Completed"}}}, "", false},
		"Ended":     {corev1.ContainerStatus{State: ended}, "Error it ended with code 3.", true},
		"CrashLoop": {corev1.ContainerStatus{State: waiting("CrashLoopBackOff"), LastTerminationState: ended}, "CrashLoopBackOff it ended with code 3. m", true},
		"NoImage":   {corev1.ContainerStatus{State: waiting("ImagePullBackOff")}, "ImagePullBackOff m", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			one, is := judge(c.status)
			if got := one.reason + " " + one.message; is != (c.want != "") || is && (got != c.want || one.crashed != c.words) {
				t.Errorf("%t %q, last words %t", is, got, one.crashed)
			}
		})
	}
}

func TestWhoseAnObjectIs(t *testing.T) {
	web, webApp := owner{extension: "a", release: "web"}, owner{extension: "b", release: "web-app"}
	instance := func(release string) map[string]string {
		return map[string]string{"app.kubernetes.io/instance": release}
	}
	cases := map[string]struct {
		reason    string
		namespace string
		owners    []owner
		name      string
		labels    map[string]string
		want      string
	}{
		"Label":     {"charts set it", "x", []owner{web, webApp}, "web-app-1", instance("web"), "a"},
		"Longest":   {"web-app-1 begins with both", "x", []owner{web, webApp}, "web-app-1", nil, "b"},
		"Alone":     {"a namespace of its own", "flux-system", []owner{web}, "source-controller", nil, "a"},
		"Shared":    {"anybody's", "kube-system", []owner{web}, "coredns", nil, ""},
		"Ambiguous": {"two live there", "x", []owner{web, webApp}, "other", nil, ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p := &place{namespace: c.namespace, owners: c.owners}
			if got, _ := p.ownerOf(c.name, c.labels); got.extension != c.want {
				t.Errorf("%s: %q", c.reason, got.extension)
			}
		})
	}
}

func TestWhatRepeatsIsToldMoreAndMoreRarely(t *testing.T) {
	p := &place{counted: map[string]int32{}}
	var told []int32
	for times := range int32(20) {
		if p.due("x", times) {
			told = append(told, times)
		}
	}
	if want := []int32{0, 2, 4, 8, 16}; !slices.Equal(told, want) {
		t.Errorf("told at %d, want %d", told, want)
	}
}

// refusing is a hub that never takes the first post.
type refusing struct {
	with  error
	posts []int
	over  context.CancelFunc
}

func (r *refusing) ExtensionEvents(_ context.Context, events []fairlead.ExtensionEvent) error {
	r.posts = append(r.posts, len(events))
	if len(r.posts) > 1 {
		r.over()
		return nil
	}
	return r.with
}

// Events that nobody will ever take do not hold up those behind them.
func TestRefusedEventsAreLeftOut(t *testing.T) {
	for _, kind := range []fairlead.Kind{fairlead.Invalid, fairlead.TooLarge} {
		c := collector()
		ctx, cancel := context.WithCancel(t.Context())
		hub := &refusing{with: fairlead.Errorf(kind, "no"), over: cancel}
		c.Hub, c.Holder = hub, &identity.Holder{}
		c.Holder.Set(&identity.Identity{}, nil)
		for range aPost + 3 {
			c.say(fairlead.ExtensionEvent{})
		}
		if err := c.post(ctx); !errors.Is(err, context.Canceled) || !slices.Equal(hub.posts, []int{aPost, 3}) {
			t.Errorf("%v: posted %v, %v", kind, hub.posts, err)
		}
		cancel()
	}
}
