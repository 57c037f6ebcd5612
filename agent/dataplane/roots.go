package dataplane

import (
	"crypto/x509"
	"encoding/pem"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// publicRoots returns the authorities of the system, or Mozilla's where there is no system: the
// agents' image holds nothing but their binary.
func publicRoots() *x509.CertPool {
	roots, err := x509.SystemCertPool()
	if err == nil && !roots.Equal(x509.NewCertPool()) {
		return roots
	}
	roots = x509.NewCertPool()
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			// Unlike AddCert, this keeps the bytes only, which is most of the memory.
			roots.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
			continue
		}
		if parsed, err := x509.ParseCertificate(root.Certificate); err == nil {
			roots.AddCertWithConstraint(parsed, root.Constraint)
		}
	}
	return roots
}
