package cli

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/catalogue"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

// patient is a namespace of a real cluster that lacks a label, with a check that finds and can mend it.
type patient struct {
	*testing.T

	kubeconfig string
	api        kubernetes.Interface
	name       string
	risk       doctor.Risk
	out, err   strings.Builder
}

func newPatient(t *testing.T, labels map[string]string) *patient {
	t.Helper()
	kubeconfig := os.Getenv("FAIRLEAD_TEST_KUBECONFIG")
	if kubeconfig == "" {
		t.Skip("FAIRLEAD_TEST_KUBECONFIG names no cluster")
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	p := &patient{T: t, kubeconfig: kubeconfig, api: kubernetes.NewForConfigOrDie(config), risk: doctor.Safe}
	made, err := p.api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "mend-", Labels: labels}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p.name = made.Name
	t.Cleanup(func() {
		if err := p.api.CoreV1().Namespaces().Delete(context.WithoutCancel(t.Context()), made.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	t.Chdir(t.TempDir())
	return p
}

func (p *patient) check() doctor.Check {
	return doctor.Check{
		ID: "USER-LABEL", Severity: doctor.High, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Namespaces)},
		Eval: func(s *snapshot.Snapshot) []doctor.Finding {
			for _, n := range s.Namespaces {
				if n.Name == p.name && n.Labels["mended"] == "" {
					return []doctor.Finding{{
						Status: doctor.Fail, Title: "A label is missing", Text: "no label", Objects: []doctor.Object{{Kind: "Namespace", Name: n.Name}},
						Remedies: []doctor.Remedy{{Text: "Set the label.", Risk: p.risk, Actions: []doctor.Action{{
							Verb: doctor.MergePatch, APIVersion: "v1", Resource: "namespaces", Name: n.Name,
							Body: json.RawMessage(`{"metadata":{"labels":{"mended":"yes"}}}`), Backup: true,
						}}}},
					}}
				}
			}
			return nil
		},
	}
}

// mend looks and mends with --fix, and a person who answers; nobody is there when the answer is empty.
func (p *patient) mend(fix, answer string, change func(*doctorFlags)) error {
	p.Helper()
	words, err := catalogue.Open(catalogue.English)
	if err != nil {
		p.Fatal(err)
	}
	secrets, err := newRedactor()
	if err != nil {
		p.Fatal(err)
	}
	streams := Streams{
		In: strings.NewReader(answer), Out: &p.out, Err: &p.err, IsTerminal: func(any) bool { return answer != "" },
		Env: func(name string) string { return map[string]string{"TERM": "dumb"}[name] },
	}
	flags := doctorFlags{kubeconfig: p.kubeconfig, fix: fix, failOn: "fail"}
	change(&flags)
	v := &visit{session: &session{streams: streams}, flags: flags, text: words, redact: secrets, checks: []doctor.Check{p.check()}}
	report, err := v.once(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	if report.Summary.Fail != 1 {
		p.Fatalf("the patient is well: %+v", report)
	}
	return v.mend(p.Context(), report)
}

func asIs(*doctorFlags) {}

func yes(f *doctorFlags) { f.yes = true }

func (p *patient) mended() bool {
	p.Helper()
	found, err := p.api.CoreV1().Namespaces().Get(p.Context(), p.name, metav1.GetOptions{})
	if err != nil {
		p.Fatal(err)
	}
	return found.Labels["mended"] == "yes"
}

func (p *patient) says(parts ...string) {
	p.Helper()
	for _, part := range parts {
		if !strings.Contains(p.err.String(), part) {
			p.Errorf("no %q in\n%s", part, p.err.String())
		}
	}
}

func TestFixMendsAndLooksAgain(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		change func(*doctorFlags)
	}{"Asked": {"y\n", asIs}, "Beforehand": {"", yes}} {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t, nil)
			if err := p.mend("safe", test.answer, test.change); err != nil {
				t.Errorf("the verdict is %v", err)
			}
			if !p.mended() {
				t.Error("it is not mended")
			}
			p.says("USER-LABEL  Set the label.", "This would change Namespace/"+p.name, "+    mended: \"yes\"", "Done: Namespace/"+p.name, "Looking again.", "A copy of Namespace/"+p.name)
			if strings.Contains(p.err.String(), "Make this change?") != (test.answer != "") {
				t.Errorf("who was asked?\n%s", p.err.String())
			}
			if !strings.Contains(p.out.String(), "Nothing wrong was found") {
				t.Errorf("the new report is\n%s", p.out.String())
			}
			backups, err := filepath.Glob(p.name + ".backup-*.yaml")
			if err != nil || len(backups) != 1 {
				t.Errorf("backups: %v, %v", backups, err)
			}
		})
	}
}

func TestFixLeavesAlone(t *testing.T) {
	flux := map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	cases := map[string]struct {
		reason string
		labels map[string]string
		risk   doctor.Risk
		answer string
		change func(*doctorFlags)
		says   string
	}{
		"Declined": {"the person said no", nil, doctor.Safe, "n\n", asIs, "Left as it is."},
		"Nothing":  {"the person typed nothing", nil, doctor.Safe, "\n", asIs, "Left as it is."},
		"TooRisky": {"safe does not cover it", nil, doctor.Ask, "", yes, "None of the findings can be mended by doctor"},
		"ByHand":   {"doctor never does it", nil, doctor.Manual, "", yes, "None of the findings can be mended by doctor"},
		"Managed":  {"Flux would undo it", flux, doctor.Safe, "", yes, "Flux Kustomization flux-system/apps keeps this object as it is"},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			p := newPatient(t, test.labels)
			p.risk = test.risk
			err := p.mend("safe", test.answer, test.change)
			var code *exitError
			if !errors.As(err, &code) || code.code != doctorFound {
				t.Errorf("%s: the verdict is %v", test.reason, err)
			}
			if p.mended() {
				t.Errorf("%s, and it was changed", test.reason)
			}
			p.says(test.says)
		})
	}
}

func TestFixAsksForAPerson(t *testing.T) {
	p := newPatient(t, nil)
	err := p.mend("ask", "", asIs)
	var usage *usageError
	if !errors.As(err, &usage) || p.mended() {
		t.Errorf("nobody was asked, and it says %v", err)
	}
}

func TestFixAsksBeforeRisks(t *testing.T) {
	p := newPatient(t, nil)
	p.risk = doctor.Ask
	if err := p.mend("ask", "yes\n", asIs); err != nil || !p.mended() {
		t.Errorf("the verdict is %v\n%s", err, p.err.String())
	}
}

func TestInterruptedFixChangesNothing(t *testing.T) {
	p := newPatient(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v := &visit{session: &session{streams: Streams{In: strings.NewReader(""), Out: &p.out, Err: &p.err}}, flags: doctorFlags{kubeconfig: p.kubeconfig, fix: "safe", yes: true, failOn: "fail"}}
	words, err := catalogue.Open(catalogue.English)
	if err != nil {
		t.Fatal(err)
	}
	v.text = words
	v.findings = p.check().Eval(&snapshot.Snapshot{Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: p.name}}}})
	if err := v.mend(ctx, doctor.Report{}); !errors.Is(err, context.Canceled) || p.mended() {
		t.Errorf("it says %v", err)
	}
}
