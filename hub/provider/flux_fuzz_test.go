package provider

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub/resource"
)

// Whatever a client sends, it is taken or refused, and no refusal quotes a protected setting.
func FuzzFluxDocument(f *testing.F) {
	for _, seed := range []string{
		`{"properties":{"sourceKind":"GitRepository","gitRepository":{"url":"https://h/x"},"kustomizations":{"a":{"dependsOn":["a"]}}}}`,
		`{"properties":{"sourceKind":"bucket","bucket":{"url":"s3://x"},"gitRepository":{}}}`,
		`{"properties":{"sourceKind":"AzureBlob","azureBlob":{"servicePrincipal":{"clientSecret":"hush-hush"}}}}`,
		`{"properties":{"sourceKind":"OCIRepository","ociRepository":{"url":"oci://h/x","tlsConfig":null}}}`,
		`{"properties":{"sourceKind":"GitRepository","gitRepository":{"url":{}},"configurationProtectedSettings":{"httpsKey":"aHVzaC1odXNo"}}}`,
		`{"properties":[]}`, `{"properties":{"configurationProtectedSettings":[1]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sent, err := resource.ReadDocument([]byte(text))
		if err != nil {
			return
		}
		change := &resource.Change{New: resource.Merge(nil, sent), Sent: sent, Replaces: true}
		settings, err := fluxSecrets(change)
		if err == nil {
			_, now, readErr := readFlux(change)
			err = readErr
			if err == nil {
				values, _, resolveErr := resolved(fitting(settings, now.Properties.SourceKind), nil)
				if err = resolveErr; err == nil {
					err = checkFlux("shop", now.Properties.Spec(), values)
				}
			}
		}
		if err != nil && (strings.Contains(err.Error(), "hush-hush") || strings.Contains(err.Error(), "aHVzaC1odXNo")) {
			t.Errorf("%s: it quotes a secret: %v", text, err)
		}
	})
}
