package resource_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub/access"
)

const tagsAPI = "/providers/Microsoft.Resources/tags/default?api-version=2021-04-01"

func TestTagsOfAnyScope(t *testing.T) {
	for name, scope := range map[string]string{"Subscription": "/subscriptions/s", "Group": group, "Resource": anchors + "/a", "WithWork": tugs + "/t"} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.do("PUT", anchors+"/a"+v1, `{"properties":{"chain":"long"}}`).want(http.StatusCreated)
			y.do("PUT", tugs+"/t", `{}`).want(http.StatusCreated)
			tags := func(got answer) string {
				t.Helper()
				return fmt.Sprint(got.want(http.StatusOK).document.Get("properties.tags"))
			}
			for i, step := range []struct{ method, body, want string }{
				{"GET", ``, "map[]"},
				{"PUT", `{"properties":{"tags":{"Env":"test","team":"a"}}}`, "map[Env:test team:a]"},
				{"GET", ``, "map[Env:test team:a]"},
				{"PATCH", `{"operation":"Merge","properties":{"tags":{"env":"prod","new":"1"}}}`, "map[Env:prod new:1 team:a]"},
				{"PATCH", `{"operation":"delete","properties":{"tags":{"ENV":"","team":"b","new":"1"}}}`, "map[team:a]"},
				{"PATCH", `{"operation":"Replace","properties":{"tags":{"x":"y"}}}`, "map[x:y]"},
				{"PUT", `{"properties":{}}`, "map[]"},
			} {
				got := y.do(step.method, strings.ToLower(scope)+tagsAPI, step.body)
				if tags(got) != step.want {
					t.Errorf("step %d: %s, want %s", i, tags(got), step.want)
				}
				got.has("name", "default").has("type", "Microsoft.Resources/tags").has("id", scope+"/providers/Microsoft.Resources/tags/default")
			}
			y.do("PUT", scope+tagsAPI, `{"properties":{"tags":{"a":"b"}}}`).want(http.StatusOK)
			y.do("DELETE", scope+tagsAPI, "").want(http.StatusOK)
			if got := tags(y.do("GET", scope+tagsAPI, "")); got != "map[]" {
				t.Errorf("after deletion: %s", got)
			}
			if name == "Resource" {
				y.do("GET", anchors+"/a"+v1, "").want(http.StatusOK).has("properties.chain", "long")
			}
		})
	}
}

func TestTagsThatAreRefused(t *testing.T) {
	y := newYard(t)
	var many strings.Builder
	for i := range 51 {
		fmt.Fprintf(&many, `,"t%d":"x"`, i)
	}
	for body, code := range map[string]string{
		`{"properties":{"tags":{` + many.String()[1:] + `}}}`:              "InvalidTagCount",
		`{"properties":{"tags":{"a/b":"x"}}}`:                              "InvalidTagNameCharacters",
		`{"properties":{"tags":{"a":"x","A":"y"}}}`:                        "InvalidRequestContent",
		`{"properties":{"tags":{"a":1}}}`:                                  "InvalidRequestContent",
		`{"properties":{"tags":{"` + strings.Repeat("n", 513) + `":"x"}}}`: "InvalidRequestContent",
		`{"properties":{"tags":{"a":"` + strings.Repeat("v", 257) + `"}}}`: "InvalidRequestContent",
		`{`: "InvalidRequestContent",
	} {
		y.do("PUT", group+tagsAPI, body).want(http.StatusBadRequest).has("error.code", code)
	}
	y.do("PATCH", group+tagsAPI, `{"operation":"Burn"}`).want(http.StatusBadRequest).has("error.code", "InvalidRequestContent")
	y.do("POST", group+tagsAPI, `{}`).want(http.StatusMethodNotAllowed)
	y.do("PUT", group+tagsAPI, `a=b`, "Content-Type", "application/x-www-form-urlencoded").want(http.StatusUnsupportedMediaType)
	for scope, code := range map[string]string{
		"/subscriptions/other": "SubscriptionNotFound", "/subscriptions/s/resourceGroups/other": "ResourceGroupNotFound",
		anchors + "/other": "ResourceNotFound", group + "/providers/Contoso.Ships/oars/o": "InvalidResourceType",
	} {
		y.do("GET", scope+tagsAPI, "").want(http.StatusNotFound).has("error.code", code)
		y.do("PUT", scope+tagsAPI, `{"properties":{"tags":{"a":"b"}}}`).want(http.StatusNotFound).has("error.code", code)
	}
	if err := y.api.Access.Assign(t.Context(), "you", access.Reader, group); err != nil {
		t.Fatal(err)
	}
	y.do("GET", group+tagsAPI, "", "X-As", "you").want(http.StatusOK)
	y.do("PUT", group+tagsAPI, `{"properties":{"tags":{}}}`, "X-As", "you").want(http.StatusForbidden).has("error.code", "AuthorizationFailed")
}

func TestTagNames(t *testing.T) {
	y := fleet(t)
	values, _ := y.do("GET", "/subscriptions/s/tagNames?api-version=2021-04-01", "").want(http.StatusOK).document["value"].([]any)
	if len(values) != 2 {
		t.Fatalf("%v", values)
	}
	env, _ := values[0].(map[string]any)
	if !strings.EqualFold(fmt.Sprint(env["tagName"]), "env") || fmt.Sprint(env["count"]) != "map[type:Total value:4]" {
		t.Errorf("%v", env)
	}
	used, _ := env["values"].([]any)
	if len(used) != 2 || fmt.Sprint(used[0].(map[string]any)["count"]) != "map[type:Total value:3]" {
		t.Errorf("%v", used)
	}
	y.do("GET", "/subscriptions/s/tagNames", "", "X-As", "stranger").want(http.StatusForbidden)
}
