package cli

import (
	"encoding/json"
	"testing"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

func TestAnotherWayToAuthenticateTakesThePlaceOfTheOneBefore(t *testing.T) {
	for name, c := range map[string]struct {
		reason, kind      string
		source, protected client.Document
		want              string
	}{
		"Nothing":  {"who says nothing of it changes nothing", fairlead.SourceGit, client.Document{"url": "u"}, client.Document{}, `[{"url":"u"},{}]`},
		"User":     {"a user alone is no way", fairlead.SourceGit, client.Document{"httpsUser": "u"}, client.Document{}, `[{"httpsUser":"u"},{}]`},
		"Password": {"https instead of ssh", fairlead.SourceGit, client.Document{}, client.Document{"httpsKey": "k"}, `[{"localAuthRef":null,"sshKnownHosts":null},{"httpsKey":"k","sshPrivateKey":null}]`},
		"Known":    {"what is given stays", fairlead.SourceGit, client.Document{"localAuthRef": "s", "sshKnownHosts": "h"}, client.Document{}, `[{"httpsCACert":null,"httpsUser":null,"localAuthRef":"s","sshKnownHosts":"h"},{"httpsKey":null,"sshPrivateKey":null}]`},
		"OCI":      {"a password alone keeps the user", fairlead.SourceOCI, client.Document{}, client.Document{"ociPassword": "p"}, `[{"localAuthRef":null},{"ociPassword":"p"}]`},
		"Bucket":   {"a secret keeps its key", fairlead.SourceBucket, client.Document{}, client.Document{"bucketSecretKey": "s"}, `[{"localAuthRef":null},{"bucketSecretKey":"s"}]`},
		"Token": {
			"of Azure's ways there is one", fairlead.SourceAzureBlob,
			client.Document{},
			client.Document{"sasToken": "t"},
			`[{"localAuthRef":null,"managedIdentity":null,"servicePrincipal":null},{"accountKey":null,"clientCertificate":null,"clientCertificatePassword":null,"clientSecret":null,"sasToken":"t"}]`,
		},
		"Certificate": {
			"the principal stays the same", fairlead.SourceAzureBlob,
			client.Document{},
			client.Document{"clientCertificate": "c"},
			`[{"localAuthRef":null,"managedIdentity":null},{"accountKey":null,"clientCertificate":"c","clientSecret":null,"sasToken":null}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			properties := client.Document{sourceProperty(c.kind): c.source, "configurationProtectedSettings": c.protected}
			leaveOtherWays(c.kind, properties)
			if got, err := json.Marshal([]any{properties[sourceProperty(c.kind)], properties["configurationProtectedSettings"]}); err != nil || string(got) != c.want {
				t.Errorf("%s: got %s, %v", c.reason, got, err)
			}
		})
	}
}

func TestAChangeThatTurnsToNoOtherWayStaysAsItIs(t *testing.T) {
	properties := client.Document{"suspend": true}
	leaveOtherWays(fairlead.SourceAzureBlob, properties)
	if len(properties) != 1 {
		t.Errorf("it became %v", properties)
	}
}
