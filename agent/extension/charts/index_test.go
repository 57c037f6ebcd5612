package charts

import (
	"strings"
	"testing"
)

func FuzzIndex(f *testing.F) {
	f.Add("apiVersion: v1\nentries:\n  web:\n  - urls:\n    - a.tgz\n    version: 1.0.0\n", "web", "1.0.0")
	f.Add("entries: {web: [{version: 1, urls: [x]}]}", "web", "1")
	f.Fuzz(func(t *testing.T, index, chart, version string) {
		place, err := find(strings.NewReader(index), chart, version)
		if err != nil && place != "" {
			t.Error("a place with an error")
		}
	})
}
