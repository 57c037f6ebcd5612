package redact

// The kinds that tokens and the manifest name.
const (
	kindAuthorization = "authorization"
	kindAWS           = "aws-key"
	kindAzureKey      = "azure-key"
	kindAzureSecret   = "azure-client-secret"
	kindBootstrap     = "bootstrap-token"
	kindConnection    = "connection-string"
	kindCookie        = "cookie"
	kindCredential    = "credential"
	kindGitHub        = "github-token"
	kindGitLab        = "gitlab-token"
	kindGoogle        = "google-key"
	kindJWT           = "jwt"
	kindKey           = "key"
	kindPackage       = "package-token"
	kindPassword      = "password"
	kindPrivateKey    = "private-key"
	kindRandom        = "random"
	kindRegistry      = "registry-auth"
	kindSAS           = "sas"
	kindSecret        = "secret"
	kindSecretData    = "secret-data"
	kindSlack         = "slack-token"
	kindText          = "text"
	kindToken         = "token"
	kindURL           = "url-password"
	kindVendor        = "vendor-token"
)

func known(kind string) bool {
	switch kind {
	case kindAuthorization, kindAWS, kindAzureKey, kindAzureSecret, kindBootstrap, kindConnection, kindCookie, kindCredential,
		kindGitHub, kindGitLab, kindGoogle, kindJWT, kindKey, kindPackage, kindPassword, kindPrivateKey, kindRandom, kindRegistry,
		kindSAS, kindSecret, kindSecretData, kindSlack, kindText, kindToken, kindURL, kindVendor:
		return true
	}
	return false
}
