package cli

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/bundle"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// aBundle is a bundle of a cluster with one pod.
func aBundle(t *testing.T) string {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "support.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	seen := &snapshot.Snapshot{
		Version: snapshot.Version, Taken: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
		Coverage: map[snapshot.Resource]*snapshot.Coverage{snapshot.Pods: {Served: true, All: true}},
		Pods:     []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}}},
	}
	if err := errors.Join(bundle.Write(file, bundle.Contents{Snapshot: seen}), file.Close()); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

func runDoctorTest(t *testing.T, output string, specs ...string) (string, int) {
	t.Helper()
	var content strings.Builder
	for i, spec := range specs {
		content.WriteString("---\napiVersion: fairlead.io/v1\nkind: Check\nmetadata: {name: c" + string(rune('0'+i)) + "}\nspec: {title: A title, reason: 'pods: ${size(pods)}', " + spec + "}\n")
	}
	file := filepath.Join(t.TempDir(), "checks.yaml")
	if err := os.WriteFile(file, []byte(content.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	s := &session{streams: Streams{Out: &out}, output: output}
	command := newDoctorTestCommand(s, &doctorFlags{})
	command.SetArgs([]string{"--bundle", aBundle(t), file})
	command.SilenceErrors, command.SilenceUsage = true, true
	code := doctorExit(t.Context(), command.ExecuteContext(t.Context()))
	return out.String(), code
}

func TestDoctorTestExitCodes(t *testing.T) {
	cases := map[string]struct {
		specs []string
		want  int
	}{
		"AsExpected":   {[]string{"expr: size(pods) == 1, expect: fail", "expr: size(pods) == 2, expect: pass", "expr: size(pods) == 1, status: warn, expect: warn"}, doctorHealthy},
		"NotExpecting": {[]string{"expr: size(pods) == 1"}, doctorHealthy},
		"Otherwise":    {[]string{"expr: size(pods) == 2, expect: fail"}, doctorFound},
		"Unseen":       {[]string{"expr: size(nodes) == 2"}, doctorUnknown},
		"UnseenFirst":  {[]string{"expr: size(nodes) == 2", "expr: size(pods) == 1, expect: pass"}, doctorFound},
		"UnseenPass":   {[]string{"expr: size(nodes) == 2, expect: pass"}, doctorFound},
		"Wrong":        {[]string{"expr: size(podz) == 2"}, doctorUsage},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			if _, code := runDoctorTest(t, "", test.specs...); code != test.want {
				t.Errorf("the exit code is %d, not %d", code, test.want)
			}
		})
	}
}

func TestDoctorTestSaysWhatItFound(t *testing.T) {
	specs := []string{"expr: size(pods) == 1, expect: pass", "forEach: {in: pods, as: p, expr: 'true', object: '\"Pod/\" + p.metadata.namespace + \"/\" + p.metadata.name'}"}
	text, _ := runDoctorTest(t, "", specs...)
	for _, part := range []string{"not ok  USER-C0  fail (expected pass)  A title\n        pods: 1\n", "ok      USER-C1  fail  A title\n        Pod/shop/cart: pods: 1\n"} {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in\n%s", part, text)
		}
	}
	text, _ = runDoctorTest(t, "json", specs...)
	var document struct {
		Checks []struct {
			ID, Status, Expect string
			OK                 bool
		}
	}
	if err := json.Unmarshal([]byte(text), &document); err != nil || len(document.Checks) != 2 || document.Checks[0].OK || !document.Checks[1].OK {
		t.Errorf("%v: %s", err, text)
	}
}
