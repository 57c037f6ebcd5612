package provider_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/hub/access"
)

const events = subscription + "/providers/Microsoft.Insights/eventtypes/management/values?api-version=2015-04-01"

// logged returns the events that a filter lets pass as "status action name", oldest first.
func (b *bench) logged(filter string) []string {
	b.Helper()
	return b.loggedAs(owner, filter)
}

func (b *bench) loggedAs(who, filter string) []string {
	b.Helper()
	shown := []string{}
	for _, event := range b.doAs(who, "GET", events+"&$filter="+url.QueryEscape(filter), "").events() {
		id := text(event["resourceId"])
		shown = append(shown, text(event["status"].(map[string]any)["value"])+" "+text(event["operationName"].(map[string]any)["value"])+" "+id[strings.LastIndex(id, "/")+1:])
	}
	slices.Reverse(shown)
	return shown
}

func (a answer) events() []map[string]any {
	a.t.Helper()
	values, ok := a.want(http.StatusOK).document["value"].([]any)
	if !ok {
		a.t.Fatalf("no list: %v", a.document)
	}
	all := []map[string]any{}
	for _, value := range values {
		all = append(all, value.(map[string]any))
	}
	return all
}

func TestActivityOfACluster(t *testing.T) {
	b := start(t)
	const correlation = "9b2f4c0e-0000-4000-8000-000000000001"
	b.do("PUT", edge+version, clusterBody(onboardingKey(t, 2048)), "X-Ms-Correlation-Request-Id", correlation).want(http.StatusCreated)
	b.do("PATCH", edge+version, `{"tags":{"password":"hunter2"}}`).want(http.StatusOK)
	b.do("PUT", edge+"/providers/Microsoft.Resources/tags/default", `{"properties":{"tags":{}}}`).want(http.StatusOK)
	b.do("PUT", edge+roles+first+v2022, assignment(access.Reader)).refused(http.StatusBadRequest, "PrincipalNotFound")
	b.do("GET", edge+version, "").want(http.StatusOK)
	b.do("DELETE", edge+version, "").want(http.StatusOK)
	b.do("DELETE", edge+version, "").want(http.StatusNoContent)
	write, tag, remove := "Microsoft.Kubernetes/connectedClusters/write", "Microsoft.Resources/tags/write", "Microsoft.Kubernetes/connectedClusters/delete"
	want := []string{
		"Started " + write + " edge-1", "Succeeded " + write + " edge-1", "Succeeded " + write + " edge-1", "Succeeded " + tag + " edge-1",
		"Started " + remove + " edge-1", "Succeeded " + remove + " edge-1",
	}
	if got := b.logged("resourceUri eq '" + strings.ToLower(edge) + "'"); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if got := b.logged("correlationId eq '" + correlation + "'"); !slices.Equal(got, want[:2]) {
		t.Errorf("of one correlation: %q", got)
	}
	for _, event := range b.do("GET", events, "").events() {
		if whole := fmt.Sprint(event); strings.Contains(whole, "hunter2") || strings.Contains(whole, "agentPublicKey") {
			t.Errorf("the log holds what was sent: %s", whole)
		}
	}
}

func TestEventDocument(t *testing.T) {
	b := start(t)
	before := time.Now().Add(-time.Second)
	b.do("PUT", group, `{"location":"local"}`).want(http.StatusOK)
	event := b.do("GET", events, "").events()[0]
	for path, want := range map[string]string{
		"caller": "app-" + owner, "resourceId": group, "resourceGroupName": "shops", "level": "Informational", "tenantId": tenant,
		"resourceType":  `{"localizedValue":"Microsoft.Resources/resourceGroups","value":"Microsoft.Resources/resourceGroups"}`,
		"authorization": `{"action":"Microsoft.Resources/subscriptions/resourceGroups/write","scope":"` + group + `"}`,
		"subStatus":     `{"localizedValue":"OK","value":"OK"}`, "httpRequest": `{"clientIpAddress":"127.0.0.1","method":"PUT"}`,
	} {
		if got := text(event[path]); got != want {
			t.Errorf("%s is %s, want %s", path, got, want)
		}
	}
	at, err := time.Parse(time.RFC3339, text(event["eventTimestamp"]))
	if err != nil || at.Before(before) || at.After(time.Now()) {
		t.Errorf("at %v, %v", at, err)
	}
	chosen := b.do("GET", events+"&$select=eventName,%20caller,nothing", "").events()[0]
	if len(chosen) != 2 || chosen["caller"] == nil || chosen["eventName"] == nil {
		t.Errorf("%v", chosen)
	}
}

func TestActivityFiltersAndPages(t *testing.T) {
	b := twoGroups(t)
	now := time.Now().UTC()
	hour := func(n int) string { return now.Add(time.Duration(n) * time.Hour).Format(time.RFC3339) }
	for filter, want := range map[string]int{
		"":                             6, // two groups, two clusters that begin and end
		"resourceGroupName eq 'OTHER'": 3,
		"status eq 'Started'":          2,
		"resourceProvider eq 'Microsoft.Resources'": 2,
		"caller eq '" + owner + "'":                 6,
		"caller eq 'nobody'":                        0,
		"eventTimestamp ge '" + hour(-1) + "' and eventTimestamp le '" + hour(1) + "'":         6,
		"eventTimestamp ge " + hour(1) + " and eventTimestamp le " + hour(2):                   0,
		"eventTimestamp le '" + hour(-1) + "'":                                                 0,
		"eventTimestamp ge '" + hour(-1) + "' and eventChannels eq 'Admin, Operation'":         6,
		"eventTimestamp ge '" + hour(-1) + "' and resourceUri eq '" + other + "'":              3,
		"operationName eq 'microsoft.kubernetes/connectedclusters/write' and level eq 'Error'": 0,
	} {
		if got := b.logged(filter); len(got) != want {
			t.Errorf("%q: %q, want %d", filter, got, want)
		}
	}
	var seen []string
	for path := events + "&$top=4&$filter=" + url.QueryEscape("eventTimestamp ge '"+hour(-1)+"'"); path != ""; {
		page := b.do("GET", path, "")
		for _, event := range page.events() {
			seen = append(seen, text(event["eventDataId"]))
		}
		path = strings.TrimPrefix(page.document.Text("nextLink"), b.url)
	}
	slices.Sort(seen)
	if len(seen) != 6 || len(slices.Compact(seen)) != 6 {
		t.Errorf("%d events on all pages", len(seen))
	}
	for _, query := range []string{"$filter=name%20eq%20'x'", "$filter=eventTimestamp%20ge%20'soon'", "$top=0", "$skiptoken=x", "$skiptoken=MS8", "$select=" + strings.Repeat("a,", 70)} {
		if got := b.do("GET", events+"&"+query, ""); got.status != http.StatusBadRequest {
			t.Errorf("%s: %d", query, got.status)
		}
	}
	b.do("GET", subscription+"/providers/Microsoft.Insights/eventtypes/digest/values", "").refused(http.StatusNotFound, "InvalidResourceType")
}

func TestActivityIsForThoseWhoMayRead(t *testing.T) {
	b := twoGroups(t)
	b.doAs(person, "GET", events, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.do("PUT", other+roles+first+v2022, assignment(access.ArcOnboarding)).want(http.StatusCreated)
	b.doAs(person, "GET", events, "").refused(http.StatusForbidden, "AuthorizationFailed")
	b.do("PUT", other+roles+second+v2022, assignment(access.Reader)).want(http.StatusCreated)
	if got := b.loggedAs(person, ""); len(got) != 5 || strings.Contains(strings.Join(got, " "), "edge-1") {
		t.Errorf("%q", got)
	}
}

// Whoever deletes a group deletes its members, and the log of each says so.
func TestActivityOfAGroupThatIsDeleted(t *testing.T) {
	b := twoGroups(t)
	b.await(b.do("DELETE", group+"?forceDeletionTypes=x", "").want(http.StatusAccepted)).has("status", "Succeeded")
	got := b.logged("resourceGroupName eq 'shops' and status eq 'Succeeded' and substringof('delete', operationName)")
	want := []string{"Succeeded Microsoft.Kubernetes/connectedClusters/delete edge-1", "Succeeded Microsoft.Resources/subscriptions/resourceGroups/delete shops"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
