package relay

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
)

const clusterPath = "/kubernetes/subscriptions/s/resourceGroups/g/providers/Microsoft.Kubernetes/connectedClusters/c"

func TestSplit(t *testing.T) {
	cases := map[string]struct {
		reason, path, rest string // an empty rest: it is refused
	}{
		"Plain":              {"the usual", clusterPath + "/api/v1/pods", "/api/v1/pods"},
		"Root":               {"no path is the root", clusterPath, "/"},
		"Slash":              {"and so is a slash", clusterPath + "/", "/"},
		"Case":               {"ids have no case", strings.ToUpper(clusterPath) + "/Api", "/Api"},
		"EncodedSlash":       {"services behind the API server may want it", clusterPath + "/api/a%2Fb", "/api/a%2Fb"},
		"DoubleSlash":        {"as it was sent", clusterPath + "//api//v1/", "//api//v1/"},
		"DoublyEncoded":      {"decoded once it is no dot", clusterPath + "/api/%252e%252e/x", "/api/%252e%252e/x"},
		"DotsInNames":        {"dots are no segment", clusterPath + "/apis/a.b/..x/x..", "/apis/a.b/..x/x.."},
		"Up":                 {"out of the prefix", clusterPath + "/../d/api", ""},
		"UpInside":           {"within it, too", clusterPath + "/api/../apis", ""},
		"Here":               {"one dot", clusterPath + "/./api", ""},
		"EncodedUp":          {"however it is written", clusterPath + "/%2e%2E/d/api", ""},
		"EncodedSlashUp":     {"with encoded slashes", clusterPath + "/api/x%2f..%2F..%2fd", ""},
		"BackslashUp":        {"with those of others", clusterPath + `/api/..%5c..%5cd`, ""},
		"EncodedPrefix":      {"no escape in what names the cluster", "/%6bubernetes" + clusterPath[11:] + "/api", ""},
		"EncodedCluster":     {"no escape in its name", clusterPath[:len(clusterPath)-1] + "%63/api", ""},
		"SlashInCluster":     {"no slash in its name", clusterPath + "%2fd/api", ""},
		"DotCluster":         {"no dots as its name", clusterPath[:len(clusterPath)-1] + "../api", ""},
		"ProvidersAsCluster": {"no other id hides in it", clusterPath[:len(clusterPath)-1] + "providers/a/b/c", ""},
		"OtherType":          {"another type", strings.Replace(clusterPath, "connectedClusters", "fleets", 1) + "/api", ""},
		"OtherProvider":      {"another provider", strings.Replace(clusterPath, "Microsoft.Kubernetes", "Microsoft.Compute", 1) + "/api", ""},
		"Short":              {"no cluster", "/kubernetes/subscriptions/s/resourceGroups/g", ""},
		"EmptySegment":       {"nothing as a name", strings.Replace(clusterPath, "/s/", "//", 1) + "/api", ""},
	}
	for name, c := range cases {
		address, err := url.ParseRequestURI(c.path)
		if err != nil {
			t.Fatal(err)
		}
		found, err := split(address)
		if c.rest == "" {
			if kind := fairlead.KindOf(err); err == nil || kind != fairlead.Invalid && kind != fairlead.NotFound {
				t.Errorf("%s: %s: %+v, %v", name, c.reason, found, err)
			}
			continue
		}
		if err != nil || found.path != c.rest || found.cluster.Key() != "/subscriptions/s/resourcegroups/g/providers/microsoft.kubernetes/connectedclusters/c" {
			t.Errorf("%s: %s: %+v, %v", name, c.reason, found, err)
		}
	}
}

// Whatever is sent: what goes on is what followed the cluster, and leads nowhere else.
func FuzzSplit(f *testing.F) {
	for _, seed := range []string{"/api/v1/pods", "/../d/api", "/%2e%2e/x", "/a%2fb", "//x", "/a;b=c/%zz", "%2f..", "/ü/%00", `/\..\x`, "?x", "#y"} {
		f.Add(clusterPath + seed)
	}
	f.Fuzz(func(t *testing.T, path string) {
		address, err := url.ParseRequestURI(path)
		if err != nil || address.Host != "" {
			return
		}
		found, err := split(address)
		if err != nil {
			return
		}
		var out url.URL
		found.goTo(&out, "api", address.RawQuery)
		sent := out.EscapedPath()
		if rest := address.EscapedPath(); !strings.HasSuffix(rest, sent) && sent != "/" || strings.Count(rest, "/")-strings.Count(sent, "/") < nameSegments-2 {
			t.Fatalf("%q became %q", rest, sent)
		}
		if request, err := http.NewRequest(http.MethodGet, out.String(), nil); err != nil || request.URL.Host != "api" || !strings.HasPrefix(request.URL.Path, "/") {
			t.Fatalf("%q became %v, %v", path, request, err)
		}
		if segments := strings.Split(strings.ReplaceAll(out.Path, `\`, "/"), "/"); slices.Contains(segments, "..") || slices.Contains(segments, ".") {
			t.Fatalf("%q kept %q", path, out.Path)
		}
		if strings.ContainsAny(found.cluster.String(), `%\?#`) {
			t.Fatalf("cluster %q", found.cluster)
		}
	})
}

func TestKindOf(t *testing.T) {
	for query, want := range map[string]kind{"": short, "watch=1": long, "a=b&watch=true": long, "watch=false": short, "follow=true&x": long, "watch": long, "watches=1": short} {
		if got := kindOf(&http.Request{URL: &url.URL{RawQuery: query}}); got != want {
			t.Errorf("%q: %v", query, got)
		}
	}
}

func TestLimits(t *testing.T) {
	var o limits
	var ends []func()
	for i := range maxOwnShort {
		end, err := o.take("c", "anna", short)
		if err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		ends = append(ends, end)
	}
	if _, err := o.take("d", "anna", short); fairlead.KindOf(err) != fairlead.TooManyRequests {
		t.Errorf("one caller has more than their share: %v", err)
	}
	for i := range maxShort - maxOwnShort {
		if _, err := o.take("c", string(rune('a'+i%20)), short); err != nil {
			t.Fatalf("others are starved: %v", err)
		}
	}
	if _, err := o.take("c", "eve", short); fairlead.KindOf(err) != fairlead.TooManyRequests {
		t.Errorf("the cluster has more than it may: %v", err)
	}
	if end, err := o.take("c", "anna", long); err != nil {
		t.Errorf("watches are counted by themselves: %v", err)
	} else {
		ends = append(ends, end)
	}
	for _, end := range ends {
		end()
		end() // once more does nothing
	}
	if o.principals["anna"] != nil || o.clusters["c"][short] != maxShort-maxOwnShort {
		t.Errorf("%v %v", o.principals, o.clusters)
	}
}
