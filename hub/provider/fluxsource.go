package provider

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"
	"golang.org/x/crypto/ssh"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/gitops"
)

const (
	maxURL = 2048
	maxRef = 255
)

var (
	commitName = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	digestName = regexp.MustCompile(`^sha(256:[0-9a-f]{64}|512:[0-9a-f]{128})$`)
	// Names of buckets are what stores compatible with S3 take, and what Azure takes for a container.
	bucketName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{1,61})[a-z0-9]$`)
)

// sourceURL reads the URL of a source, which holds no secret: it is shown to everybody.
func sourceURL(property, text string, schemes ...string) (*url.URL, error) {
	const wanted = "The property '%s.url' must begin with one of %s and name a host; '%.128s' does not."
	read, err := url.Parse(text)
	if text == "" || len(text) > maxURL || err != nil || read.Host == "" || !slices.Contains(schemes, read.Scheme) {
		if err == nil {
			text = read.Redacted()
		} else if read == nil && strings.Contains(text, "@") {
			text = "…" // it may hold a password
		}
		return nil, badContent(wanted, property, strings.Join(schemes, "://, ")+"://", text)
	}
	if _, secret := read.User.Password(); secret || read.User != nil && read.Scheme != "ssh" {
		return nil, badContent("The property '%s.url' holds credentials, and everybody would be shown them. Give them as protected settings.", property)
	}
	return read, nil
}

func checkGit(git fairlead.FluxGit, secrets map[string]string) error {
	read, err := sourceURL("gitRepository", gitops.GitURL(git.URL), "https", "http", "ssh")
	if err != nil {
		if !strings.Contains(git.URL, "://") {
			return badContent("The property 'gitRepository.url' must begin with https://, http://, ssh:// or git@.")
		}
		return err
	}
	_, key := secrets[fairlead.FluxSSHPrivateKey]
	_, password := secrets[fairlead.FluxHTTPSKey]
	if err := checkGitWay(git, read.Scheme == "ssh", key, password); err != nil {
		return err
	}
	if err := checkLocal(git.LocalAuthRef, key, password, git.HTTPSUser != "", git.HTTPSCACert != "", git.SSHKnownHosts != ""); err != nil {
		return err
	}
	if err := checkKnownHosts(git.SSHKnownHosts); err != nil {
		return err
	}
	if err := checkAuthority("gitRepository.httpsCACert", git.HTTPSCACert); err != nil {
		return err
	}
	if err := checkKey(secrets[fairlead.FluxSSHPrivateKey]); err != nil {
		return err
	}
	return checkGitRef(git.RepositoryRef)
}

// checkGitWay holds what authenticates to the way in which the repository is reached.
func checkGitWay(git fairlead.FluxGit, overSSH, key, password bool) error {
	switch {
	case !overSSH && (key || git.SSHKnownHosts != ""):
		return badContent("An SSH key and known hosts are for repositories with an ssh:// URL; '%.128s' is none.", git.URL)
	case overSSH && (password || git.HTTPSUser != "" || git.HTTPSCACert != ""):
		return badContent("The properties 'httpsUser' and 'httpsCACert' and the protected setting 'httpsKey' are for repositories with an https:// URL; '%.128s' is none.", git.URL)
	case password != (git.HTTPSUser != ""):
		return badContent("The property 'gitRepository.httpsUser' and the protected setting 'httpsKey' are given together or not at all.")
	default:
		return nil
	}
}

func checkGitRef(ref *fairlead.FluxGitRef) error {
	if ref == nil {
		return nil
	}
	for name, value := range map[string]string{"branch": ref.Branch, "tag": ref.Tag} {
		if len(value) > maxRef || strings.ContainsAny(value, " ~^:?*[\\\x00\n\r\t") || strings.HasPrefix(value, "-") || strings.Contains(value, "..") {
			return badContent("The property 'gitRepository.repositoryRef.%s' is no name that Git takes: '%.128s'.", name, value)
		}
	}
	if ref.Commit != "" && !commitName.MatchString(ref.Commit) {
		return badContent("The property 'gitRepository.repositoryRef.commit' is the whole hash of a commit, 40 digits, not '%.128s'.", ref.Commit)
	}
	return checkSemVer("gitRepository", ref.SemVer)
}

func checkSemVer(property, text string) error {
	if text == "" {
		return nil
	}
	if _, err := semver.NewConstraint(text); err != nil || len(text) > maxRef {
		return badContent("The property '%s.repositoryRef.semver' is a range of versions such as '>=1.2.0 <2', not '%.128s'.", property, text)
	}
	return nil
}

// checkKnownHosts wants base64 of lines as ~/.ssh/known_hosts has them.
func checkKnownHosts(text string) error {
	plain, err := decoded(text)
	if err != nil {
		return badContent("The property 'gitRepository.sshKnownHosts' must be base64 of lines as in ~/.ssh/known_hosts.")
	}
	for line := range strings.Lines(plain) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, _, _, _, _, err := ssh.ParseKnownHosts([]byte(line)); err != nil { //nolint:dogsled // only whether it can be read
			return badContent("The property 'gitRepository.sshKnownHosts' has a line that is not as in ~/.ssh/known_hosts: '%.64s'.", line)
		}
	}
	return nil
}

func checkAuthority(property, text string) error {
	if text == "" {
		return nil
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !x509.NewCertPool().AppendCertsFromPEM(plain) {
		return badContent("The property '%s' must be base64 of certificates in PEM.", property)
	}
	return nil
}

func checkKey(text string) error {
	if text == "" {
		return nil
	}
	_, err := ssh.ParseRawPrivateKey([]byte(text))
	if _, locked := errors.AsType[*ssh.PassphraseMissingError](err); locked {
		return badContent("The protected setting 'sshPrivateKey' has a passphrase, which nobody in the cluster could type. Give a key without one.")
	}
	if err != nil {
		return badContent("The protected setting 'sshPrivateKey' must be base64 of a private key in PEM: RSA, ECDSA or Ed25519.")
	}
	return nil
}

func checkBucket(bucket fairlead.FluxBucket, secrets map[string]string) error {
	read, err := sourceURL("bucket", bucket.URL, "https", "http")
	if err != nil {
		return err
	}
	_, secret := secrets[fairlead.FluxBucketSecret]
	switch {
	case read.Scheme == "http" && !bucket.Insecure:
		return badContent("The property 'bucket.insecure' must be true for a URL that begins with http://.")
	case !bucketName.MatchString(bucket.BucketName):
		return badContent("The property 'bucket.bucketName' is the name of a bucket, which has 3 to 63 lower-case letters, digits, '-' and '.'; '%.128s' is none.", bucket.BucketName)
	case secret != (bucket.AccessKey != ""):
		return badContent("The property 'bucket.accessKey' and the protected setting 'bucketSecretKey' are given together or not at all.")
	}
	return checkLocal(bucket.LocalAuthRef, secret)
}

func checkBlob(blob fairlead.FluxBlob, secrets map[string]string) error {
	if _, err := sourceURL("azureBlob", blob.URL, "https", "http"); err != nil {
		return err
	}
	if !bucketName.MatchString(blob.ContainerName) {
		return badContent("The property 'azureBlob.containerName' is the name of a container, which has 3 to 63 lower-case letters, digits and '-'; '%.128s' is none.", blob.ContainerName)
	}
	_, key := secrets[fairlead.FluxBlobKey]
	_, token := secrets[fairlead.FluxBlobSAS]
	principal, identity := blob.ServicePrincipal != nil, blob.ManagedIdentity != nil
	ways := 0
	for _, way := range []bool{key, token, principal, identity} {
		if way {
			ways++
		}
	}
	if ways > 1 {
		return badContent("A container of Azure is read in one way: with 'servicePrincipal', 'accountKey', 'sasToken', 'managedIdentity' or 'localAuthRef'.")
	}
	if err := checkPrincipal(blob.ServicePrincipal, secrets); err != nil {
		return err
	}
	return checkLocal(blob.LocalAuthRef, ways > 0)
}

func checkPrincipal(principal *fairlead.FluxServicePrincipal, secrets map[string]string) error {
	_, secret := secrets[fairlead.FluxSPSecret]
	_, certificate := secrets[fairlead.FluxSPCertificate]
	_, password := secrets[fairlead.FluxSPPassword]
	switch {
	case principal == nil && (secret || certificate || password):
		return badContent("The protected settings 'clientSecret', 'clientCertificate' and 'clientCertificatePassword' are of 'azureBlob.servicePrincipal', which is not given.")
	case principal == nil:
		return nil
	case principal.ClientID == "" || principal.TenantID == "" || secret == certificate:
		return badContent("The property 'azureBlob.servicePrincipal' needs 'clientId', 'tenantId' and either 'clientSecret' or 'clientCertificate'.")
	case password && !certificate:
		return badContent("The property 'azureBlob.servicePrincipal.clientCertificatePassword' is for a 'clientCertificate'.")
	default:
		return nil
	}
}

func checkOCI(artifact fairlead.FluxOCI, secrets map[string]string) error {
	read, err := sourceURL("ociRepository", artifact.URL, "oci")
	if err != nil {
		return err
	}
	_, user := secrets[fairlead.FluxOCIUser]
	_, password := secrets[fairlead.FluxOCIPassword]
	switch {
	case strings.Trim(read.Path, "/") == "" || strings.Contains(read.Path, ":") || strings.Contains(read.Path, "@"):
		return badContent("The property 'ociRepository.url' is oci://HOST/PATH; a tag or digest stands in 'repositoryRef'.")
	case user != password:
		return badContent("The protected settings 'ociUser' and 'ociPassword' are given together or not at all.")
	}
	if err := checkLocal(artifact.LocalAuthRef, user); err != nil {
		return err
	}
	if err := checkAuthority("ociRepository.tlsConfig.caCertificate", artifact.TLSCACert); err != nil {
		return err
	}
	ref := artifact.RepositoryRef
	switch {
	case ref == nil:
		return nil
	case ref.Digest != "" && !digestName.MatchString(ref.Digest):
		return badContent("The property 'ociRepository.repositoryRef.digest' is such as sha256:…, not '%.128s'.", ref.Digest)
	case len(ref.Tag) > 128:
		return badContent("The property 'ociRepository.repositoryRef.tag' has at most 128 characters.")
	}
	return checkSemVer("ociRepository", ref.SemVer)
}
