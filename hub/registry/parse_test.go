package registry

import (
	"strings"
	"testing"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"/v2/a/manifests/1.0", "/v2/a/b/blobs/sha256:" + strings.Repeat("a", 64), "/v2/a/tags/list",
		"/v2/../a/manifests/x", "/v2//manifests/x", "/v2/a/blobs/sha256:..", "/v2/", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		parsed, ok := parse(path)
		if !ok {
			return
		}
		if rest, ok := strings.CutPrefix(path, "/v2/adfs/"); ok {
			path = "/v2/" + rest
		}
		if back := "/v2/" + parsed.repository + "/" + parsed.kind + "/" + parsed.reference; back != path {
			t.Errorf("%q was read as %q", path, back)
		}
		if strings.Contains(path, "..") && !strings.Contains(parsed.reference, "..") {
			t.Errorf("%q was accepted", path)
		}
	})
}
