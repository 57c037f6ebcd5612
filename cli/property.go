package cli

import (
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

// namedProperty is how the hub names what it does not take: a property of what was sent, or a parameter of the request. A word alone
// may be somebody's name for something, too, unless the hub says before it what it is.
var namedProperty = regexp.MustCompile(`(?:property|setting|Send) '[A-Za-z]+'|'[A-Za-z]+(?:\.[A-Za-z]+)+'|forceDelete=true`)

// flagsOf are the flags that a property of the hub's documents comes from; of several, a command has one.
func flagsOf() map[string][]string {
	known := map[string][]string{
		"url": {"url", "repository-url"}, "repositoryUrl": {"repository-url"}, "localAuthRef": {"local-auth-ref"}, "sourceKind": {"kind"},
		"syncIntervalInSeconds": {"interval"}, "timeoutInSeconds": {"timeout"}, "httpsUser": {"https-user"},
		"branch": {"branch"}, "tag": {"tag"}, "semver": {"semver"}, "commit": {"commit"}, "digest": {"digest"},
		"bucketName": {"bucket-name"}, "accessKey": {"bucket-access-key"}, "insecure": {"bucket-insecure"}, "containerName": {"container-name"},
		"clientId": {"sp-client-id"}, "tenantId": {"sp-tenant-id"},
		"operatorType": {"operator-type"}, "operatorScope": {"scope"}, "scope": {"scope"},
		"chart": {"chart"}, "chartName": {"chart"}, "releaseTrains": {"train"}, "caBundle": {"ca-file"},
		"credentials": {"username"}, "credentialsForClusters": {"credentials-for-clusters"},
		"extensionType": {"extension-type"}, "releaseTrain": {"release-train"}, "timeoutSeconds": {"timeout"},
		"configurationSettings": {"configuration-settings"}, "configurationProtectedSettings": {"configuration-protected-settings-file"},
	}
	for _, one := range materials() {
		known[one.path] = []string{one.flag + "-file", one.flag, "ssh-" + one.flag + "-file"} // the last is that of Flux v1
	}
	return known
}

// inFlags is an error with, behind the properties that an answer of the hub names, the flags that they come from, where the command has
// those.
func inFlags(command *cobra.Command, err error) string {
	if client.FailureOf(err) == nil {
		return err.Error()
	}
	return namedProperty.ReplaceAllStringFunc(err.Error(), func(found string) string {
		if found == "forceDelete=true" && command.Flags().Lookup("force") != nil {
			return "--force"
		}
		if flag := flagFor(command, strings.Trim(found[strings.Index(found, "'")+1:], "'")); flag != "" {
			return found + " (--" + flag + ")"
		}
		return found
	})
}

// flagFor is the flag of a command from which a property comes, "" when there is none. What a kustomization has is in words of
// --kustomization.
func flagFor(command *cobra.Command, property string) string {
	for _, of := range []string{"properties.", "gitRepository.", "bucket.", "azureBlob.", "ociRepository.", "repositoryRef.", "servicePrincipal."} {
		property = strings.TrimPrefix(property, of)
	}
	known := flagsOf()[property]
	at := slices.IndexFunc(known, func(one string) bool { return command.Flags().Lookup(one) != nil })
	if at < 0 {
		return ""
	}
	return known[at]
}
