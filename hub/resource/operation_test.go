package resource_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/store"
)

func TestQuickOperationsAnswerAtOnce(t *testing.T) {
	y := newYard(t)
	made := y.do("PUT", tugs+"/t", `{"properties":{}}`).want(http.StatusCreated).has("properties.provisioningState", "Succeeded")
	if made.header.Get("Azure-AsyncOperation") != "" {
		t.Error("an operation that has ended is announced")
	}
	y.do("PUT", tugs+"/t", `{}`).want(http.StatusOK).has("properties.provisioningState", "Succeeded")
	y.do("PATCH", tugs+"/t", `{"properties":{"a":"b"}}`).want(http.StatusOK).has("properties.a", "b")
	y.do("DELETE", tugs+"/t", "").want(http.StatusOK)
	y.do("GET", tugs+"/t", "").want(http.StatusNotFound)
}

func TestLongOperationsArePolled(t *testing.T) {
	y := newYard(t)
	work, begun, open := gate()
	y.set(work)
	made := y.do("PUT", tugs+"/t", `{}`, "Prefer", "respond-async").want(http.StatusCreated).has("properties.provisioningState", "Accepted")
	<-begun
	running := y.status(made).want(http.StatusOK).has("status", "InProgress")
	if made.header.Get("Retry-After") != "1" || running.header.Get("Retry-After") != "1" {
		t.Error("no Retry-After")
	}
	if !strings.HasPrefix(made.header.Get("Azure-AsyncOperation"), y.url+"/") {
		t.Errorf("not absolute: %q", made.header.Get("Azure-AsyncOperation"))
	}
	path := strings.TrimPrefix(made.header.Get("Azure-AsyncOperation"), y.url)
	y.do("GET", path, "", "X-As", "stranger").want(http.StatusForbidden)
	close(open)
	ended := y.await(made).has("status", "Succeeded")
	for _, field := range []string{"id", "name", "startTime", "endTime"} {
		if ended.document.Text(field) == "" {
			t.Errorf("no %s: %v", field, ended.document)
		}
	}
	y.do("GET", tugs+"/t", "").want(http.StatusOK).has("properties.provisioningState", "Succeeded")
	y.do("PATCH", tugs+"/t", `{}`, "Prefer", "respond-async").want(http.StatusAccepted)
}

func TestFailuresAreTold(t *testing.T) {
	cases := map[string]struct {
		err           error
		code, message string
	}{
		"Known":   {fairlead.Errorf(fairlead.Conflict, "no such pier").WithCode("NoPier"), "NoPier", "no such pier"},
		"Unknown": {errSecret, "InternalServerError", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			y := newYard(t)
			y.set(func(context.Context, store.Resource) error { return c.err })
			failed := y.await(y.do("PUT", tugs+"/t", `{}`).want(http.StatusCreated)).has("status", "Failed").has("error.code", c.code)
			message := failed.document.Text("error.message")
			if c.message != "" && message != c.message || strings.Contains(message, "hunter2") {
				t.Errorf("message %q", message)
			}
			y.do("GET", tugs+"/t", "").want(http.StatusOK).has("properties.provisioningState", "Failed")
			y.set(nil)
			y.do("PUT", tugs+"/t", `{}`).want(http.StatusOK).has("properties.provisioningState", "Succeeded")
		})
	}
}

// A type that has nothing to update must not call a resource made that it failed to make.
func TestFailedCreationIsRepeated(t *testing.T) {
	y := newYard(t)
	raft := group + "/providers/Contoso.Ships/rafts/r"
	y.set(func(context.Context, store.Resource) error { return errSecret })
	y.await(y.do("PUT", raft, `{}`).want(http.StatusCreated)).has("status", "Failed")
	y.await(y.do("PATCH", raft, `{"tags":{"a":"b"}}`).want(http.StatusOK)).has("status", "Failed")
	y.set(nil)
	runs := y.count()
	y.do("PUT", raft, `{}`).want(http.StatusOK).has("properties.provisioningState", "Succeeded")
	y.do("PUT", raft, `{}`).want(http.StatusOK).has("properties.provisioningState", "Succeeded")
	if again := y.count() - runs; again != 1 {
		t.Errorf("made %d times, want once", again)
	}
}

func TestPanicFailsTheOperationOnly(t *testing.T) {
	y := newYard(t)
	y.set(func(context.Context, store.Resource) error { panic("man overboard") })
	y.await(y.do("PUT", tugs+"/t", `{}`).want(http.StatusCreated)).has("status", "Failed")
	y.do("GET", tugs+"/t", "").want(http.StatusOK)
}

func TestOperationsSurviveRestart(t *testing.T) {
	for _, method := range []string{"PUT", "DELETE"} {
		t.Run(method, func(t *testing.T) {
			y := newYard(t)
			y.do("PUT", tugs+"/t", `{}`).want(http.StatusCreated)
			work, begun, _ := gate()
			y.set(work)
			accepted := y.do(method, tugs+"/t", `{}`, "Prefer", "respond-async")
			<-begun
			y.stop() // the work is interrupted, the operation is not over

			y.set(nil)
			y.open()
			y.await(accepted).has("status", "Succeeded")
			want := http.StatusOK
			if method == "DELETE" {
				want = http.StatusNotFound
			}
			y.do("GET", tugs+"/t", "").want(want)
			entries, err := y.db.ListActivity(t.Context(), store.ActivityQuery{Subscription: "s"})
			if err != nil || len(entries) != 4 || entries[0].Status != store.ActivitySucceeded || entries[0].Method != method || entries[0].OperationID != entries[1].OperationID {
				t.Errorf("the activity log lost the operation: %+v, %v", entries, err)
			}
			if unfinished, err := y.db.UnfinishedOperations(t.Context()); err != nil || len(unfinished) > 0 {
				t.Errorf("%v, %v", unfinished, err)
			}
		})
	}
}

// A deletion that was done but not recorded runs again after a restart. It must not touch what was
// made under the name since.
func TestRepeatedDeletionSparesASuccessor(t *testing.T) {
	y := newYard(t)
	y.do("PUT", tugs+"/t", `{}`).want(http.StatusCreated)
	y.stop()
	db, err := store.Open(t.Context(), y.file)
	if err != nil {
		t.Fatal(err)
	}
	err = db.CreateOperation(t.Context(), store.Operation{ID: "stale", ResourceKey: strings.ToLower(tugs + "/t"), Kind: "delete"})
	if err != nil || db.Close() != nil {
		t.Fatal(err)
	}
	y.open()
	changed, cancel := y.db.Subscribe("stale")
	defer cancel()
	for op, err := y.db.GetOperation(t.Context(), "stale"); op.Status == store.InProgress; op, err = y.db.GetOperation(t.Context(), "stale") {
		if err != nil {
			t.Fatal(err)
		}
		<-changed
	}
	y.do("GET", tugs+"/t", "").want(http.StatusOK).has("properties.provisioningState", "Succeeded")
}

func TestWhatIsBeingDeletedCannotChange(t *testing.T) {
	y := newYard(t)
	y.do("PUT", tugs+"/t", `{}`).want(http.StatusCreated)
	work, begun, open := gate()
	y.set(work)
	first := y.do("DELETE", tugs+"/t", "", "Prefer", "respond-async").want(http.StatusAccepted)
	<-begun
	y.do("PUT", tugs+"/t", `{}`).want(http.StatusConflict)
	y.do("PATCH", tugs+"/t", `{}`).want(http.StatusConflict)
	y.do("GET", tugs+"/t", "").want(http.StatusOK).has("properties.provisioningState", "Deleting")
	second := y.do("DELETE", tugs+"/t", "", "Prefer", "respond-async").want(http.StatusAccepted)
	result := strings.TrimPrefix(first.header.Get("Location"), y.url)
	y.do("GET", result, "").want(http.StatusAccepted)
	close(open)
	y.await(first).has("status", "Succeeded")
	y.await(second).has("status", "Succeeded")
	y.do("GET", result, "").want(http.StatusNoContent)
}

func TestNothingNewInAGroupThatIsBeingDeleted(t *testing.T) {
	y := newYard(t)
	y.do("PUT", tugs+"/t", `{}`).want(http.StatusCreated)
	work, begun, open := gate()
	y.set(work)
	deleting := y.do("DELETE", group, "", "Prefer", "respond-async").want(http.StatusAccepted)
	<-begun
	y.do("PUT", anchors+"/a"+v1, `{}`).want(http.StatusConflict).has("error.code", "ResourceGroupBeingDeleted")
	y.do("PUT", tugs+"/t", `{}`).want(http.StatusConflict).has("error.code", "ResourceGroupBeingDeleted")
	y.do("PATCH", tugs+"/t", `{}`).want(http.StatusConflict).has("error.code", "ResourceGroupBeingDeleted")
	y.do("PUT", tugs+"/t"+tagsAPI, `{"properties":{"tags":{}}}`).want(http.StatusConflict).has("error.code", "ResourceGroupBeingDeleted")
	y.do("PUT", group, `{"location":"local"}`).want(http.StatusConflict).has("error.code", "ResourceGroupBeingDeleted")
	close(open)
	y.await(deleting).has("status", "Succeeded")
	y.do("PUT", anchors+"/a"+v1, `{}`).want(http.StatusNotFound).has("error.code", "ResourceGroupNotFound")
}
