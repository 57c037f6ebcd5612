package provider

import (
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/resource"
)

// secretNames are the protected settings of each kind of source.
func secretNames(kind string) []string {
	return map[string][]string{
		fairlead.SourceGit:    {fairlead.FluxHTTPSKey, fairlead.FluxSSHPrivateKey},
		fairlead.SourceBucket: {fairlead.FluxBucketSecret},
		fairlead.SourceAzureBlob: {
			fairlead.FluxBlobKey, fairlead.FluxBlobSAS, fairlead.FluxSPSecret, fairlead.FluxSPCertificate, fairlead.FluxSPPassword,
		},
		fairlead.SourceOCI: {fairlead.FluxOCIUser, fairlead.FluxOCIPassword},
	}[kind]
}

// blobSecrets are the secrets that clients write among the properties of a container of Azure, by their paths there.
func blobSecrets() map[string]string {
	const blob, principal = "properties.azureBlob.", "properties.azureBlob.servicePrincipal."
	return map[string]string{
		blob + "accountKey": fairlead.FluxBlobKey, blob + "sasToken": fairlead.FluxBlobSAS,
		principal + "clientSecret": fairlead.FluxSPSecret, principal + "clientCertificate": fairlead.FluxSPCertificate,
		principal + "clientCertificatePassword": fairlead.FluxSPPassword,
	}
}

// fluxSecrets takes the secrets out of a change, and returns those that it leaves: texts as they are to be used, and nil for those whose
// values stay.
func fluxSecrets(change *resource.Change) (map[string]any, error) {
	if err := secretsSpelled(change.New); err != nil {
		return nil, err
	}
	settings, isObject := sentProtected(change), true
	if sent := change.Sent.Get(protectedPath); sent != nil {
		_, isObject = sent.(map[string]any)
	}
	change.New.Drop(protectedPath)
	nested := map[string]any{}
	for path, name := range blobSecrets() {
		if change.Sent.Has(path) {
			nested[name] = change.Sent.Get(path)
		}
		change.New.Drop(path)
	}
	if !isObject {
		return nil, badContent("The property '%s' must be an object of texts.", protectedPath)
	}
	if settings == nil {
		settings = map[string]any{}
	}
	if err := decodeSecrets(change, settings); err != nil {
		return nil, err
	}
	for name, value := range nested {
		switch {
		case value != nil:
			settings[name] = value
		case !change.Replaces:
			delete(settings, name)
		}
	}
	if text, ok := nested[fairlead.FluxSPCertificate].(string); ok {
		plain, err := decoded(text)
		if err != nil {
			return nil, badContent("The property 'azureBlob.servicePrincipal.clientCertificate' is base64 of a certificate with its key.")
		}
		settings[fairlead.FluxSPCertificate] = plain
	}
	return settings, boundSecrets(settings)
}

// secretsSpelled refuses secrets under names that are theirs but for the case.
func secretsSpelled(document resource.Document) error {
	for path, names := range map[string][]string{
		"properties": {"configurationProtectedSettings", "azureBlob"}, "properties.azureBlob": {"accountKey", "sasToken", "servicePrincipal"},
		"properties.azureBlob.servicePrincipal": {"clientSecret", "clientCertificate", "clientCertificatePassword"},
	} {
		if err := misspelled(document.Object(path), names...); err != nil {
			return err
		}
	}
	return nil
}

// decodeSecrets undoes the base64 in which clients write protected settings. Those that were stored are shown without values.
func decodeSecrets(change *resource.Change, settings map[string]any) error {
	sent, _ := change.Sent.Get(protectedPath).(map[string]any)
	for name, value := range sent {
		if !knownSecret(name) {
			return badContent("'%.128s' is no protected setting of a Flux configuration. There are: %s.", name, strings.Join(allSecrets(), ", "))
		}
		text, isText := value.(string)
		if !isText {
			if value != nil {
				return badContent("The protected setting '%s' must be a text.", name)
			}
			continue
		}
		plain, err := decoded(text)
		if err != nil {
			return badContent("The protected setting '%s' must be base64 of its value, as az writes it.", name)
		}
		settings[name] = plain
	}
	return nil
}

func decoded(text string) (string, error) {
	plain, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	return string(plain), err
}

func boundSecrets(settings map[string]any) error {
	size := 0
	for name, value := range settings {
		text, isText := value.(string)
		if !isText && value != nil {
			return badContent("The secret '%s' must be a text.", name)
		}
		size += len(text)
	}
	if size > maxSettingsSize {
		return badContent("The protected settings have %d bytes together; there can be %d.", size, maxSettingsSize)
	}
	return nil
}

func allSecrets() []string {
	var all []string
	for _, kind := range sourceKinds() {
		all = append(all, secretNames(kind)...)
	}
	return all
}

func knownSecret(name string) bool { return slices.Contains(allSecrets(), name) }

// fitting are the settings that are for a kind of source. Those of another go when the kind changes; checkFlux refuses those that were
// sent with it.
func fitting(settings map[string]any, kind string) map[string]any {
	kept := maps.Clone(settings)
	maps.DeleteFunc(kept, func(name string, value any) bool { return value == nil && !slices.Contains(secretNames(kind), name) })
	return kept
}
