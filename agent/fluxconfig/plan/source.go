package plan

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/kube"
)

func (c Configuration) source() (Object, error) {
	s := c.Spec
	switch {
	case s.SourceKind == fairlead.SourceGit && s.GitRepository != nil:
		return c.sourceObject(kube.GitRepositories(s.Namespace), fairlead.SourceGit, c.git()), nil
	case s.SourceKind == fairlead.SourceBucket && s.Bucket != nil:
		return c.sourceObject(kube.Buckets(s.Namespace), fairlead.SourceBucket, c.s3()), nil
	case s.SourceKind == fairlead.SourceAzureBlob && s.AzureBlob != nil:
		return c.sourceObject(kube.Buckets(s.Namespace), fairlead.SourceBucket, c.blob()), nil
	case s.SourceKind == fairlead.SourceOCI && s.OCIRepository != nil:
		return c.sourceObject(kube.OCIRepositories(s.Namespace), fairlead.SourceOCI, c.oci()), nil
	}
	return Object{}, fairlead.Errorf(fairlead.Invalid, "the configuration names a source of kind %q and does not describe it; give it %s again with its URL", s.SourceKind, s.SourceKind)
}

// sourceObject asks Flux to look at the source at once after each change at the hub: what was changed may be in a Secret, at which Flux
// does not look while it waits longer and longer after failures.
func (c Configuration) sourceObject(where kube.Collection, kind string, spec any) Object {
	meta := c.meta(c.Name)
	meta.Annotations = map[string]string{fluxconfig.AnnotationRequested: strconv.FormatInt(c.Spec.Generation, 10)}
	return Object{where, c.Name, custom{where.TypeMeta(kind), meta, spec}}
}

func (c Configuration) git() gitRepository {
	g := c.Spec.GitRepository
	spec := gitRepository{URL: g.URL, Ref: g.RepositoryRef, SecretRef: c.auth(g.LocalAuthRef), Suspend: c.Spec.Suspend}
	spec.Interval, spec.Timeout = rhythm(g.FluxRhythm)
	return spec
}

func (c Configuration) s3() bucket {
	b := c.Spec.Bucket
	spec := bucket{
		Provider: "generic", Endpoint: hostOf(b.URL), BucketName: b.BucketName, Insecure: b.Insecure, SecretRef: c.auth(b.LocalAuthRef), Suspend: c.Spec.Suspend,
	}
	spec.Interval, spec.Timeout = rhythm(b.FluxRhythm)
	return spec
}

// hostOf takes off a scheme, which a generic bucket's endpoint does not have.
func hostOf(address string) string {
	if parsed, err := url.Parse(address); err == nil && parsed.Host != "" {
		return parsed.Host
	}
	return address
}

func (c Configuration) blob() bucket {
	b := c.Spec.AzureBlob
	spec := bucket{Provider: "azure", Endpoint: b.URL, BucketName: b.ContainerName, SecretRef: c.auth(b.LocalAuthRef), Suspend: c.Spec.Suspend}
	spec.Interval, spec.Timeout = rhythm(b.FluxRhythm)
	return spec
}

func (c Configuration) oci() ociRepository {
	o := c.Spec.OCIRepository
	spec := ociRepository{URL: o.URL, Ref: o.RepositoryRef, Insecure: o.Insecure, SecretRef: c.auth(o.LocalAuthRef), Suspend: c.Spec.Suspend}
	spec.Interval, spec.Timeout = rhythm(o.FluxRhythm)
	if o.TLSCACert != "" {
		spec.CertSecretRef = &reference{Name: fluxconfig.TrustSecret(c.Name)}
	}
	if c.NodeIdentity && spec.SecretRef == nil && strings.HasSuffix(hostOf(o.URL), ".azurecr.io") {
		spec.Provider = "azure"
	}
	return spec
}

// auth names the Secret by which the source is read: a person's own, or that of the configuration.
func (c Configuration) auth(own string) *reference {
	if own != "" {
		return &reference{Name: own}
	}
	if data, err := c.credentials(); err == nil && len(data) > 0 {
		return &reference{Name: c.authName()}
	}
	return nil
}
