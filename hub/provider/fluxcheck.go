package provider

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/gitops"
	"github.com/fairlead/fairlead/hub/resource"
)

// fluxName is what names a configuration or a kustomization: names of objects begin with it.
var fluxName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)

const (
	// Kubernetes keeps such a name in a label, and Flux that of a kustomization, which is both with a dash between.
	maxLabel       = 63
	maxFluxSeconds = 30 * 24 * 60 * 60
)

// sources are the properties that hold a source, by its kind.
func sources() map[string]string {
	return map[string]string{
		fairlead.SourceGit: "gitRepository", fairlead.SourceBucket: "bucket", fairlead.SourceAzureBlob: "azureBlob", fairlead.SourceOCI: "ociRepository",
	}
}

func sourceKinds() []string {
	return []string{fairlead.SourceGit, fairlead.SourceBucket, fairlead.SourceAzureBlob, fairlead.SourceOCI}
}

// settleFlux completes a document: what is left open has the original's defaults, and the source of another kind goes.
func settleFlux(change *resource.Change) error {
	document := change.New
	for path, word := range map[string]string{"properties.scope": fairlead.ScopeCluster, "properties.namespace": "default"} {
		fill(document, path, word)
	}
	document.Set("properties.scope", strings.ToLower(document.Text("properties.scope")))
	if document.Get("properties.suspend") == nil {
		document.Set("properties.suspend", false)
	}
	if err := settleSource(change); err != nil {
		return err
	}
	if err := unsupported(document); err != nil {
		return err
	}
	return positive(change)
}

// settleSource keeps the source that sourceKind names.
func settleSource(change *resource.Change) error {
	document := change.New
	kind := document.Text("properties.sourceKind")
	at := slices.IndexFunc(sourceKinds(), func(known string) bool { return strings.EqualFold(known, kind) })
	if at < 0 {
		return badContent("The property 'sourceKind' is one of %s, not '%.64s'.", strings.Join(sourceKinds(), ", "), kind)
	}
	kind = sourceKinds()[at]
	document.Set("properties.sourceKind", kind)
	for other, property := range sources() {
		path := "properties." + property
		if other == kind {
			if len(document.Object(path)) == 0 {
				return badContent("The property '%s' is required with sourceKind '%s'.", property, kind)
			}
			continue
		}
		if len(change.Sent.Object(path)) > 0 { // clients that change the kind send the other ones empty
			return badContent("The property '%s' is not for sourceKind '%s', which wants '%s'.", property, kind, sources()[kind])
		}
		document.Drop(path)
	}
	return settleReference(change, "properties."+sources()[kind]+".repositoryRef")
}

// settleReference takes a reference as it is sent, as a whole: who names a tag means no longer the branch from before.
func settleReference(change *resource.Change, path string) error {
	sent := change.Sent.Object(path)
	if sent == nil {
		return nil
	}
	change.New.Set(path, resource.Merge(nil, sent))
	return nil
}

// positive refuses durations that are none, which a decoded document no longer tells from those left out.
func positive(change *resource.Change) error {
	for _, property := range sources() {
		if err := durations(property, change.New.Object("properties."+property)); err != nil {
			return err
		}
	}
	for name, value := range change.New.Object("properties.kustomizations") {
		kustomization, isObject := value.(map[string]any)
		if !isObject {
			return badContent("The kustomization '%.64s' must be an object.", name)
		}
		if err := durations("kustomizations."+name, kustomization); err != nil {
			return err
		}
	}
	return nil
}

func durations(of string, object map[string]any) error {
	for _, name := range []string{"timeoutInSeconds", "syncIntervalInSeconds", "retryIntervalInSeconds"} {
		value := object[name]
		if value == nil {
			continue
		}
		number, isNumber := value.(json.Number)
		if seconds, err := number.Int64(); !isNumber || err != nil || seconds < 1 || seconds > maxFluxSeconds {
			return badContent("The property '%.128s.%s' is a number of seconds from 1 to %d.", of, name, maxFluxSeconds)
		}
	}
	return nil
}

// checkFlux says what is wrong with a configuration. Secrets are its protected settings, which no error quotes.
func checkFlux(name string, spec fairlead.FluxSpec, secrets map[string]string) error {
	switch {
	case len(name) > maxLabel:
		return badContent("The name '%.128s' is too long: that of a configuration has at most %d characters.", name, maxLabel)
	case spec.Scope != fairlead.ScopeCluster && spec.Scope != fairlead.ScopeNamespace:
		return badContent("The property 'scope' is 'cluster' or 'namespace', not '%.64s'.", spec.Scope)
	case !namespaceName.MatchString(spec.Namespace):
		return badContent("'%.128s' is no name of a namespace: it has lower-case letters, digits and '-', at most 63.", spec.Namespace)
	}
	for secret := range secrets {
		if !slices.Contains(secretNames(spec.SourceKind), secret) {
			return badContent("The protected setting '%s' is not for sourceKind '%s', which has: %s.", secret, spec.SourceKind, strings.Join(secretNames(spec.SourceKind), ", "))
		}
	}
	if err := checkSource(spec, secrets); err != nil {
		return err
	}
	return checkKustomizations(name, spec.Kustomizations)
}

func checkSource(spec fairlead.FluxSpec, secrets map[string]string) error {
	switch spec.SourceKind {
	case fairlead.SourceGit:
		return checkGit(*spec.GitRepository, secrets)
	case fairlead.SourceBucket:
		return checkBucket(*spec.Bucket, secrets)
	case fairlead.SourceAzureBlob:
		return checkBlob(*spec.AzureBlob, secrets)
	default:
		return checkOCI(*spec.OCIRepository, secrets)
	}
}

// checkLocal is for all sources: either a Secret of the namespace authenticates, or something that is said here.
func checkLocal(reference string, others ...bool) error {
	if reference == "" {
		return nil
	}
	if !objectName(reference) {
		return badContent("The property 'localAuthRef' names a Secret in the configuration's namespace; '%.128s' is no such name.", reference)
	}
	if slices.Contains(others, true) {
		return badContent("The property 'localAuthRef' cannot be used together with other ways to authenticate to the source.")
	}
	return nil
}

// unsupported are properties of the original that are refused: not to follow them would fetch, or trust, something else than was meant.
func unsupported(document resource.Document) error {
	for path, why := range map[string]string{
		"properties.gitRepository.provider":            "this hub's clusters have no managed identity at a Git server",
		"properties.ociRepository.useWorkloadIdentity": "this hub's clusters have no workload identity at a registry",
		"properties.ociRepository.verify":              "signatures of artifacts are not verified here",
		"properties.ociRepository.layerSelector":       "the first layer is taken",
		"properties.ociRepository.serviceAccountName":  "give localAuthRef instead",

		"properties.ociRepository.tlsConfig.clientCertificate": "give localAuthRef to a Secret with it instead",
		"properties.ociRepository.tlsConfig.privateKey":        "give localAuthRef to a Secret with it instead",
	} {
		value := document.Get(path)
		text, _ := value.(string)
		if value == nil || value == false || value == "" || path == "properties.gitRepository.provider" && strings.EqualFold(text, "Generic") {
			continue
		}
		return badContent("The property '%s' is not supported: %s.", strings.TrimPrefix(path, "properties."), why)
	}
	text := document.Text("properties.reconciliationWaitDuration")
	if text == "" {
		return nil
	}
	if _, err := gitops.ParseSpan(text); err != nil {
		return badContent("The property 'reconciliationWaitDuration' is a duration such as PT30M, not '%.64s'.", text)
	}
	return nil
}

// objectName reports whether a Secret or ConfigMap can have such a name.
func objectName(text string) bool { return len(validation.IsDNS1123Subdomain(text)) == 0 }
