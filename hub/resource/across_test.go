package resource_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub/access"
)

const everything = "/subscriptions/s/resources"

func fleet(t *testing.T) *yard {
	t.Helper()
	y := newYard(t)
	y.do("PUT", "/subscriptions/s/resourceGroups/h", `{"location":"local","tags":{"Env":"prod"}}`).want(http.StatusCreated)
	for path, body := range map[string]string{
		anchors + "/a1": `{"tags":{"env":"test","size":"prod"},"kind":"iron"}`,
		anchors + "/a2": `{"tags":{"env":"prod"},"properties":{"secret":"x"}}`,
		tugs + "/t1":    `{"identity":{"principalId":"p1"}}`,
		"/subscriptions/s/resourceGroups/h/providers/Contoso.Ships/anchors/a3": `{"tags":{"ENV":"prod"}}`,
	} {
		y.do("PUT", path+v1, body).want(http.StatusCreated)
	}
	y.do("PUT", "/subscriptions/s/resourceGroups/h/providers/Contoso.Ships/anchors/a3/flukes/f1", `{}`).want(http.StatusCreated)
	y.do("PUT", anchors+"/a1/providers/Contoso.Ships/pennants/p1", `{}`).want(http.StatusCreated)
	return y
}

func TestResourcesAcrossTypes(t *testing.T) {
	y := fleet(t)
	for filter, want := range map[string][]string{
		"": {"a1", "a2", "t1", "a3"},
		"resourceType eq 'contoso.ships/ANCHORS'":                                   {"a1", "a2", "a3"},
		"resourceType eq 'Contoso.Ships/tugs' or name eq 'A3'":                      {"t1", "a3"},
		"resourceType ne 'Contoso.Ships/tugs'":                                      {"a1", "a2", "a3"},
		"resourceGroup eq 'H'":                                                      {"a3"},
		"substringof('A', name) and resourceGroup eq 'g'":                           {"a1", "a2"},
		"startswith(name,'t')":                                                      {"t1"},
		"tagName eq 'env'":                                                          {"a1", "a2", "a3"},
		"tagName eq 'env' and tagValue eq 'prod'":                                   {"a2", "a3"},
		"tagname eq 'ENV' and tagvalue eq 'test' and substringof('1', name)":        {"a1"},
		"tagValue eq 'prod'":                                                        {"a1", "a2", "a3"},
		"identity/principalId eq 'p1'":                                              {"t1"},
		"kind eq 'iron'":                                                            {"a1"},
		"location eq 'nowhere'":                                                     {},
		"createdTime ge '2020-01-01T00:00:00Z' and name eq 'a1'":                    {"a1"},
		"changedTime lt 2020-01-01T00:00:00Z":                                       {},
		"not (resourceType eq 'Contoso.Ships/anchors')":                             {"t1"},
		"resourceType eq 'Contoso.Ships/tugs' and provisioningState eq 'succeeded'": {"t1"},
	} {
		if got := y.names(everything + "?$filter=" + url.QueryEscape(filter)); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", filter, got, want)
		}
	}
	if got := y.names("/Subscriptions/s/ResourceGroups/H/Resources?api-version=any"); !slices.Equal(got, []string{"a3"}) {
		t.Errorf("in a group: %v", got)
	}
	for _, filter := range []string{"owner eq 'x'", "name eq", "atScope()", "createdTime ge 'soon'"} {
		y.do("GET", everything+"?$filter="+url.QueryEscape(filter), "").want(http.StatusBadRequest).has("error.code", "InvalidFilterInQueryString")
		y.do("GET", anchors+v1+"&$filter="+url.QueryEscape(filter), "").want(http.StatusBadRequest).has("error.code", "InvalidFilterInQueryString")
	}
	y.do("GET", "/subscriptions/other/resources", "").want(http.StatusNotFound).has("error.code", "SubscriptionNotFound")
	y.do("GET", "/subscriptions/s/resourceGroups/other/resources", "").want(http.StatusNotFound).has("error.code", "ResourceGroupNotFound")
	y.do("GET", everything+"?$skiptoken="+"Li4v", "").want(http.StatusBadRequest).has("error.code", "InvalidQueryParameterValue")
}

func TestResourcesAreBriefAndExpanded(t *testing.T) {
	y := fleet(t)
	one := func(path string) map[string]any {
		t.Helper()
		values, _ := y.do("GET", path, "").want(http.StatusOK).document["value"].([]any)
		if len(values) != 1 {
			t.Fatalf("%v", values)
		}
		found, _ := values[0].(map[string]any)
		return found
	}
	brief := one(everything + "?$filter=" + url.QueryEscape("name eq 'a2'"))
	if brief["id"] != anchors+"/a2" || brief["type"] != "Contoso.Ships/anchors" || brief["properties"] != nil || brief["createdTime"] != nil || brief["tags"] == nil {
		t.Errorf("%v", brief)
	}
	full := one(everything + "?$expand=createdTime,changedTime,provisioningState&$filter=" + url.QueryEscape("name eq 't1'"))
	if full["provisioningState"] != "Succeeded" || full["createdTime"] == nil || full["changedTime"] == nil {
		t.Errorf("%v", full)
	}
	group := one("/subscriptions/s/resourcegroups?$expand=createdTime&$filter=" + url.QueryEscape("tagname eq 'env' and tagvalue eq 'prod'"))
	if group["name"] != "h" || group["createdTime"] == nil {
		t.Errorf("%v", group)
	}
}

func TestPagesAcrossTypesShowWhatOneMayRead(t *testing.T) {
	y := fleet(t)
	for _, id := range []string{anchors + "/a2", tugs + "/t1", "/subscriptions/s/resourceGroups/h"} {
		if err := y.api.Access.Assign(t.Context(), "you", access.Reader, id); err != nil {
			t.Fatal(err)
		}
	}
	var seen []string
	for path := everything + "?$top=1&$expand=createdTime&api-version=1"; path != ""; {
		page := y.do("GET", path, "", "X-As", "you").want(http.StatusOK)
		values, _ := page.document["value"].([]any)
		if len(values) != 1 {
			t.Fatalf("%s: %v", path, page.document)
		}
		found, _ := values[0].(map[string]any)
		seen = append(seen, found["name"].(string))
		if found["createdTime"] == nil {
			t.Error("the next page has forgotten $expand")
		}
		path = strings.TrimPrefix(page.document.Text("nextLink"), y.url)
		path = strings.Replace(path, "api-version=1", "api-version=2", 1) // as az does
	}
	if !slices.Equal(seen, []string{"a2", "t1", "a3"}) {
		t.Errorf("%v", seen)
	}
	y.do("GET", everything, "", "X-As", "stranger").want(http.StatusForbidden).has("error.code", "AuthorizationFailed")
}
