package contract_test

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// check is something that a client needs of an answer.
type check func(t *testing.T, got *exchange)

func status(allowed ...int) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if !slices.Contains(allowed, got.status) {
			t.Errorf("status %d, allowed are %v: %s", got.status, allowed, got.text)
		}
	}
}

// has wants values that are not empty.
func has(paths ...string) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		for _, path := range paths {
			if value := got.at(path); value == nil || value == "" {
				t.Errorf("no %s in %s", path, got.text)
			}
		}
	}
}

func equals(path, want string) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if value := got.word(path); value != got.fill(want) {
			t.Errorf("%s is %q, want %q", path, value, got.fill(want))
		}
	}
}

// learn remembers a value for later calls.
func learn(name, path string) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if got.word(path) == "" {
			t.Fatalf("no %s in %s", path, got.text)
		}
		got.values[name] = got.word(path)
	}
}

// refusal wants an error that az can show, with one of the codes.
func refusal(codes ...string) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if got.status < 400 || got.status >= 500 {
			t.Errorf("status %d: the SDK tries 5xx again and again, and takes others for success", got.status)
		}
		if got.word("error.message") == "" || len(codes) > 0 && !slices.Contains(codes, got.word("error.code")) {
			t.Errorf("want an error with code %v: %s", codes, got.text)
		}
	}
}

// longRunning wants an end, or what az polls by, on the same host, with a pause that it is told. An answer without a
// link and with a final state is an end, whether it is 200 or 201; so is 200 or 204 without a state.
func longRunning(t *testing.T, got *exchange) {
	t.Helper()
	link := got.header.Get("Azure-Asyncoperation")
	if link == "" {
		link = got.header.Get("Location")
	}
	if link == "" {
		state, created := got.word("properties.provisioningState"), got.status == http.StatusCreated
		if got.status == http.StatusAccepted || state != "Succeeded" && (created || state != "") {
			t.Errorf("status %d, state %q and nothing to poll", got.status, state)
		}
		return
	}
	got.values["operation"] = link
	address, err := url.Parse(link)
	if err != nil || address.Host != "arm."+domain+":"+got.port {
		t.Errorf("az would poll %q, on another host than it was told of", link)
	}
	if seconds, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 10 {
		t.Errorf("Retry-After is %q: without one az sleeps for 30 s", got.header.Get("Retry-After"))
	}
}

// list wants the form of lists, with something in it and a link to more on the same host, if any.
func list(t *testing.T, got *exchange) {
	t.Helper()
	entries, ok := got.at("value").([]any)
	if !ok || len(entries) == 0 {
		t.Errorf("want a list that is not empty: %s", got.text)
	}
	if next, there := got.document["nextLink"]; there && next != nil {
		if text, _ := next.(string); !strings.HasPrefix(text, "https://arm."+domain) {
			t.Errorf("nextLink %v", next)
		}
	}
}

// firstHas wants properties of the first entry of a list.
func firstHas(names ...string) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		entries, _ := got.at("value").([]any)
		if len(entries) == 0 {
			t.Fatalf("an empty list: %s", got.text)
		}
		first, _ := entries[0].(map[string]any)
		for _, name := range names {
			if _, there := first[name]; !there {
				t.Errorf("no %s in %v", name, first)
			}
		}
	}
}

// helmValues wants what az can hand to helm: strings only, and the word that it looks for only in placeholders.
func helmValues(t *testing.T, got *exchange) {
	t.Helper()
	values, _ := got.at("helmValuesContent").(map[string]any)
	for _, name := range []string{"global.subscriptionId", "global.resourceGroupName", "global.resourceName", "global.location", "global.tenantId"} {
		if _, there := values[name]; !there {
			t.Errorf("no %s, and az passes none of it", name)
		}
	}
	for name, value := range values {
		text, ok := value.(string)
		switch {
		case !ok:
			t.Errorf("%s is %v, and az crashes on what is no string", name, value)
		case strings.Contains(text, "redacted") && !strings.HasPrefix(text, "redacted:proxy:"):
			t.Errorf("%s is %q, which az takes for a placeholder", name, text)
		}
	}
}

// emptyBody is for HEAD and for answers without content.
func emptyBody(t *testing.T, got *exchange) {
	t.Helper()
	if got.text != "" {
		t.Errorf("a body: %s", got.text)
	}
}

// header wants a header of the answer.
func header(name, want string) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if value := got.header.Get(name); value != got.fill(want) {
			t.Errorf("%s is %q, want %q", name, value, got.fill(want))
		}
	}
}

// provider wants a document in which a type is offered in a location, compared as az compares.
func provider(namespace, kind string) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if got.word("registrationState") != "Registered" || !strings.EqualFold(got.word("namespace"), namespace) {
			t.Errorf("want %s, registered: %s", namespace, got.text)
		}
		types, _ := got.at("resourceTypes").([]any)
		for _, one := range types {
			offered, _ := one.(map[string]any)
			if offered["resourceType"] != kind {
				continue
			}
			locations, _ := offered["locations"].([]any)
			for _, location := range locations {
				if text, _ := location.(string); strings.ToLower(strings.ReplaceAll(text, " ", "")) == "local" {
					return
				}
			}
		}
		if kind != "" {
			t.Errorf("no %s in location local: %s", kind, got.text)
		}
	}
}

// later is for parts of the hub that come with a later issue: what az needs, or an error that it can show.
func later(want ...check) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if got.status >= http.StatusBadRequest {
			refusal()(t, got)
			return
		}
		for _, check := range want {
			check(t, got)
		}
	}
}

// laterToken is the same for the token service, whose errors are OAuth's.
func laterToken(want ...check) check {
	return func(t *testing.T, got *exchange) {
		t.Helper()
		if got.status >= http.StatusBadRequest && got.status < http.StatusInternalServerError && got.word("error_description") != "" {
			return
		}
		for _, check := range want {
			check(t, got)
		}
	}
}
