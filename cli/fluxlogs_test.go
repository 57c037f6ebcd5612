package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// logHub is a hub that has lines about a configuration, and says one more to who follows, once.
func logHub(t *testing.T, lines []fairlead.FluxLog, followed func()) *client.Hub {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page := map[string]any{"value": lines, "next": 3}
		switch r.URL.Query().Get("since") {
		case "0":
		case "3":
			page = map[string]any{"value": []fairlead.FluxLog{{Sequence: 4, Time: time.Now(), Level: "error", Controller: "helm-controller", Message: "leader election lost"}}, "next": 4}
		default:
			followed()
			<-r.Context().Done()
			return
		}
		if err := json.NewEncoder(w).Encode(page); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return &client.Hub{URL: server.URL, HTTP: server.Client()}
}

func someLines() []fairlead.FluxLog {
	now := time.Now()
	return []fairlead.FluxLog{
		{Sequence: 1, Time: now.Add(-time.Hour), Level: "info", Controller: "source-controller", Kind: "GitRepository", Namespace: "shops", Name: "shop", Message: "stored artifact"},
		{Sequence: 2, Time: now, Level: "error", Controller: "kustomize-controller", Kind: "Kustomization", Namespace: "shops", Name: "shop-apps", Message: "failed", Error: "no\n\x1b[31mfolder", Skipped: 7},
		{Sequence: 3, Time: now.Add(-time.Minute), Level: "info", Controller: "kustomize-controller", Kind: "Kustomization", Namespace: "shops", Name: "shop-infra", Message: "applied"},
	}
}

func TestLogsOfFluxAreShown(t *testing.T) {
	const source, apps, infra = "stored artifact", "failed: no [31mfolder (7 lines before this one are left out)", "applied"
	cases := map[string]struct {
		reason string
		flags  fluxLogFlags
		want   []string
	}{
		"All":    {"in the order of their times", fluxLogFlags{tail: -1}, []string{"Message", source, infra, apps}},
		"Kind":   {"in any case", fluxLogFlags{tail: -1, kind: "gitrepository"}, []string{"Message", source}},
		"Since":  {"", fluxLogFlags{tail: -1, since: 10 * time.Minute}, []string{"Message", infra, apps}},
		"Tail":   {"of those that are wanted", fluxLogFlags{tail: 1, kind: "Kustomization"}, []string{"Message", apps}},
		"None":   {"", fluxLogFlags{tail: 0}, nil},
		"Follow": {"what there is, and what comes", fluxLogFlags{tail: 1, follow: true}, []string{"Message", apps, "leader election lost"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var out strings.Builder
			s := &session{output: "table", streams: Streams{Out: &out}}
			if err := s.showFluxLogs(ctx, logHub(t, someLines(), cancel), client.FluxID(fairlead.ResourceID{}, "shop"), c.flags); err != nil {
				t.Fatal(err)
			}
			got := slices.DeleteFunc(strings.Split(strings.TrimSpace(out.String()), "\n"), func(line string) bool { return line == "" || strings.HasPrefix(line, "---") })
			if !slices.EqualFunc(got, c.want, strings.HasSuffix) {
				t.Errorf("%s: got\n%s\nwant lines that end in %q", c.reason, out.String(), c.want)
			}
		})
	}
}

func TestFollowedLogsAreLinesOfJSON(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out strings.Builder
	s := &session{output: "json", streams: Streams{Out: &out}}
	if err := s.showFluxLogs(ctx, logHub(t, someLines(), cancel), client.FluxID(fairlead.ResourceID{}, "shop"), fluxLogFlags{tail: -1, follow: true}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var last fairlead.FluxLog
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 4 || last.Message != "leader election lost" {
		t.Errorf("%v in\n%s", err, out.String())
	}
}

func TestFlagsOfLogsAreChecked(t *testing.T) {
	for _, flags := range []fluxLogFlags{{since: -1, tail: -1}, {tail: -2}} {
		if err := flags.check(); err == nil {
			t.Error(fmt.Sprintf("%+v", flags), "is taken")
		}
	}
}
