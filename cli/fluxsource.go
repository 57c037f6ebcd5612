package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// sourceFlags describe the source that a configuration follows, whatever its kind.
type sourceFlags struct {
	kind, url, timeout, interval                            string
	branch, tag, semver, commit, digest                     string
	httpsUser, localAuthRef                                 string
	bucketName, bucketAccessKey                             string
	bucketInsecure, ociInsecure, sendChain                  *bool
	containerName, spClientID, spTenantID, identityClientID string

	material materialFlags
}

// sourceWords are the kinds of sources, as the command line and az name them.
func sourceWords() map[string]string {
	return map[string]string{"git": fairlead.SourceGit, "bucket": fairlead.SourceBucket, "azblob": fairlead.SourceAzureBlob, "oci": fairlead.SourceOCI}
}

// sourceProperty is where the source of a kind stands in a document.
func sourceProperty(kind string) string {
	return map[string]string{
		fairlead.SourceGit: "gitRepository", fairlead.SourceBucket: "bucket", fairlead.SourceAzureBlob: "azureBlob", fairlead.SourceOCI: "ociRepository",
	}[kind]
}

func (f *sourceFlags) offer(command *cobra.Command) {
	set := command.Flags()
	set.StringVarP(&f.url, "url", "u", "", "where the source is: https://, ssh:// or git@ for git, https:// for bucket and azblob, oci://HOST/PATH for oci")
	set.StringVar(&f.kind, "kind", "", "kind of the source: git, bucket, azblob or oci (default: git)")
	set.StringVar(&f.interval, "interval", "", "how often the source is looked at, such as 5m (default: 10m)")
	set.StringVar(&f.timeout, "timeout", "", "how long one look may take (default: 10m)")
	set.StringVar(&f.branch, "branch", "", "branch of a Git repository")
	set.StringVar(&f.tag, "tag", "", "tag of a Git repository, or of an artifact in a registry")
	set.StringVar(&f.semver, "semver", "", "range of versions that tags are chosen by, such as '>=1.2 <2'")
	set.StringVar(&f.commit, "commit", "", "commit of a Git repository, its whole hash")
	set.StringVar(&f.digest, "digest", "", "digest of an artifact in a registry")
	set.StringVar(&f.httpsUser, "https-user", "", "user at a Git server")
	set.StringVar(&f.localAuthRef, "local-auth-ref", "", "Secret in the configuration's namespace with what authenticates, instead of the flags for that")
	set.StringVar(&f.bucketName, "bucket-name", "", "name of the bucket")
	set.StringVar(&f.bucketAccessKey, "bucket-access-key", "", "access key of the bucket")
	offerTristate(command, &f.bucketInsecure, "bucket-insecure", "reach the bucket without TLS")
	set.StringVar(&f.containerName, "container-name", "", "name of the container in Azure's blob storage")
	set.StringVar(&f.spClientID, "sp-client-id", "", "application id of the service principal that reads the container")
	set.StringVar(&f.spTenantID, "sp-tenant-id", "", "tenant of that service principal")
	offerTristate(command, &f.sendChain, "sp-cert-send-chain", "send the certificate's chain along")
	set.StringVar(&f.identityClientID, "mi-client-id", "", "client id of the nodes' managed identity that reads the container")
	offerTristate(command, &f.ociInsecure, "oci-insecure", "reach the registry without TLS")
	f.material.offer(command, materials())
	also(command, "interval", "sync-interval")
	also(command, "local-auth-ref", "local-ref")
	also(command, "sp-client-id", "service-principal-client-id")
	also(command, "sp-tenant-id", "service-principal-tenant-id")
	also(command, "sp-client-secret", "service-principal-client-secret")
	also(command, "sp-client-cert", "service-principal-client-certificate")
	also(command, "sp-cert-password", "service-principal-client-certificate-password", "sp-client-cert-password")
	also(command, "sp-cert-send-chain", "service-principal-client-certificate-send-chain", "sp-client-cert-send-chain")
	also(command, "mi-client-id", "managed-identity-client-id")
	_ = command.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"git", "bucket", "azblob", "oci"}, cobra.ShellCompDirectiveNoFileComp)) // the flag is there
}

// wantedKind is the kind that the flags name, or else the one that there is.
func (f *sourceFlags) wantedKind(present string) (string, error) {
	if f.kind == "" {
		if present == "" {
			return fairlead.SourceGit, nil
		}
		return present, nil
	}
	kind, ok := sourceWords()[strings.ToLower(f.kind)]
	if !ok {
		return "", usagef("--kind: %.60q is none of git, bucket, azblob and oci", f.kind)
	}
	return kind, nil
}

// ofKind says for which kinds of sources a flag is, apart from materials.
func ofKind() map[string][]string {
	const git, bucket, blob, artifact = fairlead.SourceGit, fairlead.SourceBucket, fairlead.SourceAzureBlob, fairlead.SourceOCI
	return map[string][]string{
		"branch": {git}, "commit": {git}, "https-user": {git}, "tag": {git, artifact}, "semver": {git, artifact}, "digest": {artifact}, "oci-insecure": {artifact},
		"bucket-name": {bucket}, "bucket-access-key": {bucket}, "bucket-insecure": {bucket},
		"container-name": {blob}, "sp-client-id": {blob}, "sp-tenant-id": {blob}, "sp-cert-send-chain": {blob}, "mi-client-id": {blob},
	}
}

// source reads the flags into the document of a source and the protected settings that go with it.
func (f *sourceFlags) source(ctx context.Context, s *session, kind string) (source, protected client.Document, err error) {
	source, protected = client.Document{}, client.Document{}
	for name, value := range map[string]string{
		"url": f.url, "localAuthRef": f.localAuthRef, "httpsUser": f.httpsUser, "bucketName": f.bucketName, "accessKey": f.bucketAccessKey, "containerName": f.containerName,
	} {
		if value != "" {
			source[name] = value
		}
	}
	for name, value := range map[string]string{"syncIntervalInSeconds": f.interval, "timeoutInSeconds": f.timeout} {
		flag := map[string]string{"syncIntervalInSeconds": "interval", "timeoutInSeconds": "timeout"}[name]
		if err := putSeconds(source, name, "--"+flag, value); err != nil {
			return nil, nil, err
		}
	}
	if reference := f.reference(); len(reference) > 0 {
		source["repositoryRef"] = reference
	}
	if f.bucketInsecure != nil {
		source["insecure"] = *f.bucketInsecure
	}
	if f.ociInsecure != nil {
		source["insecure"] = *f.ociInsecure
	}
	f.identities(source)
	found, err := f.material.read(ctx, s, materials())
	if err != nil {
		return nil, nil, err
	}
	var mine []material
	for _, one := range materials() {
		if one.kind == kind {
			mine = append(mine, one)
		}
	}
	place(mine, found, source, protected)
	return source, protected, nil
}

func (f *sourceFlags) reference() client.Document {
	reference := client.Document{}
	for name, value := range map[string]string{"branch": f.branch, "tag": f.tag, "semver": f.semver, "commit": f.commit, "digest": f.digest} {
		if value != "" {
			reference[name] = value
		}
	}
	return reference
}

func (f *sourceFlags) identities(source client.Document) {
	principal := client.Document{}
	for name, value := range map[string]string{"clientId": f.spClientID, "tenantId": f.spTenantID} {
		if value != "" {
			principal[name] = value
		}
	}
	if f.sendChain != nil {
		principal["clientCertificateSendChain"] = *f.sendChain
	}
	if len(principal) > 0 {
		source["servicePrincipal"] = principal
	}
	if f.identityClientID != "" {
		source["managedIdentity"] = client.Document{"clientId": f.identityClientID}
	}
}

// checkReference wants at most one reference, as az does: Flux would silently take one of several.
func (f *sourceFlags) checkReference() error {
	if len(f.reference()) > 1 {
		return usagef("--branch, --tag, --semver, --commit and --digest: give one of them")
	}
	return nil
}

// checkNew says what is missing of a new configuration's source.
func (f *sourceFlags) checkNew(kind string) error {
	switch {
	case f.url == "":
		return usagef("--url/-u is missing: where is the source")
	case kind == fairlead.SourceGit && len(f.reference()) == 0:
		return usagef("--branch, --tag, --semver or --commit is missing: which state of the repository")
	case kind == fairlead.SourceBucket && f.bucketName == "":
		return usagef("--bucket-name is missing")
	case kind == fairlead.SourceAzureBlob && f.containerName == "":
		return usagef("--container-name is missing")
	}
	return nil
}

// putSeconds puts a duration into a document, if there is one.
func putSeconds(into client.Document, name, flag, text string) error {
	if text == "" {
		return nil
	}
	span, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(strings.ToUpper(text), "PT")))
	if err != nil || span < time.Second || span%time.Second != 0 {
		return usagef("%s: %.60q is no duration of whole seconds such as 90s, 10m or 1h30m", flag, text)
	}
	into[name] = int64(span / time.Second)
	return nil
}
