package fairlead

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestWhatFluxV1WasToldIsToldToFlux2(t *testing.T) {
	cases := map[string]struct {
		reason, params string
		branch, paths  string
		poll           int64
		prune          bool
		notes          string
	}{
		"Nothing":  {"the defaults of v1", "", "master", "./", 300, false, ""},
		"Az":       {"the guide's example", "--git-readonly --git-path=releases --sync-garbage-collection", "master", "releases", 300, true, ""},
		"Paths":    {"several, also twice", "--git-branch main --git-path=a,b --git-path 'c'", "main", "a b c", 300, false, ""},
		"Interval": {"in Go's words", "--git-poll-interval=1m30s", "master", "./", 90, false, ""},
		"Off":      {"a truth may be said", "--sync-garbage-collection=false", "master", "./", 300, false, ""},
		"Foreign":  {"what is lost is said", "--registry-include-image=x --git-branch=main", "main", "./", 300, false, "--registry-include-image"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spec, notes, err := SourceControl{RepositoryURL: "https://git.example.org/x", OperatorParams: c.params}.Flux()
			if err != nil {
				t.Fatal(err)
			}
			paths, prunes := foldersOf(spec)
			git := spec.GitRepository
			if paths != c.paths || prunes != c.prune || git.RepositoryRef.Branch != c.branch || git.SyncIntervalInSeconds != c.poll || spec.Namespace != "default" {
				t.Errorf("%s: %+v %v", c.reason, git, paths)
			}
			if got := strings.Join(notes, " "); !strings.Contains(got, c.notes) || c.notes == "" && got != "" {
				t.Errorf("%s: it says %q", c.reason, got)
			}
		})
	}
	for _, params := range []string{"git-path=x", "--sync-interval=0s", "--git-timeout"} {
		if _, _, err := (SourceControl{OperatorParams: params}).Flux(); KindOf(err) != Invalid {
			t.Errorf("%q is taken: %v", params, err)
		}
	}
}

// foldersOf are the paths of a configuration's kustomizations in their order, and whether all of them prune.
func foldersOf(spec FluxSpec) (string, bool) {
	var paths []string
	prunes := true
	for at := range len(spec.Kustomizations) {
		one := spec.Kustomizations["kustomization-"+string(rune('1'+at))]
		paths, prunes = append(paths, one.Path), prunes && one.Prune
	}
	return strings.Join(paths, " "), prunes
}

func TestTruthsThatAreTexts(t *testing.T) {
	for text, want := range map[string]Truth{`true`: true, `"True"`: true, `"false"`: false, `null`: false} {
		var got Truth
		if err := json.Unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s is read as %t, %v", text, got, err)
		}
	}
	if err := json.Unmarshal([]byte(`"perhaps"`), new(Truth)); err == nil {
		t.Error("perhaps is a truth")
	}
}

func FuzzOperatorParams(f *testing.F) {
	for _, seed := range []string{"--git-path=a,b --git-branch main", "--", "--git-path", "x", "--sync-interval=1h --sync-interval=2s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		spec, _, err := SourceControl{OperatorParams: text}.Flux()
		if err == nil && len(spec.Kustomizations) == 0 {
			t.Errorf("%q gives nothing to apply", text)
		}
	})
}
