package wire

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestResultTravels(t *testing.T) {
	sent := Result{
		Version: Version, Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Millis: 7,
		Targets: []TargetResult{{Name: "a", Kind: TLS, Stages: []Stage{{Name: StageTLS, OK: true, Chain: [][]byte{{1, 2, 255}}, Detail: map[string]string{DetailIssuer: "line\nbreak"}}}}},
		Lookups: []Lookup{{Name: "b", Servers: []Answer{{RCode: RCodeTimeout}}}},
	}
	var log bytes.Buffer
	log.WriteString("something before\n")
	if err := sent.Write(&log); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(log.String(), "\n"); lines != 4 {
		t.Errorf("%d lines, want the result on one", lines)
	}
	log.WriteString("something after\n")
	got, err := ReadResult(log.Bytes())
	if err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestReadResultRefuses(t *testing.T) {
	cases := map[string]string{
		"Empty": "", "OnlyBegin": begin + "\n{}\n", "NotJSON": begin + "\n{\n" + end + "\n", "OtherVersion": begin + "\n{\"version\":99}\n" + end + "\n",
		"LoaderFailed": "exec format error",
	}
	for name, log := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := ReadResult([]byte(log)); !errors.Is(err, ErrNoResult) {
				t.Errorf("got %v, want %v", err, ErrNoResult)
			}
		})
	}
}

func TestPlanTravels(t *testing.T) {
	sent := Plan{Targets: []Target{{Name: "a", URL: "https://a/", Kind: HTTP, CAs: "pem"}}, Lookups: []string{"b"}, Kernel: &HostPaths{ModulesLoad: []string{"/c"}}, Stage: time.Second}
	data, err := sent.Encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodePlan(data)
	if err != nil || !reflect.DeepEqual(got, sent) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestSecret(t *testing.T) {
	cases := map[string]struct {
		proxy string
		want  bool
	}{
		"None": {"", false}, "Open": {"http://proxy:3128", false}, "Password": {"http://user:password@proxy:3128", true},
		"NotAnURL": {"http://user:pass/word@proxy:3128", true},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := (Plan{Targets: []Target{{Proxy: c.proxy}}}).Secret(); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	target := TargetResult{Stages: []Stage{{Name: StageDNS, OK: true}, {Name: StageTCP, Error: "refused"}}}
	if got := target.Failed(); got != &target.Stages[1] || target.OK() || target.Stage(StageDNS) != &target.Stages[0] || target.Stage(StageTLS) != nil {
		t.Errorf("got %+v", got)
	}
	if (TargetResult{}).OK() || (TargetResult{Error: "not tried"}).OK() {
		t.Error("a target without stages is no good one")
	}
}

func FuzzReadResult(f *testing.F) {
	for _, seed := range []string{"", begin, begin + "\n{\"version\":1}\n" + end + "\n", begin + "\n" + begin + "\n[]\n" + end} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		result, err := ReadResult(log)
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := result.Write(&again); err != nil {
			t.Skip("a time that JSON cannot express again")
		}
		if _, err := ReadResult(again.Bytes()); err != nil {
			t.Errorf("what was read cannot be read again: %v", err)
		}
	})
}
