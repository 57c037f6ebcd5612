package resource_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestPutReplacesAndKeepsWhatItsTypeSays(t *testing.T) {
	y := newYard(t)
	made := y.do("PUT", anchors+"/a"+v1, `{"id":"/x","name":"x","secret":"s","properties":{"serial":"9","color":{"fore":"red"},"chain":"long","gone":1,"empty":null}}`).
		want(http.StatusCreated).has("properties.serial", "7").has("name", "a").has("secret", "")
	if made.document.Has("properties.empty") || made.document.Has("properties.provisioningState") {
		t.Errorf("%v", made.document)
	}
	put := y.do("PUT", anchors+"/a"+v1, `{"properties":{"serial":"8","color":{"aft":"blue"},"big":12345678901234567890.10}}`).want(http.StatusOK).
		has("properties.serial", "7").has("properties.color.fore", "red").has("properties.color.aft", "blue").has("properties.chain", "long")
	if put.document.Has("properties.gone") {
		t.Error("a PUT replaces: what it leaves out must go")
	}
	if got := fmt.Sprint(put.document.Get("properties.big")); got != "12345678901234567890.10" {
		t.Errorf("a number came back as %s", got)
	}
	if put.document.Text("systemData.createdAt") != made.document.Text("systemData.createdAt") {
		t.Error("createdAt has changed")
	}
}

func TestPatchMerges(t *testing.T) {
	y := newYard(t)
	y.do("PUT", anchors+"/a"+v1, `{"tags":{"a":"1","b":"2"},"properties":{"k":{"apps":1,"infra":2},"chain":"long"}}`).want(http.StatusCreated)
	patched := y.do("PATCH", anchors+"/a"+v1, `{"tags":{"c":"3"},"properties":{"k":{"apps":null},"serial":"9","new":"n"}}`).want(http.StatusOK).
		has("properties.serial", "7").has("properties.new", "n").has("properties.chain", "long").has("tags.c", "3")
	if patched.document.Has("properties.k.apps") || !patched.document.Has("properties.k.infra") {
		t.Errorf("null removes its own and nothing else: %v", patched.document)
	}
	if patched.document.Has("tags.a") {
		t.Error("tags are replaced as a whole")
	}
	y.do("GET", anchors+"/a"+v1, "").want(http.StatusOK).has("properties.serial", "7").has("properties.new", "n")
	y.do("PATCH", anchors+"/absent"+v1, `{}`).want(http.StatusNotFound).has("error.code", "ResourceNotFound")
}

func TestPreconditions(t *testing.T) {
	y := newYard(t)
	a := anchors + "/a" + v1
	y.do("PUT", a, `{}`, "If-Match", "*").want(http.StatusPreconditionFailed)
	first := y.do("PUT", a, `{}`, "If-None-Match", "*").want(http.StatusCreated).header.Get("ETag")
	y.do("PUT", a, `{}`, "If-None-Match", "*").want(http.StatusPreconditionFailed)
	second := y.do("PUT", a, `{}`, "If-Match", first).want(http.StatusOK).header.Get("ETag")
	if first == second || !strings.HasPrefix(first, `"`) {
		t.Errorf("etags %s and %s", first, second)
	}
	y.do("PUT", a, `{}`, "If-Match", first).want(http.StatusPreconditionFailed)
	y.do("PATCH", a, `{}`, "If-Match", first).want(http.StatusPreconditionFailed)
	y.do("DELETE", a, "", "If-Match", first).want(http.StatusPreconditionFailed)
	y.do("PUT", a, `{}`, "If-None-Match", second).want(http.StatusPreconditionFailed)
	y.do("PUT", a, `{}`, "If-Match", "not a list").want(http.StatusBadRequest).has("error.code", "InvalidHeaderValue")
	y.do("DELETE", anchors+"/absent"+v1, "", "If-Match", "*").want(http.StatusPreconditionFailed)
	y.do("DELETE", anchors+"/absent"+v1, "").want(http.StatusNoContent)
	if got := y.do("GET", a, "").want(http.StatusOK).header.Get("ETag"); got != second {
		t.Errorf("etag %s, want %s", got, second)
	}
	y.do("DELETE", a, "", "If-Match", first+`, W/`+second).want(http.StatusOK)
}

// Writers that set no condition must all get through, and none may undo another.
func TestConcurrentPatchesAllCount(t *testing.T) {
	y := newYard(t)
	y.do("PUT", anchors+"/a"+v1, `{"properties":{}}`).want(http.StatusCreated)
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for j := range 5 {
				got := y.do("PATCH", anchors+"/a"+v1, fmt.Sprintf(`{"properties":{"w%d-%d":"x"}}`, i, j))
				if got.status != http.StatusOK {
					t.Errorf("status %d: %v", got.status, got.document)
				}
			}
		})
	}
	writers.Wait()
	properties, _ := y.do("GET", anchors+"/a"+v1, "").want(http.StatusOK).document.Get("properties").(map[string]any)
	if len(properties) != 21 { // with the serial number
		t.Errorf("%d properties are left of 21", len(properties))
	}
}

func TestNestedAndExtensionResources(t *testing.T) {
	y := newYard(t)
	y.do("PUT", anchors+"/a/flukes/f", `{}`).want(http.StatusNotFound).has("error.code", "ParentResourceNotFound")
	y.do("PUT", anchors+"/a"+v1, `{}`).want(http.StatusCreated)
	y.do("PUT", anchors+"/a/FLUKES/f", `{}`).want(http.StatusCreated).has("id", anchors+"/a/flukes/f").has("type", "Contoso.Ships/anchors/flukes")
	pennant := "/providers/contoso.ships/Pennants/p"
	y.do("PUT", strings.ToLower(anchors)+"/a"+pennant, `{}`).want(http.StatusCreated).has("id", anchors+"/a/providers/Contoso.Ships/pennants/p")
	y.do("PUT", group+pennant, `{}`).want(http.StatusCreated)
	y.do("PUT", pennant, `{}`).want(http.StatusCreated).has("id", "/providers/Contoso.Ships/pennants/p")
	if got := y.names(anchors + "/a/flukes"); !slices.Equal(got, []string{"f"}) {
		t.Errorf("flukes: %v", got)
	}
	if got := y.names(anchors + "/a/providers/Contoso.Ships/pennants"); !slices.Equal(got, []string{"p"}) {
		t.Errorf("pennants: %v", got)
	}
	y.do("DELETE", anchors+"/a"+v1, "").want(http.StatusOK)
	y.do("GET", anchors+"/a/flukes/f", "").want(http.StatusNotFound)
	y.do("GET", anchors+"/a"+pennant, "").want(http.StatusNotFound)
	y.do("GET", group+pennant, "").want(http.StatusOK)
}

func (y *yard) names(path string) []string {
	y.Helper()
	values, _ := y.do("GET", path, "").want(http.StatusOK).document["value"].([]any)
	var names []string
	for _, value := range values {
		if member, ok := value.(map[string]any); ok {
			names = append(names, fmt.Sprint(member["name"]))
		}
	}
	return names
}

func TestActions(t *testing.T) {
	y := newYard(t)
	y.do("PUT", anchors+"/a"+v1, `{}`).want(http.StatusCreated)
	y.do("POST", anchors+"/A/Weigh"+v1, "windlass").want(http.StatusOK).has("weighed", "a").has("with", "windlass")
	y.do("POST", anchors+"/a/drop"+v1, "").want(http.StatusMethodNotAllowed)
	y.do("POST", anchors+"/absent/weigh"+v1, "").want(http.StatusNotFound)
	y.do("POST", anchors+"/a/weigh"+v1, "", "X-As", "stranger").want(http.StatusForbidden)
}

func TestPathsThatHideSomething(t *testing.T) {
	y := newYard(t)
	for path, status := range map[string]int{
		anchors + "/a%2Fb" + v1: http.StatusBadRequest, anchors + "/a%5Cb" + v1: http.StatusBadRequest,
		anchors + "/a%20b" + v1: http.StatusBadRequest, anchors + "/%C3%A4" + v1: http.StatusBadRequest,
		anchors + "/" + strings.Repeat("a", 129) + v1: http.StatusBadRequest, "/nonsense": http.StatusBadRequest,
		"/": http.StatusBadRequest, anchors + "/a%00" + v1: http.StatusBadRequest,
	} {
		if got := y.do("PUT", path, `{}`); got.status != status {
			t.Errorf("%s: %d, want %d", path, got.status, status)
		}
	}
	y.do("PUT", anchors+"/a/"+v1, `{}`).want(http.StatusCreated).has("id", anchors+"/a")
}

func TestIdsOfRequests(t *testing.T) {
	y := newYard(t)
	const mine = "9b2f4c0e-0000-4000-8000-000000000001"
	got := y.do("GET", group, "", "X-Ms-Correlation-Request-Id", mine, "X-Ms-Client-Request-Id", mine).want(http.StatusOK).header
	if got.Get("X-Ms-Client-Request-Id") != "" || !strings.HasSuffix(got.Get("X-Ms-Routing-Request-Id"), "Z:"+got.Get("X-Ms-Request-Id")) {
		t.Errorf("%v", got)
	}
	got = y.do("GET", group, "", "X-Ms-Correlation-Request-Id", mine, "X-Ms-Client-Request-Id", mine, "X-Ms-Return-Client-Request-Id", "true").header
	if got.Get("X-Ms-Correlation-Request-Id") != mine || got.Get("X-Ms-Client-Request-Id") != mine || len(got.Get("X-Ms-Request-Id")) != 36 {
		t.Errorf("%v", got)
	}
	got = y.do("GET", group, "", "X-Ms-Correlation-Request-Id", "<script>").header
	if got.Get("X-Ms-Correlation-Request-Id") != got.Get("X-Ms-Request-Id") {
		t.Errorf("%v", got)
	}
}

func TestPagesOfWhatOneMayRead(t *testing.T) {
	y := newYard(t)
	for i := range 9 {
		y.do("PUT", fmt.Sprintf("%s/a%d%s", anchors, i, v1), `{}`).want(http.StatusCreated)
	}
	for _, i := range []string{"1", "4", "7"} {
		if err := y.api.Access.Assign(t.Context(), "you", "acdd72a7-3385-48ef-bd42-f606fba81ae7", anchors+"/a"+i); err != nil {
			t.Fatal(err)
		}
	}
	first := y.do("GET", anchors+v1+"&$top=2", "", "X-As", "you").want(http.StatusOK)
	if got := len(first.document["value"].([]any)); got != 2 {
		t.Errorf("%d on the first page", got)
	}
	next := strings.TrimPrefix(first.document.Text("nextLink"), y.url)
	last := y.do("GET", next, "", "X-As", "you").want(http.StatusOK).has("nextLink", "")
	if got := len(last.document["value"].([]any)); got != 1 || last.document["nextLink"] != nil {
		t.Errorf("%v", last.document)
	}
	y.do("GET", anchors+v1+"&$top=0", "").want(http.StatusBadRequest)
	y.do("GET", anchors+v1+"&$skiptoken=***", "").want(http.StatusBadRequest)
}

func TestTooManyTags(t *testing.T) {
	y := newYard(t)
	var tags strings.Builder
	for i := range 51 {
		fmt.Fprintf(&tags, `,"t%d":"x"`, i)
	}
	y.do("PUT", anchors+"/a"+v1, `{"tags":{`+tags.String()[1:]+`}}`).want(http.StatusBadRequest).has("error.code", "InvalidTagCount")
}
