package collect

import (
	"context"
	"crypto/x509"
	"encoding/pem"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

// readCertificates reads the public halves in the Secrets that are needed; nothing else in them is kept.
func (c *collector) readCertificates(ctx context.Context) {
	for _, need := range c.needs(snapshot.Certificates) {
		err := c.call(ctx, func(ctx context.Context) error {
			secret, err := c.api.CoreV1().Secrets(need.Namespace).Get(ctx, need.Name, metav1.GetOptions{})
			if err != nil {
				return absentIsFine(err)
			}
			for key, content := range secret.Data {
				c.keepCertificates(snapshot.Certificate{Namespace: need.Namespace, Secret: need.Name, Key: key}, content)
			}
			return nil
		})
		c.coverOne(snapshot.Certificates, need, err)
	}
}

// keepCertificates keeps the first certificate of a key: that of its owner, before those of authorities.
func (c *collector) keepCertificates(found snapshot.Certificate, content []byte) {
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		if parsed, err := x509.ParseCertificate(block.Bytes); err != nil {
			found.Problem = err.Error()
		} else {
			found.Subject, found.Issuer, found.IsCA = parsed.Subject.String(), parsed.Issuer.String(), parsed.IsCA
			found.NotBefore, found.NotAfter = parsed.NotBefore.UTC(), parsed.NotAfter.UTC()
			found.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: block.Bytes}))
		}
		c.mutex.Lock()
		defer c.mutex.Unlock()
		c.snapshot.Certificates = append(c.snapshot.Certificates, found)
		return
	}
}
