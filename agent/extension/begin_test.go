package extension_test

import (
	"slices"
	"testing"
	"time"

	"github.com/fairlead/fairlead/agent/extension/helm"
	"github.com/fairlead/fairlead/agent/extensionconfig"
)

// From the moment at which the object says what is wanted until Helm applies. On an idle machine half of them take less than
// half a second; the bound leaves room for a busy one.
func TestHelmBeginsSoon(t *testing.T) {
	s := newStage(t)
	for _, version := range []string{"1.0.0", "1.1.0"} {
		s.publish("web", version, map[string]string{"note.yaml": note})
	}
	s.start()
	spec := s.spec("web", 0)
	var took []time.Duration
	for range 20 {
		spec.Generation++
		spec.Version = map[string]string{"1.0.0": "1.1.0", "1.1.0": "1.0.0"}[spec.Version]
		asked := time.Now()
		s.want("web", spec)
		for begun := false; !begun; {
			state, _ := s.state("web")
			helms := state.Operation != nil && slices.Contains([]string{helm.StepApply, helm.StepWait, helm.StepHooks}, state.Operation.Phase)
			begun = state.ObservedGeneration == spec.Generation && (helms || extensionconfig.Final(state))
			if time.Since(asked) > 20*time.Second {
				t.Fatalf("state %+v", state)
			}
		}
		took = append(took, time.Since(asked))
		s.ends("web", spec.Generation, 20*time.Second)
	}
	slices.Sort(took)
	t.Logf("half within %s, all within %s", took[len(took)/2].Round(time.Millisecond), took[len(took)-1].Round(time.Millisecond))
	if took[len(took)/2] > 2*time.Second {
		t.Error("half of the operations take longer than two seconds until Helm begins")
	}
}
