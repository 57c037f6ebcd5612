package protected_test

import (
	"maps"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fairlead/fairlead/agent/protected"
)

func TestSettingsComeBackFromTheirSecret(t *testing.T) {
	settings := map[string]string{
		"plain": "1", "dotted.path": "{a,b}", "list[0].name": "x=y", `nodeSelector.kubernetes\.io/os`: "linux", "b64.trap": "z", "..": "", ".": "dot",
		strings.Repeat("ß", 90): "long",
	}
	secret, err := protected.Secret("azure-arc", "extension-settings-web", "h1", settings)
	if err != nil {
		t.Fatal(err)
	}
	for name := range secret.Data {
		if wrong := validation.IsConfigMapKey(name); len(wrong) > 0 {
			t.Errorf("%q is no key of a Secret: %v", name, wrong)
		}
	}
	got, err := protected.Settings(secret)
	if err != nil || !maps.Equal(got, settings) {
		t.Errorf("got %q, %v", got, err)
	}
	if secret.Name != "extension-settings-web" || secret.Annotations[protected.Hash] != "h1" {
		t.Errorf("metadata %+v", secret.ObjectMeta)
	}
}

func TestTooLongKeysAreRefused(t *testing.T) {
	if _, err := protected.Secret("n", "web", "", map[string]string{strings.Repeat("a", 181): ""}); err == nil {
		t.Error("accepted")
	}
}
