package registry_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/registry"
)

// ofVersion returns a program that is another one for every version, as binaries are.
func ofVersion(t *testing.T, version string) string {
	t.Helper()
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(name, append(content, version...), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// Clusters go on with the version that they have until somebody upgrades them: its chart and image must be there.
func TestTwoEarlierVersionsAreStillServed(t *testing.T) {
	dir, own := t.TempDir(), fairlead.Version
	t.Cleanup(func() { fairlead.Version = own })
	digests := map[string]string{}
	upgrade := func(version string) *registry.Server {
		fairlead.Version = version
		s := server(t, ofVersion(t, version))
		s.Dir = dir
		return s
	}
	for _, version := range []string{"1.40.0", "1.41.0", "1.42.0"} {
		digests[version] = pullAfterRestart(t, upgrade(version))
	}
	front := serve(t, upgrade("1.43.0"))
	image := "/v2/" + fairlead.ImageRepository
	for version, want := range map[string]int{"1.40.0": http.StatusNotFound, "1.41.0": http.StatusOK, "1.42.0": http.StatusOK, "1.43.0": http.StatusOK} {
		got := get(t, front, http.MethodGet, image+"/manifests/"+version)
		if got.status != want || want == http.StatusOK && digests[version] != "" && got.header.Get("Docker-Content-Digest") != digests[version] {
			t.Errorf("%s: %d %v, want %d and %s", version, got.status, got.header, want, digests[version])
		}
		if chart := get(t, front, http.MethodGet, "/v2/"+fairlead.ChartRepository+"/manifests/"+version); chart.status != want {
			t.Errorf("chart %s: %d, want %d", version, chart.status, want)
		}
	}
	if list := get(t, front, http.MethodGet, image+"/tags/list").content; !strings.Contains(list, `"1.41.0","1.42.0","1.43.0"`) {
		t.Errorf("tags: %s", list)
	}
	if left, _ := os.ReadDir(dir); len(left) != 3 {
		t.Errorf("%d layouts, want the current one and two more", len(left))
	}
}
