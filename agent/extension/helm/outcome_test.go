package helm

import (
	"errors"
	"testing"

	helmkube "helm.sh/helm/v4/pkg/kube"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/cli-runtime/pkg/resource"
)

// Jobs that are removed when they are done count for what they were, and not for what is left of them.
func TestAJobThatIsGoneCountsAsItEnded(t *testing.T) {
	gone := errors.New("resource Job/shop/web not ready. status: NotFound, message: Resource not found")
	for name, c := range map[string]struct {
		conditions []any
		want       string
	}{
		"Done":    {[]any{condition("Complete", "True")}, ""},
		"GaveUp":  {[]any{condition("Failed", "True")}, "resource Job/shop/web not ready. status: Failed, message: Job failed. Tired: of it"},
		"Running": {[]any{condition("Complete", "False"), condition("Suspended", "True")}, gone.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			var seen outcomes
			job := &unstructured.Unstructured{Object: map[string]any{
				"metadata": map[string]any{"name": "web", "namespace": "shop"}, "status": map[string]any{"conditions": c.conditions},
			}}
			if _, err := seen.read(job); err != nil {
				t.Fatal(err)
			}
			got := ""
			if err := seen.judge(helmkube.ResourceList{info("web")}, gone); err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if err := seen.judge(helmkube.ResourceList{info("web"), info("other")}, gone); name == "Done" && !errors.Is(err, gone) {
				t.Errorf("with a Job that was not seen: %v", err)
			}
		})
	}
}

func condition(kind, status string) map[string]any {
	return map[string]any{"type": kind, "status": status, "reason": "Tired", "message": "of it"}
}

func info(name string) *resource.Info {
	return &resource.Info{Namespace: "shop", Name: name, Mapping: &meta.RESTMapping{GroupVersionKind: jobKind.WithVersion("v1")}}
}
