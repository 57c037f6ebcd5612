package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func sample() *snapshot.Snapshot {
	return &snapshot.Snapshot{
		Version: snapshot.Version, Taken: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC),
		Pods:   []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Name: "a-1", Namespace: "azure-arc"}}},
		Events: []corev1.Event{{Message: "two\nlines", Reason: "Failed", InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: "a-1"}}},
		Logs:   []snapshot.Log{{Namespace: "azure-arc", Pod: "a-1", Container: "c", Text: "hello\n"}, {Namespace: "azure-arc", Pod: "b-1", Container: "c", Error: "gone", Reason: snapshot.Failed}},
		Coverage: map[snapshot.Resource]*snapshot.Coverage{
			snapshot.Pods: {Served: true, All: true}, snapshot.Secrets: {Served: true, Gaps: []snapshot.Gap{{Need: snapshot.Everywhere(snapshot.Secrets), Reason: snapshot.Forbidden}}},
		},
	}
}

func TestRoundTrip(t *testing.T) {
	var packed bytes.Buffer
	if err := Write(&packed, Contents{Snapshot: sample(), Version: "1.2.3", Removed: map[string]int{"jwt": 2}, Report: "fine\n"}); err != nil {
		t.Fatal(err)
	}
	again, manifest, err := Read(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), again); diff != "" {
		t.Errorf("the snapshot changed: %s", diff)
	}
	wantFailed := []Failure{{"list secrets", snapshot.Forbidden, ""}, {"log of azure-arc/b-1 c", snapshot.Failed, "gone"}}
	if diff := cmp.Diff(wantFailed, manifest.Failed); diff != "" {
		t.Errorf("failed: %s", diff)
	}
	if manifest.Removed["jwt"] != 2 || manifest.Version != "1.2.3" || !strings.Contains(strings.Join(manifest.Files, " "), "logs/azure-arc/a-1/c.log") {
		t.Errorf("manifest = %+v", manifest)
	}
}

func packed(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	archive := tar.NewWriter(zipped)
	for name, content := range files {
		if err := archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestReadRefuses(t *testing.T) {
	cases := map[string]struct {
		reason  string
		content []byte
		words   string
	}{
		"NoGzip":     {"any file may be given", []byte("hello"), "gzip"},
		"Cut":        {"a transfer broke", packed(t, map[string]string{"snapshot.json": `{"version":1}`})[:40], "damaged"},
		"NoSnapshot": {"an archive of something else", packed(t, map[string]string{"a": "b"}), "no snapshot.json"},
		"BadJSON":    {"damaged inside", packed(t, map[string]string{"snapshot.json": `{"version":`}), "read JSON"},
		"Newer":      {"made by a later version", packed(t, map[string]string{"snapshot.json": `{"version":99}`}), "newer"},
		"NoVersion":  {"JSON of something else", packed(t, map[string]string{"snapshot.json": `{}`}), "no snapshot"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, _, err := Read(bytes.NewReader(c.content)); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("%s: error = %v, want one about %q", c.reason, err, c.words)
			}
		})
	}
}

func TestDiff(t *testing.T) {
	before := doctor.Report{Findings: []doctor.Result{{ID: "A", Status: doctor.Pass}, {ID: "B", Status: doctor.Fail, Reason: "x"}, {ID: "C", Status: doctor.Fail, Reason: "same"}}}
	after := doctor.Report{Findings: []doctor.Result{{ID: "A", Status: doctor.Fail, Reason: "y"}, {ID: "B", Status: doctor.Pass}, {ID: "C", Status: doctor.Fail, Reason: "same"}}}
	want := []Change{{ID: "A", Before: doctor.Pass, After: doctor.Fail, AfterReason: "y"}, {ID: "B", Before: doctor.Fail, After: doctor.Pass, BeforeReason: "x"}}
	if diff := cmp.Diff(want, Diff(before, after)); diff != "" {
		t.Error(diff)
	}
}

func FuzzRead(f *testing.F) {
	var good bytes.Buffer
	if err := Write(&good, Contents{Snapshot: sample()}); err != nil {
		f.Fatal(err)
	}
	f.Add(good.Bytes())
	f.Add([]byte("hello"))
	f.Fuzz(func(t *testing.T, content []byte) {
		s, _, err := Read(bytes.NewReader(content))
		if err == nil && (s == nil || s.Coverage == nil) {
			t.Error("no error and no snapshot")
		}
	})
}
