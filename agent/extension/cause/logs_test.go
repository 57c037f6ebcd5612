package cause

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"github.com/fairlead/fairlead/doctor"
)

// The kubelet answers like this in the moment in which a container ends and the next one begins.
func TestALogThatIsNotThereYetIsAskedForAgain(t *testing.T) {
	answers := []struct {
		status int
		text   string
	}{
		{http.StatusBadRequest, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":"previous terminated container \"main\" in pod \"web\" not found"}`},
		{http.StatusOK, "unable to retrieve container logs for containerd://8c5e"},
		{http.StatusBadRequest, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":"previous terminated container \"main\" in pod \"web\" not found"}`},
		{http.StatusOK, `failed to try resolving symlinks in path "/var/log/pods/shop_web_0f3a/main/1.log": lstat /var/log/pods/shop_web_0f3a/main/1.log: no such file or directory`},
		{http.StatusBadRequest, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":"previous terminated container \"main\" in pod \"web\" not found"}`},
		{http.StatusBadRequest, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"BadRequest","code":400,"message":"container \"main\" in pod \"web\" is waiting to start: ContainerCreating"}`},
		{http.StatusOK, "FATAL: no route to the database\n"},
	}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		answer := answers[min(asked, len(answers)-1)]
		asked++
		w.Header().Set("Content-Type", map[bool]string{true: "text/plain", false: "application/json"}[answer.status == http.StatusOK])
		w.WriteHeader(answer.status)
		_, _ = w.Write([]byte(answer.text))
	}))
	defer server.Close()
	e, err := Open(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	i := &inquiry{Explainer: e}
	if got := i.lastWords(t.Context(), doctor.Object{Kind: "Pod", Namespace: "shop", Name: "web", Container: "main"}); got != "FATAL: no route to the database" || asked != len(answers) {
		t.Errorf("after %d questions the log is %q", asked, got)
	}
}

func TestTheLineThatComplainsIsQuoted(t *testing.T) {
	for log, want := range map[string]string{
		"open /etc/nothing: no such file or directory\nmaxprocs: CPU quota undefined": "open /etc/nothing: no such file or directory",
		"connection refused, trying again\nFATAL: no such table\nbye":                 "FATAL: no such table",
		"starting\n42": "42",
		"":             "",
	} {
		if got := telling(log); got != want {
			t.Errorf("of %q: %q", log, got)
		}
	}
}

func TestNobodyAsksForeverForALog(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		reason string
		asked  int
	}{
		"Gone":      {http.StatusNotFound, "NotFound", 2},
		"Forbidden": {http.StatusForbidden, "Forbidden", 2},
		"Never":     {http.StatusBadRequest, "BadRequest", 2 * logTries},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				asked++
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"` + c.reason + `","message":"no"}`))
			}))
			defer server.Close()
			e, err := Open(&rest.Config{Host: server.URL})
			if err != nil {
				t.Fatal(err)
			}
			i := &inquiry{Explainer: e}
			if got := i.lastWords(t.Context(), doctor.Object{Kind: "Pod", Namespace: "shop", Name: "web", Container: "main"}); got != "" || asked != c.asked {
				t.Errorf("%d questions, want %d; the log is %q", asked, c.asked, got)
			}
		})
	}
}

// A container may have ended before its last line is in the log.
func TestALogThatGrowsIsReadToItsEnd(t *testing.T) {
	texts := []string{"", "starting\n", "starting\nFATAL: no such table\n"}
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("previous") == "true" {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = w.Write([]byte(texts[min(asked, len(texts)-1)]))
		asked++
	}))
	defer server.Close()
	e, err := Open(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	w, container := &Witness{explainer: e}, doctor.Object{Kind: "Pod", Namespace: "shop", Name: "pre-x", Container: "main"}
	w.listen(t.Context(), seen{pod: container, job: "pre"}, time.Now())
	if got := w.words(container); got != "starting\nFATAL: no such table" || asked != len(texts)+1 {
		t.Errorf("after %d questions it is %q", asked, got)
	}
	if all := w.of(doctor.Object{Kind: "Job", Namespace: "shop", Name: "pre"}); len(all) != 1 {
		t.Errorf("kept are %+v", all)
	}
}
