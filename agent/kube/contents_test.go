package kube

import (
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

func TestWhatBelongsToSomethingThatIsGoneGoes(t *testing.T) {
	going := metav1.NewTime(time.Unix(1, 0))
	object := func(name string, deleted *metav1.Time, owner, kind string) stored {
		one := stored{name, metav1.ObjectMeta{UID: types.UID(name), DeletionTimestamp: deleted}}
		if owner != "" {
			one.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, UID: types.UID(owner)}}
		}
		return one
	}
	all := inventory{kinds: map[schema.GroupKind]bool{{Group: "apps", Kind: "Deployment"}: true, {Group: "apps", Kind: "ReplicaSet"}: true}, objects: []stored{
		object("pods/left", nil, "replicasets/left", "ReplicaSet"),
		object("replicasets/left", nil, "deployments/left", "Deployment"), // which is gone
		object("helmreleases/till", &going, "", ""),
		object("pods/till", nil, "replicasets/till", "ReplicaSet"), // before its owner
		object("replicasets/till", nil, "deployments/till", "Deployment"),
		object("deployments/till", nil, "", ""),
		object("configmaps/harbour", nil, "harbours/one", "Harbour"), // whose owner is in no namespace
	}}
	got := all.sorted()
	if want := []string{"configmaps/harbour", "deployments/till", "pods/till", "replicasets/till"}; !slices.Equal(got.Stay, want) {
		t.Errorf("%q stay, want %q", got.Stay, want)
	}
	if want := []string{"helmreleases/till", "pods/left", "replicasets/left"}; !slices.Equal(got.Go, want) {
		t.Errorf("%q go, want %q", got.Go, want)
	}
}
