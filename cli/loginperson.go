package cli

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

// loginKind is as whom somebody signs in.
type loginKind int

const (
	asPrincipal loginKind = iota
	asPersonWithPassword
	asPersonOnDevice
)

// kind decides as az does, except that an application id, which no user has as a name, needs no --service-principal.
func (f loginFlags) kind(name string) loginKind {
	_, err := uuid.Parse(name)
	switch {
	case f.deviceCode:
		return asPersonOnDevice
	case f.servicePrincipal || f.certificate != "" || f.credentialFile != "" || name != "" && err == nil:
		return asPrincipal
	case name != "":
		return asPersonWithPassword
	}
	return asPersonOnDevice
}

// signInPerson signs a person in to the hub of entry and returns what the next commands use.
func (s *session) signInPerson(ctx context.Context, entry profile.Hub, flags loginFlags) (profile.Hub, client.Session, error) {
	userName := entry.ClientID
	entry.ClientID = fairlead.CommandLineApp
	credentials, err := s.credentials(entry, "")
	if err != nil {
		return entry, client.Session{}, err
	}
	var found client.Session
	credentials.Name = first(userName, "you")
	if flags.kind(userName) == asPersonOnDevice {
		found, err = credentials.SignInWithDevice(ctx, s.showDevice)
	} else {
		var typed client.Secret
		if typed, err = s.secret(ctx, flags.password, "", "Password: "); err == nil {
			found, err = credentials.SignInWithPassword(ctx, userName, typed)
		}
	}
	if err == nil && found.Refresh == "" {
		err = fairlead.Errorf(fairlead.Unauthenticated, "the hub %s does not keep people signed in: is it older than this program?", entry.URL)
	}
	entry.UserName = first(found.UserName, userName)
	return entry, found, err
}

func (s *session) showDevice(code client.DeviceCode) error {
	return s.say(s.streams.Err, "To sign in, open "+code.Page+" in a browser, on any machine, and enter the code "+code.UserCode+
		".\nThe code is good for "+code.Expires.Round(time.Minute).String()+".")
}

// readCertificate reads the file with the key and the certificate of a service principal.
func readCertificate(path string) (*client.Certificate, error) {
	content, err := os.ReadFile(path) //nolint:gosec // the person names the file
	if err != nil {
		return nil, usagef("the certificate cannot be read: %w", err)
	}
	found, err := client.ReadCertificate(content)
	if err != nil {
		return nil, fairlead.Errorf(fairlead.Invalid, "%s: %w", path, err)
	}
	return found, nil
}

// absolute makes a path good from wherever the next command runs.
func absolute(path string) (string, error) {
	if path == "" {
		return "", nil
	}
	found, err := filepath.Abs(path)
	if err != nil {
		return "", fairlead.Errorf(fairlead.Invalid, "%s: %w", path, err)
	}
	return found, nil
}
