package cli

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

const (
	certificateBits = 3072
	// Clocks differ.
	certificateSkew = 5 * time.Minute
	maxCertificate  = 64 << 10
)

// keyFlags say with what a new service principal is to sign in: a secret unless told otherwise.
type keyFlags struct {
	create bool
	given  string
	years  int
}

func (k *keyFlags) bind(flags *pflag.FlagSet) {
	flags.BoolVar(&k.create, "create-cert", false, "make a certificate and a private key for it to sign in with, in a file that only you can read")
	flags.StringVar(&k.given, "cert", "", "certificate for it to sign in with: PEM, or @FILE; the private key stays where it is")
	flags.IntVar(&k.years, "years", 1, "how long a certificate that is made is good for")
}

func (k *keyFlags) check() error {
	switch {
	case k.create && k.given != "":
		return usagef("--create-cert and --cert: give one of them")
	case k.years < 1 || k.years > 30:
		return usagef("--years: %d is not between 1 and 30", k.years)
	}
	return nil
}

// equip gives a service principal what it signs in with and returns what to show of it.
func (k *keyFlags) equip(ctx context.Context, hub *signedIn, principal client.Document) (map[string]string, error) {
	id := text(principal, "id")
	switch {
	case k.create:
		return k.equipNew(ctx, hub, principal)
	case k.given != "":
		certificate, err := readGiven(k.given)
		if err != nil {
			return nil, err
		}
		_, err = hub.AddKey(ctx, id, certificate)
		return map[string]string{}, err
	}
	added, err := hub.AddPassword(ctx, id)
	return map[string]string{"password": text(added, "secretText")}, err
}

func (k *keyFlags) equipNew(ctx context.Context, hub *signedIn, principal client.Document) (map[string]string, error) {
	content, certificate, err := newCertificate(text(principal, "displayName"), k.years, time.Now())
	if err != nil {
		return nil, err
	}
	if _, err := hub.AddKey(ctx, text(principal, "id"), certificate); err != nil {
		return nil, err
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "no home directory to keep the private key in: %w", err)
	}
	file := filepath.Join(home, "fairlead-"+text(principal, "appId")+".pem")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "the private key cannot be kept: %w", err)
	}
	return map[string]string{"fileWithCertAndPrivateKey": file}, nil
}

// newCertificate makes a key and a certificate for it, as one PEM text and as DER.
func newCertificate(name string, years int, now time.Time) (content, certificate []byte, err error) {
	key, err := rsa.GenerateKey(rand.Reader, certificateBits)
	if err != nil {
		return nil, nil, fmt.Errorf("make a private key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("choose a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, KeyUsage: x509.KeyUsageDigitalSignature,
		NotBefore: now.Add(-certificateSkew), NotAfter: now.AddDate(years, 0, 0), BasicConstraintsValid: true,
	}
	certificate, err = x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, nil, fmt.Errorf("make a certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("write the private key: %w", err)
	}
	content = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	return append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})...), certificate, nil
}

// readGiven returns the certificate that --cert names, and nothing that may lie beside it, such as its private key.
func readGiven(given string) ([]byte, error) {
	content := []byte(given)
	if path, isFile := strings.CutPrefix(given, "@"); isFile {
		read, err := os.ReadFile(path) //nolint:gosec // the person names the file
		if err != nil {
			return nil, usagef("--cert cannot be read: %w", err)
		}
		content = read
	}
	for len(content) > 0 && len(content) <= maxCertificate {
		var block *pem.Block
		block, content = pem.Decode(content)
		if block == nil {
			break
		}
		if block.Type == "CERTIFICATE" {
			return block.Bytes, nil
		}
	}
	return nil, usagef("--cert holds no certificate in PEM form")
}
