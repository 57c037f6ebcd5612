package plan

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

// secrets returns the Secrets by which the source is read, none when it is open to all or when a person's own is used.
func (c Configuration) secrets() ([]Object, error) {
	var objects []Object
	data, err := c.credentials()
	if err != nil {
		return nil, err
	}
	if len(data) > 0 && c.ownSecret() == "" {
		objects = append(objects, c.secret(c.authName(), data))
	}
	if o := c.Spec.OCIRepository; o != nil && o.TLSCACert != "" {
		pem, err := decoded("tlsCACert", o.TLSCACert)
		if err != nil {
			return nil, err
		}
		objects = append(objects, c.secret(fluxconfig.TrustSecret(c.Name), map[string][]byte{"ca.crt": pem}))
	}
	return objects, nil
}

func (c Configuration) secret(name string, data map[string][]byte) Object {
	where := kube.Secrets(c.Spec.Namespace)
	kind := corev1.SecretTypeOpaque
	if _, docker := data[corev1.DockerConfigJsonKey]; docker {
		kind = corev1.SecretTypeDockerConfigJson
	}
	return Object{where, name, &corev1.Secret{TypeMeta: where.TypeMeta("Secret"), ObjectMeta: c.meta(name), Type: kind, Data: data}}
}

func (c Configuration) authName() string {
	if c.Spec.OCIRepository != nil {
		return fluxconfig.LoginSecret(c.Name)
	}
	return fluxconfig.AuthSecret(c.Name)
}

func (c Configuration) ownSecret() string {
	switch s := c.Spec; {
	case s.GitRepository != nil:
		return s.GitRepository.LocalAuthRef
	case s.Bucket != nil:
		return s.Bucket.LocalAuthRef
	case s.AzureBlob != nil:
		return s.AzureBlob.LocalAuthRef
	case s.OCIRepository != nil:
		return s.OCIRepository.LocalAuthRef
	}
	return ""
}

// credentials are what the source's Secret holds, under Flux' own keys.
func (c Configuration) credentials() (map[string][]byte, error) {
	switch s := c.Spec; {
	case s.GitRepository != nil:
		return c.gitCredentials(s.GitRepository)
	case s.Bucket != nil:
		return present(map[string]string{"accesskey": s.Bucket.AccessKey, "secretkey": c.Settings[fairlead.FluxBucketSecret]}), nil
	case s.AzureBlob != nil:
		return c.blobCredentials(s.AzureBlob), nil
	case s.OCIRepository != nil:
		return c.ociCredentials(s.OCIRepository)
	}
	return nil, nil
}

func (c Configuration) gitCredentials(git *fairlead.FluxGit) (map[string][]byte, error) {
	if c.SSH != nil {
		return c.SSH.data(), nil
	}
	data := present(map[string]string{"username": git.HTTPSUser, "password": c.Settings[fairlead.FluxHTTPSKey]})
	if git.HTTPSCACert != "" {
		pem, err := decoded("httpsCACert", git.HTTPSCACert)
		if err != nil {
			return nil, err
		}
		data["ca.crt"] = pem
	}
	return data, nil
}

func (c Configuration) blobCredentials(blob *fairlead.FluxBlob) map[string][]byte {
	data := present(map[string]string{"accountKey": c.Settings[fairlead.FluxBlobKey], "sasKey": c.Settings[fairlead.FluxBlobSAS]})
	if identity := blob.ManagedIdentity; identity != nil && identity.ClientID != "" {
		data["clientId"] = []byte(identity.ClientID)
	}
	principal := blob.ServicePrincipal
	if principal == nil {
		return data
	}
	maps.Copy(data, present(map[string]string{
		"tenantId": principal.TenantID, "clientId": principal.ClientID, "clientSecret": c.Settings[fairlead.FluxSPSecret],
		"clientCertificatePassword": c.Settings[fairlead.FluxSPPassword],
	}))
	if text := c.Settings[fairlead.FluxSPCertificate]; text != "" {
		data["clientCertificate"] = []byte(text)
		data["clientCertificateSendChain"] = []byte(strconv.FormatBool(principal.ClientCertificateSendChain))
	}
	return data
}

func (c Configuration) ociCredentials(oci *fairlead.FluxOCI) (map[string][]byte, error) {
	user, password := c.Settings[fairlead.FluxOCIUser], c.Settings[fairlead.FluxOCIPassword]
	if user == "" && password == "" {
		return nil, nil
	}
	auth := base64.StdEncoding.EncodeToString([]byte(user + ":" + password))
	text, err := json.Marshal(map[string]map[string]map[string]string{"auths": {hostOf(oci.URL): {"username": user, "password": password, "auth": auth}}})
	if err != nil {
		return nil, fmt.Errorf("write the login of the registry: %w", err)
	}
	return map[string][]byte{corev1.DockerConfigJsonKey: text}, nil
}

// present are those of the texts that are not empty.
func present(texts map[string]string) map[string][]byte {
	data := map[string][]byte{}
	for key, text := range texts {
		if text != "" {
			data[key] = []byte(text)
		}
	}
	return data
}

// decoded takes base64, and PEM as it is: some clients do not encode it.
func decoded(setting, text string) ([]byte, error) {
	if strings.Contains(text, "-----BEGIN") {
		return []byte(text), nil
	}
	plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "setting %s is not base64; give the file again", setting)
	}
	return plain, nil
}
