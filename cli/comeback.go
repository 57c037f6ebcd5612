package cli

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/cli/profile"
	"github.com/fairlead/fairlead/client"
)

// comeBack adds to an error of somebody whom the hub does not take any more how they sign in there again.
func (s *session) comeBack(err error) error {
	var own *hinted
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(err, errSignedOut):
		if p, failed := s.profile(); failed == nil && p.Config.Former != nil {
			return &hinted{err, signInCommand(*p.Config.Former)}
		}
	case s.asked.URL != "" && unknownThere(err):
		return &hinted{err, signInCommand(s.asked)}
	}
	return err
}

// again says what a person whom the hub has not let in types to try once more.
func again(err error, entry profile.Hub) error {
	if !unknownThere(err) {
		return err
	}
	name := entry.ClientID
	entry.ClientID = ""
	command := signInCommand(entry)
	if name != "" {
		command += " --username " + quoted(name)
	}
	return &hinted{err, command}
}

// unknownThere reports whether it is the hub that does not take who asks: a cluster, or a certificate, may be at fault as well.
func unknownThere(err error) bool {
	code := fairlead.CodeOf(err)
	return slices.Contains([]string{"invalid_grant", "invalid_client", "unauthorized_client"}, code) ||
		fairlead.KindOf(err) == fairlead.Unauthenticated && !slices.Contains([]string{"ClusterUnauthorized", "FingerprintMismatch"}, code)
}

// signInCommand is what somebody types to sign in to a hub as before. A secret or password is asked for.
func signInCommand(entry profile.Hub) string {
	words := []string{"fairlead login --hub", quoted(entry.URL)}
	if trust := trustFlag(entry); trust != "" {
		words = append(words, trust)
	}
	if entry.UserName == "" && entry.ClientID != "" {
		words = append(words, "--service-principal --username", quoted(entry.ClientID))
	}
	if entry.CertificateFile != "" {
		words = append(words, "--certificate", quoted(entry.CertificateFile))
	}
	return strings.Join(words, " ")
}

// trustFlag names the hub's authority by the file that it came from, or by its fingerprint when there is no such file (any more).
func trustFlag(entry profile.Hub) string {
	if entry.AuthorityFile != "" {
		if _, err := os.Stat(entry.AuthorityFile); err == nil {
			return "--ca-file " + quoted(entry.AuthorityFile)
		}
	}
	block, _ := pem.Decode([]byte(entry.Authority))
	if block == nil {
		return ""
	}
	authority, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	return "--ca-fingerprint " + client.Fingerprint(authority)
}
