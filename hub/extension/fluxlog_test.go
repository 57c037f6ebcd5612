package extension_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/access"
)

const (
	fluxBody = `{"properties":{"scope":"cluster","namespace":"shop","sourceKind":"GitRepository",
		"gitRepository":{"url":"https://git.example.org/shop","repositoryRef":{"branch":"main"}},"kustomizations":{"infra":{"path":"./infra"}}}}`
	logsForm = "/logs?api-version=2025-04-01"
)

// fluxPage are lines as people get them.
type fluxPage struct {
	Value []fairlead.FluxLog `json:"value"`
	Next  int64              `json:"next"`
}

// logs reads the lines of configuration shop that come after one.
func (b *bench) logs(a *agent, since int64) fluxPage {
	b.Helper()
	got := b.do(http.MethodGet, fluxOf(a, "shop")+logsForm+"&since="+strconv.FormatInt(since, 10), "").want(http.StatusOK)
	var found fluxPage
	if err := json.Unmarshal([]byte(got.text), &found); err != nil {
		b.Fatal(err)
	}
	return found
}

// writes posts lines of one controller, each a second after the one before.
func (a *agent) writes(name string, from, to int) {
	a.b.Helper()
	var lines []fairlead.FluxLog
	for second := from; second < to; second++ {
		lines = append(lines, fairlead.FluxLog{
			Configuration: name, Time: time.Unix(1_800_000_000+int64(second), 0).UTC(), Level: fairlead.FluxLogInfo, Controller: "kustomize-controller",
			Pod: "kustomize-controller-1", Kind: "Kustomization", Namespace: "shop", Name: name + "-infra", Message: fmt.Sprint("line ", second),
		})
	}
	a.call(fairlead.OpFluxLogs, lines, nil)
}

func TestLogsOfAConfigurationAreKeptOnceAndBounded(t *testing.T) {
	b, a := fluxBench(start(t))
	b.follow(a, "shop", fluxBody)
	a.writes("shop", 0, 3)
	a.writes("shop", 1, 5) // the acknowledgement of the first was lost, or the agent has begun anew
	got := b.logs(a, 0)
	if len(got.Value) != 5 || got.Value[0].Message != "line 0" || got.Value[4].Message != "line 4" || got.Next != got.Value[4].Sequence || got.Value[4].Name != "shop-infra" {
		t.Fatalf("%+v", got)
	}
	if later := b.logs(a, got.Value[2].Sequence); len(later.Value) != 2 || later.Value[0].Message != "line 3" {
		t.Errorf("%+v", later)
	}
	a.writes("shop", 5, 500)
	a.writes("shop", 500, 700)
	if oldest := b.logs(a, 0); len(oldest.Value) != 200 || oldest.Value[0].Message != "line 200" {
		t.Errorf("the oldest of 700 lines is %q, want 500 kept", oldest.Value[0].Message)
	}
	a.writes("stranger", 0, 2)
	b.do(http.MethodGet, fluxOf(a, "stranger")+logsForm, "").want(http.StatusNotFound)
	b.do(http.MethodPut, fluxOf(a, "shop")+"/logs/one?api-version=2025-04-01", `{}`).want(http.StatusMethodNotAllowed)
}

func TestAPollForLogsIsWokenByTheFirst(t *testing.T) {
	b, a := fluxBench(start(t))
	b.follow(a, "shop", fluxBody)
	answers := make(chan fluxPage, 1)
	go func() { answers <- b.logs(a, 0) }()
	select {
	case early := <-answers:
		t.Fatalf("the poll did not wait: %+v", early)
	case <-time.After(200 * time.Millisecond):
	}
	a.writes("shop", 0, 1)
	select {
	case got := <-answers:
		if len(got.Value) != 1 || got.Next == 0 {
			t.Errorf("%+v", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("the line wakes nobody")
	}
}

// Who may read a configuration may read what is written about it, and nobody else.
func TestWhoMayReadLogs(t *testing.T) {
	const reader, stranger = "0b0e0000-0000-4000-8000-00000000000a", "0b0e0000-0000-4000-8000-00000000000b"
	b, a := fluxBench(start(t))
	b.follow(a, "shop", fluxBody)
	b.follow(a, "other", strings.ReplaceAll(fluxBody, `"namespace":"shop"`, `"namespace":"elsewhere"`))
	a.writes("shop", 0, 1)
	a.writes("other", 0, 1)
	if err := b.checker.Assign(t.Context(), reader, access.Reader, fluxOf(a, "shop")); err != nil {
		t.Fatal(err)
	}
	b.as(reader, http.MethodGet, fluxOf(a, "shop")+logsForm, "").want(http.StatusOK)
	b.as(reader, http.MethodGet, fluxOf(a, "other")+logsForm, "").want(http.StatusForbidden)
	b.as(stranger, http.MethodGet, fluxOf(a, "shop")+logsForm, "").want(http.StatusForbidden)
}

func TestLogsGoWithTheirConfiguration(t *testing.T) {
	b, a := fluxBench(start(t))
	b.follow(a, "shop", fluxBody)
	a.writes("shop", 0, 3)
	accepted := b.do(http.MethodDelete, fluxOf(a, "shop")+fluxForm, "").want(http.StatusAccepted)
	_, spec := a.wanted("shop", func(one fairlead.Configuration, _ fairlead.FluxSpec) bool { return one.Deleted })
	a.reportFlux("shop", fairlead.FluxState{ObservedGeneration: spec.Generation, ProvisioningState: fairlead.ExtensionGone})
	b.ended(accepted).has("status", "Succeeded")
	if left, err := b.db.ListFluxLogs(t.Context(), a.id.Key(), "shop", 0, 10); err != nil || len(left) != 0 {
		t.Errorf("%d lines are left, %v", len(left), err)
	}
}

// A cluster may be anybody's: what it posts is cut or refused, and never larger than what is kept of a line.
func TestWhatAClusterWritesIsBounded(t *testing.T) {
	b, a := fluxBench(start(t))
	b.follow(a, "shop", fluxBody)
	good := fairlead.FluxLog{Configuration: "Shop", Time: time.Now(), Level: fairlead.FluxLogError, Pod: "p"}
	long := good
	long.Message, long.Error, long.Skipped = strings.Repeat("<\x00é", 100_000), strings.Repeat("x", 1<<20), -5
	a.call(fairlead.OpFluxLogs, []fairlead.FluxLog{long}, nil)
	if got := b.logs(a, 0); len(got.Value) != 1 || len(got.Value[0].Message)+len(got.Value[0].Error) > 8<<10 || got.Value[0].Skipped != 0 || got.Value[0].Message == "" {
		t.Errorf("%d lines", len(got.Value))
	}
	cases := map[string]func(*fairlead.FluxLog){
		"Nobody":  func(l *fairlead.FluxLog) { l.Configuration = "" },
		"NoTime":  func(l *fairlead.FluxLog) { l.Time = time.Time{} },
		"FarTime": func(l *fairlead.FluxLog) { l.Time = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"NoPod":   func(l *fairlead.FluxLog) { l.Pod = "" },
		"Null":    func(l *fairlead.FluxLog) { l.Pod = "p\x00" },
		"Long":    func(l *fairlead.FluxLog) { l.Namespace = strings.Repeat("n", 300) },
		"Path":    func(l *fairlead.FluxLog) { l.Configuration = "../x\n" },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			bad := good
			change(&bad)
			if status, text := a.try(fairlead.OpFluxLogs, []fairlead.FluxLog{bad}, a.key, a.chain...); status != http.StatusBadRequest {
				t.Errorf("%d %s", status, text)
			}
		})
	}
	if status, _ := a.try(fairlead.OpFluxLogs, make([]fairlead.FluxLog, 501), a.key, a.chain...); status != http.StatusRequestEntityTooLarge {
		t.Errorf("501 lines: %d", status)
	}
	b.do(http.MethodGet, fluxOf(a, "shop")+logsForm+"&since="+url.QueryEscape("x"), "").want(http.StatusBadRequest)
}
