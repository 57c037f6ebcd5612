package extension_test

import (
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/protected"
)

func TestAnExtensionFromInstallationToItsEnd(t *testing.T) {
	s := newStage(t)
	digest := s.publish("web", "1.0.0", map[string]string{"note.yaml": note})
	s.publish("web", "1.1.0", map[string]string{"note.yaml": note})
	s.start()

	spec := s.spec("web", 1)
	spec.Chart.Digest, spec.Settings = digest, map[string]string{"text": "{a,b}"}
	s.want("web", spec)
	if state := s.ends("web", 1, 30*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded || state.CurrentVersion != "1.0.0" || state.ReleaseRevision != 1 || state.Operation != nil {
		t.Fatalf("installed: %+v", state)
	}
	if got := s.data("web-note"); got["text"] != "{a,b}" || s.history("web") != "1:deployed" {
		t.Errorf("the release has %q, history %s", got, s.history("web"))
	}

	spec.Generation = 2
	s.want("web", spec)
	if state := s.ends("web", 2, 10*time.Second); state.ReleaseRevision != 1 || s.history("web") != "1:deployed" {
		t.Errorf("the same once more: %+v, history %s", state, s.history("web"))
	}

	spec.Generation, spec.Version, spec.Chart.Digest, spec.Settings = 3, "1.1.0", "", nil
	s.want("web", spec)
	if state := s.ends("web", 3, 10*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded || state.CurrentVersion != "1.1.0" || state.ReleaseRevision != 2 {
		t.Errorf("upgraded: %+v", state)
	}
	if got := s.data("web-note"); got["version"] != "1.1.0" || got["text"] == "{a,b}" {
		t.Errorf("the release has %q", got)
	}

	s.delete("web")
	s.gone("web", 20*time.Second)
	if s.data("web-note") != nil || s.history("web") != "" {
		t.Errorf("left: %q, history %s", s.data("web-note"), s.history("web"))
	}
}

func TestProtectedSettingsAreUsedAndNeverShown(t *testing.T) {
	s := newStage(t)
	s.publish("safe", "1.0.0", map[string]string{"note.yaml": note, "bad.yaml": `{{ if eq .Values.text "fail" }}{{ fail (printf "no: %s" .Values.secret) }}{{ end }}`})
	s.start()
	secret, err := protected.Secret(s.namespace, "extension-settings-safe", "h1", map[string]string{"secret": "hunter2-swordfish"})
	if err != nil {
		t.Fatal(err)
	}
	spec := s.spec("safe", 1)
	spec.ProtectedSettings = &fairlead.ProtectedSettings{SecretName: secret.Name, Hash: "h1"}
	spec.Settings = map[string]string{"text": "fail", "secret": "overridden"}
	s.want("safe", spec)
	s.apply(secrets(), s.namespace, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": secret.Name, "annotations": secret.Annotations}, "data": secret.Data,
	})
	state := s.ends("safe", 1, 30*time.Second)
	if state.ProvisioningState != fairlead.ExtensionFailed || !strings.Contains(state.ErrorInfo.Message, "no: ") || strings.Contains(state.ErrorInfo.Message, "hunter2") {
		t.Errorf("state %+v, error %+v", state, state.ErrorInfo)
	}
	spec.Generation, spec.Settings["text"] = 2, "fine"
	s.want("safe", spec)
	if state := s.ends("safe", 2, 30*time.Second); state.ProvisioningState != fairlead.ExtensionSucceeded || s.data("safe-note")["secret"] != "hunter2-swordfish" {
		t.Errorf("state %+v, data %q", state, s.data("safe-note"))
	}
}
