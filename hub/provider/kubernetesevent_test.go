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
	"github.com/fairlead/fairlead/store"
)

const sent = subscription + "/providers/Microsoft.Insights/eventtypes/kubernetes/values?api-version=2015-04-01"

// request is an entry of a request to a cluster, the nth.
func request(n int, cluster, who, verb string) store.AuditEntry {
	at := time.Now().Add(time.Duration(n-1000) * time.Second).UTC().Truncate(time.Microsecond)
	return store.AuditEntry{
		ID: int64(n), At: at, EndedAt: at.Add(1500 * time.Millisecond), Subscription: strings.TrimPrefix(subscription, "/subscriptions/"), ResourceGroup: "shops",
		ClusterID: cluster, Caller: who, CallerID: "id-of-" + who, Mode: "aad", Method: "GET", Path: "/apis/apps/v1/namespaces/n/deployments/d/scale", Verb: verb,
		APIGroup: "apps", Resource: "deployments", Subresource: "scale", Namespace: "n", Name: "d", Status: 200, BytesIn: 1, BytesOut: 2,
		RequestID: fmt.Sprint("r-", n), ClientIP: "192.0.2.1", UserAgent: "kubectl",
	}
}

func (b *bench) sentAs(who, filter string) []string {
	b.Helper()
	var shown []string
	for _, event := range b.doAs(who, "GET", sent+"&$filter="+url.QueryEscape(filter), "").events() {
		shown = append(shown, text(event["operationId"]))
	}
	return shown
}

func TestRequestsToClusters(t *testing.T) {
	b := start(t)
	other := strings.Replace(edge, "edge-1", "edge-2", 1)
	open, failed := request(3, other, "bo@example.org", "watch"), request(4, edge, "Ana@example.org", "create")
	open.EndedAt, open.Status = time.Time{}, 0
	failed.Status, failed.Reason = 403, "policy"
	if err := b.db.SaveAudit(t.Context(), []store.AuditEntry{request(1, edge, "Ana@example.org", "get"), request(2, other, "Ana@example.org", "list"), open, failed}, nil); err != nil {
		t.Fatal(err)
	}
	const viewer = "00000000-0000-4000-8000-00000000aaaa"
	if err := b.access.Assign(t.Context(), viewer, access.Reader, edge); err != nil {
		t.Fatal(err)
	}
	for filter, want := range map[string][]string{
		"": {"r-4", "r-3", "r-2", "r-1"}, "resourceUri eq '" + edge + "'": {"r-4", "r-1"}, "caller eq 'ana@EXAMPLE.org'": {"r-4", "r-2", "r-1"},
		"caller eq 'id-of-bo@example.org'": nil, "status eq 'Failed'": {"r-4"}, "status eq 'Started'": {"r-3"}, "verb eq 'list'": {"r-2"},
		"resourceGroupName eq 'shops' and namespace eq 'n' and resource eq 'deployments'": {"r-4", "r-3", "r-2", "r-1"}, "requestId eq 'r-2'": {"r-2"},
		"resourceUri eq '" + group + "'": {"r-4", "r-3", "r-2", "r-1"}, "category eq 'Kubernetes'": {"r-4", "r-3", "r-2", "r-1"}, "category eq 'Administrative'": nil,
	} {
		if got := b.sentAs(owner, filter); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", filter, got, want)
		}
	}
	if got := b.sentAs(viewer, ""); !slices.Equal(got, []string{"r-4", "r-1"}) {
		t.Errorf("who may see one cluster sees %q", got)
	}
	b.doAs("00000000-0000-4000-8000-00000000bbbb", "GET", sent, "").refused(http.StatusForbidden, "AuthorizationFailed")
	if got := b.logged("verb eq 'list'"); len(got) > 0 {
		t.Errorf("the other log has verbs: %q", got)
	}
	event := b.do("GET", sent+"&$filter="+url.QueryEscape("requestId eq 'r-4'"), "").events()[0]
	properties := event["properties"].(map[string]any)
	if text(event["operationName"].(map[string]any)["value"]) != "Microsoft.Kubernetes/connectedClusters/apps/deployments/scale/create" ||
		properties["statusCode"] != "403" || properties["reason"] != "policy" || properties["durationSeconds"] != "1.500000" || properties["userAgent"] != "kubectl" {
		t.Errorf("%v", event)
	}
}

// A page ends where so much was read, and the next goes on there.
func TestPagesOfRequests(t *testing.T) {
	b := start(t)
	var batch []store.AuditEntry
	for n := range 25_000 {
		entry := request(n, edge, "Ana@example.org", "get")
		entry.Verb = map[bool]string{true: "delete", false: "get"}[n%24_000 == 1]
		batch = append(batch, entry)
	}
	if err := b.db.SaveAudit(t.Context(), batch, nil); err != nil {
		t.Fatal(err)
	}
	next, pages, found := sent+"&$top=1&$filter="+url.QueryEscape("verb eq 'delete'"), 0, []string{}
	for next != "" {
		answer := b.do("GET", next, "")
		for _, event := range answer.events() {
			found = append(found, text(event["operationId"]))
		}
		next = strings.TrimPrefix(text(answer.document["nextLink"]), b.url)
		pages++
	}
	if !slices.Equal(found, []string{"r-24001", "r-1"}) || pages < 2 || pages > 4 {
		t.Errorf("%q on %d pages", found, pages)
	}
}
