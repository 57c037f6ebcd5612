package fix

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/pmezard/go-difflib/difflib"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	around      = 3 // lines shown beside a change
	hidden      = "(not shown)"
	hiddenNew   = "(not shown, changed)"
	lastApplied = corev1.LastAppliedConfigAnnotation
)

// diff returns what differs between two states of an object, either of which may be nil.
func diff(before, after *unstructured.Unstructured) (string, error) {
	before, after = before.DeepCopy(), after.DeepCopy()
	hideData(before, after)
	statusSame := before == nil || after == nil || reflect.DeepEqual(before.Object["status"], after.Object["status"])
	var texts [2]string
	for i, object := range []*unstructured.Unstructured{before, after} {
		if object == nil {
			continue
		}
		dropNoise(object)
		if statusSame {
			delete(object.Object, "status")
		}
		content, err := yaml.Marshal(object.Object)
		if err != nil {
			return "", fmt.Errorf("write the object as YAML: %w", err)
		}
		texts[i] = string(content)
	}
	return difflib.GetUnifiedDiffString(difflib.UnifiedDiff{
		A: lines(texts[0]), B: lines(texts[1]), FromFile: "as it is", ToFile: "as it would be", Context: around,
	})
}

func lines(text string) []string {
	if text == "" {
		return nil
	}
	return difflib.SplitLines(strings.TrimSuffix(text, "\n"))
}

// dropNoise leaves out what the API server writes by itself.
func dropNoise(object *unstructured.Unstructured) {
	for _, field := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink"} {
		unstructured.RemoveNestedField(object.Object, "metadata", field)
	}
}

// hideData replaces what Secrets hold; a reader still sees which keys differ.
func hideData(before, after *unstructured.Unstructured) {
	for _, object := range []*unstructured.Unstructured{before, after} {
		if object != nil {
			hideLastApplied(object)
		}
	}
	for _, field := range []string{"data", "stringData"} {
		old, changed := entries(before, field), entries(after, field)
		for key, value := range changed {
			if there, ok := old[key]; ok && !reflect.DeepEqual(there, value) {
				changed[key] = hiddenNew
			} else {
				changed[key] = hidden
			}
		}
		for key := range old {
			old[key] = hidden
		}
	}
}

// entries returns the map of a Secret's field itself, nil for other objects.
func entries(object *unstructured.Unstructured, field string) map[string]any {
	if object == nil || !isSecret(object) {
		return nil
	}
	found, _ := object.Object[field].(map[string]any)
	return found
}

// hideLastApplied takes away the copy of the object that kubectl keeps in it, which repeats every line and every secret.
func hideLastApplied(object *unstructured.Unstructured) {
	unstructured.RemoveNestedField(object.Object, "metadata", "annotations", lastApplied)
}

func isSecret(object *unstructured.Unstructured) bool {
	return object.GetKind() == "Secret" && object.GetAPIVersion() == "v1"
}

// Backup returns the object as it was as YAML that kubectl apply accepts. What Secrets hold is never written down, so that
// there is no backup of one.
func (c *Change) Backup() ([]byte, error) {
	if c.Before == nil {
		return nil, errors.New("there is nothing to keep: the object is not there yet")
	}
	if isSecret(c.Before) {
		return nil, fmt.Errorf("%s: a Secret is not written into a file", c.Object)
	}
	object := c.Before.DeepCopy()
	dropNoise(object)
	hideLastApplied(object)
	delete(object.Object, "status")
	content, err := yaml.Marshal(object.Object)
	if err != nil {
		return nil, fmt.Errorf("write the backup of %s: %w", c.Object, err)
	}
	return content, nil
}

// BackupName is how the file with the backup is called.
func (c *Change) BackupName(at time.Time) string {
	name := strings.Map(func(r rune) rune {
		if r == '/' || r == ':' || r == '\\' {
			return '-'
		}
		return r
	}, c.Object.Name)
	return name + ".backup-" + at.UTC().Format("20060102-150405") + ".yaml"
}
