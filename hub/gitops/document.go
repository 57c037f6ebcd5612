package gitops

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/store"
)

// Document is what is read of a fluxConfiguration's document.
type Document struct {
	Properties Properties           `json:"properties"`
	Record     configuration.Record `json:"fairlead"`
}

// Properties are those that a client writes: a FluxSpec, but for authorities of an OCI registry.
type Properties struct {
	fairlead.FluxSpec

	OCIRepository              *OCI   `json:"ociRepository"`
	ReconciliationWaitDuration string `json:"reconciliationWaitDuration"`
	ProvisioningState          string `json:"provisioningState"`
}

// OCI is an artifact in an OCI registry as clients write it.
type OCI struct {
	fairlead.FluxOCI

	TLSConfig struct {
		CACertificate string `json:"caCertificate"`
	} `json:"tlsConfig"`
}

// Read reads a fluxConfiguration's stored document.
func Read(stored store.Resource) (Document, error) {
	var found Document
	if err := json.Unmarshal(stored.Body, &found); err != nil {
		return Document{}, fmt.Errorf("read %s: %w", stored.Key, err)
	}
	return found, nil
}

// spec is what a cluster is told of a configuration.
func (d Document) spec(name string) fairlead.FluxSpec {
	return complete(d.Properties.Spec(), d.Record, name)
}

// Spec is what a client wishes, in the cluster's words.
func (p Properties) Spec() fairlead.FluxSpec {
	spec := p.FluxSpec
	if p.OCIRepository != nil {
		artifact := p.OCIRepository.FluxOCI
		artifact.TLSCACert = p.OCIRepository.TLSConfig.CACertificate
		spec.OCIRepository = &artifact
	}
	return spec
}

// complete adds to a wish what the hub knows of it.
func complete(spec fairlead.FluxSpec, record configuration.Record, name string) fairlead.FluxSpec {
	spec.Generation, spec.CorrelationID = record.Generation, record.CorrelationID
	spec.ProtectedSettings = record.Protected(fairlead.FluxSecretPrefix + strings.ToLower(name))
	if spec.GitRepository != nil {
		repository := *spec.GitRepository
		repository.URL = GitURL(repository.URL)
		spec.GitRepository = &repository
	}
	return spec
}

// scp is the short form of an ssh URL: USER@HOST:PATH.
var scp = regexp.MustCompile(`^([^@/:]+@[^:/]+):([^/].*)$`)

// GitURL writes the short form of an ssh URL as a URL, and leaves others as they are.
func GitURL(text string) string { return scp.ReplaceAllString(text, "ssh://$1/$2") }

// span is a duration as ISO 8601 writes it, without years and months.
var span = regexp.MustCompile(`^P(?:(\d{1,3})D)?(?:T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})(?:\.\d+)?S)?)?$`)

// ParseSpan reads a duration such as PT30M.
func ParseSpan(text string) (time.Duration, error) {
	parts := span.FindStringSubmatch(strings.ToUpper(text))
	var sum time.Duration
	for at, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute, time.Second} {
		if parts == nil || parts[at+1] == "" {
			continue
		}
		count, err := strconv.Atoi(parts[at+1])
		if err != nil {
			return 0, err
		}
		sum += time.Duration(count) * unit
	}
	if sum <= 0 {
		return 0, fairlead.Errorf(fairlead.Invalid, "%.64q is no duration such as PT30M", text)
	}
	return sum, nil
}

// step is how long a cluster may work on a configuration without saying anything: as long as somebody wants to wait for it.
func step(stored store.Resource) time.Duration {
	document, err := Read(stored)
	if err != nil || !document.Properties.WaitForReconciliation {
		return fairlead.DefaultExtensionTimeout
	}
	wanted, err := ParseSpan(document.Properties.ReconciliationWaitDuration)
	if err != nil {
		return fairlead.DefaultExtensionTimeout
	}
	return max(wanted, fairlead.DefaultExtensionTimeout)
}
