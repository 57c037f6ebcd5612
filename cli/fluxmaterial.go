package cli

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// material is something that is given as a text or in a file, such as a key. Path is where it stands among the properties of its
// kind of source; that of a secret is the name of a protected setting.
type material struct {
	flag, kind, path, usage string
	secret                  bool
	encoded                 bool // the flag's own value is base64, as az has it; a file holds the thing itself
}

func materials() []material {
	return []material{
		{flag: "ssh-private-key", kind: fairlead.SourceGit, path: fairlead.FluxSSHPrivateKey, usage: "private SSH key", secret: true, encoded: true},
		{flag: "https-key", kind: fairlead.SourceGit, path: fairlead.FluxHTTPSKey, usage: "password or token for the repository", secret: true},
		{flag: "known-hosts", kind: fairlead.SourceGit, path: "sshKnownHosts", usage: "lines as in ~/.ssh/known_hosts", encoded: true},
		{flag: "https-ca-cert", kind: fairlead.SourceGit, path: "httpsCACert", usage: "certificates (PEM) that vouch for the repository's server", encoded: true},
		{flag: "bucket-secret-key", kind: fairlead.SourceBucket, path: fairlead.FluxBucketSecret, usage: "secret of the access key", secret: true},
		{flag: "account-key", kind: fairlead.SourceAzureBlob, path: fairlead.FluxBlobKey, usage: "shared key of the storage account", secret: true},
		{flag: "sas-token", kind: fairlead.SourceAzureBlob, path: fairlead.FluxBlobSAS, usage: "SAS token for the container", secret: true},
		{flag: "sp-client-secret", kind: fairlead.SourceAzureBlob, path: fairlead.FluxSPSecret, usage: "secret of the service principal", secret: true},
		{flag: "sp-client-cert", kind: fairlead.SourceAzureBlob, path: fairlead.FluxSPCertificate, usage: "certificate of the service principal, with its key", secret: true, encoded: true},
		{flag: "sp-cert-password", kind: fairlead.SourceAzureBlob, path: fairlead.FluxSPPassword, usage: "password of that certificate", secret: true},
		{flag: "oci-user", kind: fairlead.SourceOCI, path: fairlead.FluxOCIUser, usage: "user at the registry", secret: true},
		{flag: "oci-password", kind: fairlead.SourceOCI, path: fairlead.FluxOCIPassword, usage: "password at the registry", secret: true},
		{flag: "tls-ca-certificate", kind: fairlead.SourceOCI, path: "tlsConfig.caCertificate", usage: "certificates (PEM) that vouch for the registry", encoded: true},
	}
}

// materialFlags are the values of such flags, by the flags' names.
type materialFlags struct{ texts, files map[string]*string }

func (f *materialFlags) offer(command *cobra.Command, all []material) {
	f.texts, f.files = map[string]*string{}, map[string]*string{}
	set := command.Flags()
	for _, one := range all {
		usage := one.usage
		switch {
		case one.encoded:
			usage += ", in base64"
		case one.secret && one.flag != "oci-user":
			usage += "; it can be seen in the list of processes and in the shell's history: better give a file"
		}
		f.texts[one.flag] = set.String(one.flag, "", usage)
		f.files[one.flag] = set.String(one.flag+"-file", "", "file with the "+one.usage+"; - for standard input")
		command.MarkFlagsMutuallyExclusive(one.flag, one.flag+"-file")
	}
}

// read returns what was given in base64, by flag. No error quotes any of it.
func (f *materialFlags) read(ctx context.Context, s *session, all []material) (map[string]string, error) {
	found, piped := map[string]string{}, ""
	for _, one := range all {
		text, file := *f.texts[one.flag], *f.files[one.flag]
		switch {
		case file == "-" && piped != "":
			return nil, usagef("--%s-file and --%s-file cannot both be standard input", piped, one.flag)
		case file != "":
			content, err := s.settingsFile(ctx, one.flag+"-file", file)
			if err != nil {
				return nil, err
			}
			if file == "-" {
				piped = one.flag
			}
			found[one.flag] = base64.StdEncoding.EncodeToString(trimmed(one, content))
		case text != "" && one.encoded:
			if _, err := base64.StdEncoding.DecodeString(text); err != nil {
				return nil, usagef("--%s is not base64; a file as it is goes to --%s-file", one.flag, one.flag)
			}
			found[one.flag] = text
		case text != "":
			found[one.flag] = base64.StdEncoding.EncodeToString([]byte(text))
		}
		if text != "" && one.secret && one.flag != "oci-user" {
			s.warn("--%s on the command line can be read by other processes and stays in the shell's history; --%s-file FILE, or - for standard input, keeps it out of both", one.flag, one.flag)
		}
	}
	return found, nil
}

// trimmed is a file's content without the line end that editors add; keys and certificates keep theirs.
func trimmed(of material, content []byte) []byte {
	if of.encoded {
		return content
	}
	return []byte(strings.TrimRight(string(content), "\r\n"))
}

// place puts what was read where it belongs: secrets among the protected settings, the rest into the source.
func place(all []material, found map[string]string, source, protected client.Document) {
	for _, one := range all {
		text, given := found[one.flag]
		switch {
		case !given:
		case one.secret:
			protected[one.path] = text
		default:
			outer, inner, nested := strings.Cut(one.path, ".")
			if nested {
				source[outer] = client.Document{inner: text}
				continue
			}
			source[outer] = text
		}
	}
}

// givenMaterial are the flags of a command that were given and are for another kind of source.
func givenMaterial(command *cobra.Command, kind string) []string {
	var wrong []string
	for _, one := range materials() {
		for _, flag := range []string{one.flag, one.flag + "-file"} {
			if command.Flags().Changed(flag) && one.kind != kind && !slices.Contains(wrong, "--"+flag) {
				wrong = append(wrong, "--"+flag)
			}
		}
	}
	return wrong
}
