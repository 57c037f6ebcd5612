package check

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

func fluxWebhook() doctor.Check {
	return doctor.Check{
		ID: "FLX-01", Severity: doctor.High, Asked: true,
		Needs: []snapshot.Need{snapshot.Everywhere(snapshot.ValidatingWebhooks), snapshot.Everywhere(snapshot.MutatingWebhooks)},
		Uses:  append(fluxObjectNeeds(), snapshot.In(extFlux, snapshot.Pods)),
		Applies: func(s *snapshot.Snapshot) string {
			// Such a webhook keeps every dry run from working, not only those of Flux.
			if fluxPresent(s) || len(fluxHooks(s)) > 0 {
				return ""
			}
			return doctor.NotInstalled
		},
		AppliesNeeds: []snapshot.Need{
			snapshot.One("", snapshot.Namespaces, extFlux), snapshot.Everywhere(snapshot.ValidatingWebhooks), snapshot.Everywhere(snapshot.MutatingWebhooks),
		},
		Eval: judgeFluxWebhooks,
	}
}

// fluxHook is a configuration with webhooks that refuse dry runs.
type fluxHook struct {
	Object   doctor.Object
	Resource string
	Names    []string
	Indexes  []int
	Effects  []string // as stored; empty where nothing is
}

func (h *fluxHook) look(index int, name string, effects *admissionv1.SideEffectClass) {
	stored := ""
	if effects != nil {
		stored = string(*effects)
	}
	if stored != string(admissionv1.SideEffectClassNone) && stored != string(admissionv1.SideEffectClassNoneOnDryRun) {
		h.Names, h.Indexes, h.Effects = append(h.Names, name), append(h.Indexes, index), append(h.Effects, stored)
	}
}

func fluxHooks(s *snapshot.Snapshot) []fluxHook {
	var found []fluxHook
	hook := func(kind string, meta *metav1.ObjectMeta) fluxHook {
		return fluxHook{
			Object:   doctor.Object{Kind: kind, Name: meta.Name},
			Resource: strings.ToLower(kind) + "s",
		}
	}
	for i := range s.ValidatingWebhooks {
		h := hook("ValidatingWebhookConfiguration", &s.ValidatingWebhooks[i].ObjectMeta)
		for j := range s.ValidatingWebhooks[i].Webhooks {
			w := &s.ValidatingWebhooks[i].Webhooks[j]
			h.look(j, w.Name, w.SideEffects)
		}
		found = append(found, h)
	}
	for i := range s.MutatingWebhooks {
		h := hook("MutatingWebhookConfiguration", &s.MutatingWebhooks[i].ObjectMeta)
		for j := range s.MutatingWebhooks[i].Webhooks {
			w := &s.MutatingWebhooks[i].Webhooks[j]
			h.look(j, w.Name, w.SideEffects)
		}
		found = append(found, h)
	}
	return slices.DeleteFunc(found, func(h fluxHook) bool { return len(h.Names) == 0 })
}

func judgeFluxWebhooks(s *snapshot.Snapshot) []doctor.Finding {
	refused := fluxDryRunRefused(s)
	var found []doctor.Finding
	for _, h := range fluxHooks(s) {
		finding := doctor.Finding{
			Status: doctor.Warn, Key: "sideEffects", Objects: []doctor.Object{h.Object}, Remedies: []doctor.Remedy{fluxHookRemedy(h)},
			Args: map[string]string{"webhooks": strings.Join(h.Names, ", "), "configuration": h.Object.Name},
		}
		for i, name := range h.Names {
			stored := h.Effects[i]
			if stored == "" {
				stored = "nothing"
			}
			finding.Evidence = append(finding.Evidence, doctor.Evidence{Source: "spec", Object: h.Object.String(), Text: name + ": sideEffects is " + stored})
			for _, o := range refused[name] {
				finding.Status, finding.Key = doctor.Fail, "refused"
				finding.Objects = append(finding.Objects, o.Object)
				finding.Evidence = arcSay(finding.Evidence, o.evidence(o.Ready.Message))
			}
			delete(refused, name)
		}
		found = append(found, finding)
	}
	return append(found, fluxHooksUnseen(refused)...)
}

// fluxDryRunRefused returns the objects of Flux whose dry run was refused, by the webhook.
func fluxDryRunRefused(s *snapshot.Snapshot) map[string][]fluxObject {
	refused := map[string][]fluxObject{}
	for _, o := range fluxObjects(s) {
		m := regexp.MustCompile(`admission webhook "([^"]+)" does not support dry run`).FindStringSubmatch(strings.ReplaceAll(o.Ready.Message, `\"`, `"`))
		if o.failing() && m != nil {
			refused[m[1]] = append(refused[m[1]], o)
		}
	}
	return refused
}

// fluxHooksUnseen are webhooks that Flux still speaks of and that say now that they have no side effects, or are gone.
func fluxHooksUnseen(refused map[string][]fluxObject) []doctor.Finding {
	var found []doctor.Finding
	for name, objects := range refused {
		finding := doctor.Finding{Status: doctor.Fail, Key: "said", Args: map[string]string{"webhooks": name}}
		for _, o := range objects {
			finding.Objects = append(finding.Objects, o.Object)
			finding.Evidence = arcSay(finding.Evidence, o.evidence(o.Ready.Message))
			finding.Remedies = []doctor.Remedy{{Key: "reconcile", Risk: doctor.Manual, Commands: []string{
				fluxCommand("annotate", o.Object) + ` reconcile.fluxcd.io/requestedAt="$(date +%s)" --overwrite`,
			}}}
		}
		found = append(found, finding)
	}
	slices.SortFunc(found, func(a, b doctor.Finding) int { return strings.Compare(a.Args["webhooks"], b.Args["webhooks"]) })
	return found
}

func fluxHookRemedy(h fluxHook) doctor.Remedy {
	type step struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value string `json:"value"`
	}
	var steps []step
	for i, index := range h.Indexes {
		path, effects := fmt.Sprintf("/webhooks/%d/", index), h.Effects[i]
		steps = append(steps, step{"test", path + "name", h.Names[i]})
		if effects == "" {
			steps = append(steps, step{"add", path + "sideEffects", string(admissionv1.SideEffectClassNone)})
			continue
		}
		steps = append(steps, step{"replace", path + "sideEffects", string(admissionv1.SideEffectClassNone)})
	}
	body, err := json.Marshal(steps)
	if err != nil {
		return doctor.Remedy{Key: "declare", Risk: doctor.Manual}
	}
	return doctor.Remedy{
		Key: "declare", Risk: doctor.Ask,
		Commands: []string{"kubectl patch " + strings.ToLower(h.Object.Kind) + " " + h.Object.Name + " --type=json -p " + arcQuote(string(body))},
		Actions: []doctor.Action{{
			Verb: doctor.JSONPatch, APIVersion: "admissionregistration.k8s.io/v1", Resource: h.Resource, Name: h.Object.Name, Body: body, Backup: true,
		}},
	}
}
