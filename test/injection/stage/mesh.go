package stage

import (
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

// The mesh's namespace, and one that is in the mesh.
const (
	MeshNamespace = "arc-osm-system"
	MeshMember    = "bookbuyer"
)

//go:embed mesh/definition.yaml
var meshDefinition string

//go:embed mesh/program.yaml
var meshProgram string

//go:embed mesh/webhook.yaml
var meshWebhook string

//go:embed mesh/member.yaml
var meshMember string

// Mesh is Open Service Mesh as the extension installs it: definitions and configuration are like the real ones, its programs are
// played by the fake.
type Mesh struct {
	*Manifests

	// Authority is the one that the mesh's programs have their certificates from.
	Authority *Authority
}

// NewMesh makes the mesh's authority and fixtures.
func NewMesh() (*Mesh, error) {
	authority, err := NewAuthority("osm-ca.openservicemesh.io", time.Now().Add(-time.Hour), time.Now().Add(10*365*24*time.Hour))
	if err != nil {
		return nil, err
	}
	certificate, key, err := authority.Issue("osm-injector."+MeshNamespace+".svc", "osm-validator."+MeshNamespace+".svc")
	if err != nil {
		return nil, err
	}
	all, err := ReadManifests(strings.Join([]string{meshDefinitions(), meshProgram, meshWebhook, meshMember}, "\n---\n"), map[string]string{
		"Image": Image, "Certificate": certificate, "Key": key, "Bundle": base64.StdEncoding.EncodeToString([]byte(authority.PEM)),
	})
	return &Mesh{Manifests: all, Authority: authority}, err
}

func meshDefinitions() string {
	return strings.Join([]string{
		meshDefinition,
		Definition("meshrootcertificates", "MeshRootCertificate", "config.openservicemesh.io", "v1alpha2"),
		Definition("egresses", "Egress", "policy.openservicemesh.io", "v1alpha1"),
		Definition("ingressbackends", "IngressBackend", "policy.openservicemesh.io", "v1alpha1"),
		Definition("retries", "Retry", "policy.openservicemesh.io", "v1alpha1"),
		Definition("upstreamtrafficsettings", "UpstreamTrafficSetting", "policy.openservicemesh.io", "v1alpha1"),
		Definition("httproutegroups", "HTTPRouteGroup", "specs.smi-spec.io", "v1alpha4"),
		Definition("tcproutes", "TCPRoute", "specs.smi-spec.io", "v1alpha4"),
		Definition("traffictargets", "TrafficTarget", "access.smi-spec.io", "v1alpha3"),
		Definition("trafficsplits", "TrafficSplit", "split.smi-spec.io", "v1alpha2"),
	}, "\n---\n")
}

// layer is what is made at once, and what is waited for then.
type layer struct {
	manifest string
	wait     []string
}

// layers are the definitions, the programs and what is in the mesh: a member's pod can only be made when the injector answers.
func (m *Mesh) layers() []layer {
	var definitions, programs []string
	for _, name := range m.order {
		switch {
		case strings.HasPrefix(name, "CustomResourceDefinition/"):
			definitions = append(definitions, name)
		case name != "Deployment/"+MeshMember:
			programs = append(programs, name)
		}
	}
	return []layer{
		{m.Of(definitions...), []string{"--for=condition=Established", "crd", "--all"}},
		{m.Of(programs...), []string{"--for=condition=Available", "deployments", "--all", "-n", MeshNamespace}},
		{m.Of("Deployment/" + MeshMember), []string{"--for=condition=Available", "deployments", "--all", "-n", MeshMember}},
	}
}

// InstallMesh installs the mesh and waits until it works.
func (s *Stage) InstallMesh(ctx context.Context, mesh *Mesh) error {
	for _, layer := range mesh.layers() {
		if err := s.Apply(ctx, layer.manifest); err != nil {
			return err
		}
		if out, err := s.Cluster.Kubectl(ctx, append([]string{"wait", "--timeout=60s"}, layer.wait...)...); err != nil {
			return fmt.Errorf("install the mesh: %w\n%s", err, out)
		}
	}
	return nil
}
