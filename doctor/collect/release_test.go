package collect

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestChanged(t *testing.T) {
	created := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		reason, label string
		want          time.Time
	}{
		"Modified":  {"Helm wrote again after it had made the object", "1772366460", created.Add(time.Minute)},
		"Inherited": {"a new revision carries the label of the one before", "1772362800", created},
		"None":      {"a first revision that Helm has not written again", "", created},
		"NoNumber":  {"somebody set the label by hand", "yesterday", created},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			meta := &metav1.ObjectMeta{CreationTimestamp: metav1.NewTime(created)}
			if c.label != "" {
				meta.Labels = map[string]string{"modifiedAt": c.label}
			}
			if got := changed(meta); !got.Equal(c.want) {
				t.Errorf("%s: %s, want %s", c.reason, got, c.want)
			}
		})
	}
}
