package collect

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"unsafe"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/fairlead/fairlead/doctor/redact"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func ferry(owner types.UID, region string) corev1.Pod {
	yes := true
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "ferry", Labels: map[string]string{"app": "ferry"}}}
	if owner != "" {
		pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", UID: owner, Controller: &yes}}
	}
	pod.Spec.Containers = []corev1.Container{{
		Name: "ferry", Args: []string{"serve"}, Env: []corev1.EnvVar{{Name: "REGION", Value: region}},
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("10m")}},
	}}
	return pod
}

func emptyCollector() *collector {
	return &collector{source: Source{Redact: redact.New([]byte("salt"))}, shapes: map[types.UID]shape{}, snapshot: &snapshot.Snapshot{}}
}

// TestShare wants equal parts of one owner's pods to be one, and nothing to change.
func TestShare(t *testing.T) {
	cases := map[string]struct {
		reason    string
		one, two  corev1.Pod
		env, args bool // are one
	}{
		"SameOwner":   {"both come from one template", ferry("a", "north"), ferry("a", "north"), true, true},
		"Changed":     {"somebody gave one of them another variable", ferry("a", "north"), ferry("a", "south"), false, true},
		"OtherOwners": {"they have nothing to do with each other", ferry("a", "north"), ferry("b", "north"), false, false},
		"Bare":        {"nobody owns them", ferry("", "north"), ferry("", "north"), false, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := c.two.DeepCopy()
			all := emptyCollector()
			all.prunePod(&c.one)
			all.prunePod(&c.two)
			one, two := c.one.Spec.Containers[0], c.two.Spec.Containers[0]
			if got := unsafe.SliceData(one.Env) == unsafe.SliceData(two.Env); got != c.env {
				t.Errorf("%s: variables are one: %t", c.reason, got)
			}
			if got := unsafe.SliceData(one.Args) == unsafe.SliceData(two.Args); got != c.args {
				t.Errorf("%s: arguments are one: %t", c.reason, got)
			}
			if two.Env[0] != before.Spec.Containers[0].Env[0] || two.Args[0] != "serve" || c.two.Labels["app"] != "ferry" {
				t.Errorf("%s: the pod became %+v", c.reason, c.two)
			}
		})
	}
}

// TestKeepPages reads pages until there are no more, or one fails.
func TestKeepPages(t *testing.T) {
	lost := errors.New("lost")
	cases := map[string]struct {
		pages int
		fails int // the page that cannot be read, from 1
		want  int
		err   error
	}{
		"None":   {pages: 1, want: 2},
		"Three":  {pages: 3, want: 6},
		"Second": {pages: 3, fails: 2, want: 2, err: lost},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			list := func(_ context.Context, options metav1.ListOptions) (*corev1.PodList, error) {
				n, _ := strconv.Atoi(options.Continue) // the first page has none
				if n+1 == c.fails {
					return nil, lost
				}
				answer := &corev1.PodList{Items: []corev1.Pod{ferry("a", "north"), ferry("a", "north")}}
				if left := int64(c.pages - n - 1); left > 0 {
					left *= 2
					answer.Continue, answer.RemainingItemCount = strconv.Itoa(n+1), &left
				}
				return answer, nil
			}
			all := emptyCollector()
			err := keepPages(all, &all.snapshot.Pods, list, func(l *corev1.PodList) []corev1.Pod { return l.Items }, all.prunePod)(t.Context())
			if !errors.Is(err, c.err) || len(all.snapshot.Pods) != c.want {
				t.Errorf("%d pods and %v, want %d and %v", len(all.snapshot.Pods), err, c.want, c.err)
			}
		})
	}
}
