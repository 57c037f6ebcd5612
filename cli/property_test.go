package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// saidByHub is an error that the hub has sent.
func saidByHub(message string) error {
	failed := fairlead.Errorf(fairlead.Invalid, "(BadRequest) %s", message)
	failed.Err = &client.Failure{Code: "BadRequest", Message: message}
	return failed
}

func TestPropertiesAreNamedByTheirFlags(t *testing.T) {
	const flux, kind, forget = "k8s-configuration flux create", "extension-type register", "k8s-extension delete"
	for name, c := range map[string]struct{ command, said, want string }{
		"URL":       {flux, "The property 'gitRepository.url' must begin with https://", "'gitRepository.url' (--url) must"},
		"Password":  {flux, "The property 'gitRepository.httpsUser' and the protected setting 'httpsKey' are given together", "'gitRepository.httpsUser' (--https-user) and the protected setting 'httpsKey' (--https-key-file) are"},
		"Reference": {flux, "The property 'gitRepository.repositoryRef.semver' is a range", "'gitRepository.repositoryRef.semver' (--semver) is"},
		"Blob":      {flux, "The property 'azureBlob.servicePrincipal.clientCertificate' is base64", "'azureBlob.servicePrincipal.clientCertificate' (--sp-client-cert-file) is"},
		"Inside":    {flux, "The property 'kustomizations.apps.timeoutInSeconds' is a number", "'kustomizations.apps.timeoutInSeconds' is"},
		"Value":     {flux, "The property 'scope' is 'cluster' or 'namespace', not 'url'.", "'scope' (--scope) is 'cluster' or 'namespace', not 'url'."},
		"Bundle":    {kind, "The property 'caBundle' is PEM", "'caBundle' (--ca-file) is"},
		"Lent":      {kind, "The property 'credentialsForClusters' is about credentials. Send 'credentials' with it.", "Send 'credentials' (--username) with"},
		"Force":     {forget, "or force the deletion of the extension (forceDelete=true), which leaves all", "the extension (--force), which"},
		"Elsewhere": {forget, "The property 'gitRepository.url' must begin", "'gitRepository.url' must"},
	} {
		command, _, err := newRootCommand(newSession(Streams{})).Find(strings.Split(c.command, " "))
		if err != nil {
			t.Fatal(err)
		}
		if got := inFlags(command, saidByHub(c.said)); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
		if own := errors.New(c.said); inFlags(command, own) != c.said {
			t.Errorf("%s: an error of our own is changed", name)
		}
	}
}
