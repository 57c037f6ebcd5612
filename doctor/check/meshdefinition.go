package check

import (
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const meshConfigDefinition = "meshconfigs.config.openservicemesh.io"

// meshDefined is one CustomResourceDefinition that the mesh works with.
type meshDefined struct {
	plural, singular, short, kind, group string
	versions                             []string // served, the stored one first
	file                                 string   // in the mesh's own repository
	since                                meshRelease
}

func (d meshDefined) name() string { return d.plural + "." + d.group }

// meshRoutes are the definitions of the Service Mesh Interface, the same since 0.11.
func meshRoutes() []meshDefined {
	return []meshDefined{
		{plural: "httproutegroups", singular: "httproutegroup", short: "htr", kind: "HTTPRouteGroup", group: "specs.smi-spec.io", versions: []string{"v1alpha4"}, file: "smi_http_route_group"},
		{plural: "tcproutes", singular: "tcproute", short: "tr", kind: "TCPRoute", group: "specs.smi-spec.io", versions: []string{"v1alpha4"}, file: "smi_tcp_route"},
		{plural: "traffictargets", singular: "traffictarget", short: "tt", kind: "TrafficTarget", group: "access.smi-spec.io", versions: []string{"v1alpha3"}, file: "smi_traffic_access"},
		{plural: "trafficsplits", singular: "trafficsplit", short: "ts", kind: "TrafficSplit", group: "split.smi-spec.io", versions: []string{"v1alpha2"}, file: "smi_traffic_split"},
	}
}

// meshOwn are the mesh's own definitions; when the version is not known only the first is asked for.
func meshOwn(s *snapshot.Snapshot) []meshDefined {
	const config, policy = "config.openservicemesh.io", "policy.openservicemesh.io"
	version, known := meshVersion(s)
	stored := []string{"v1alpha1"}
	if known && !version.before(1, 1) {
		stored = []string{"v1alpha2", "v1alpha1"}
	}
	all := []meshDefined{
		{plural: "meshconfigs", singular: "meshconfig", kind: "MeshConfig", group: config, versions: stored, file: "config_meshconfig"},
		{plural: "egresses", singular: "egress", kind: "Egress", group: policy, versions: []string{"v1alpha1"}, file: "policy_egress", since: meshRelease{0, 11}},
		{plural: "ingressbackends", singular: "ingressbackend", kind: "IngressBackend", group: policy, versions: []string{"v1alpha1"}, file: "policy_ingress_backend", since: meshRelease{0, 11}},
		{plural: "retries", singular: "retry", kind: "Retry", group: policy, versions: []string{"v1alpha1"}, file: "policy_retry", since: meshRelease{1, 1}},
		{plural: "upstreamtrafficsettings", singular: "upstreamtrafficsetting", kind: "UpstreamTrafficSetting", group: policy, versions: []string{"v1alpha1"}, file: "policy_upstream_traffic_setting", since: meshRelease{1, 1}},
		{plural: "meshrootcertificates", singular: "meshrootcertificate", short: "mrc", kind: "MeshRootCertificate", group: config, versions: []string{"v1alpha2"}, file: "config_mesh_root_certificate", since: meshRelease{1, 2}},
	}
	var wanted []meshDefined
	for i, definition := range all {
		if i == 0 || known && !version.before(definition.since.major, definition.since.minor) {
			wanted = append(wanted, definition)
		}
	}
	return wanted
}

// meshRelease is a version of the mesh, without its patch.
type meshRelease struct{ major, minor int }

func (r meshRelease) before(major, minor int) bool {
	return r.major < major || r.major == major && r.minor < minor
}

// meshVersion reads the controller's version off its image, its label or its flag.
func meshVersion(s *snapshot.Snapshot) (meshRelease, bool) {
	d := meshController().find(s)
	if d == nil {
		return meshRelease{}, false
	}
	var candidates []string
	for i := range d.Spec.Template.Spec.Containers {
		container := &d.Spec.Template.Spec.Containers[i]
		image, _, _ := strings.Cut(container.Image, "@")
		if at := strings.LastIndex(image, ":"); at >= 0 && strings.Contains(image, "osm-controller") {
			candidates = append(candidates, image[at+1:])
		}
		for j, arg := range container.Args {
			if arg == "--osm-version" && j+1 < len(container.Args) {
				candidates = append(candidates, container.Args[j+1])
			}
		}
	}
	for _, candidate := range append(candidates, d.Labels["app.kubernetes.io/version"]) {
		if parts := regexp.MustCompile(`^v?(\d{1,4})\.(\d{1,4})(\.|$)`).FindStringSubmatch(candidate); parts != nil {
			major, _ := strconv.Atoi(parts[1])
			minor, _ := strconv.Atoi(parts[2])
			return meshRelease{major, minor}, true
		}
	}
	return meshRelease{}, false
}

// meshBranch is where the mesh's repository keeps the definitions of a version: those of 1.0 when it is not known, as in the guide.
func meshBranch(s *snapshot.Snapshot) string {
	version, known := meshVersion(s)
	switch {
	case !known, version.before(1, 1):
		return "release-v1.0"
	case version.before(1, 2):
		return "release-v1.1"
	}
	return "release-v1.2"
}

func meshDefinition(s *snapshot.Snapshot, name string) *unstructured.Unstructured {
	for i := range s.Definitions {
		if s.Definitions[i].GetName() == name {
			return &s.Definitions[i]
		}
	}
	return nil
}

func meshRouteDefinitions() doctor.Check {
	return doctor.Check{
		ID: "OSM-24", Severity: doctor.High, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Definitions)},
		Eval: func(s *snapshot.Snapshot) []doctor.Finding { return meshMissing(s, meshRoutes()) },
	}
}

// meshOwnDefinitions fails only without the first: the mesh works without a kind of policy that nobody can use then.
func meshOwnDefinitions() doctor.Check {
	return doctor.Check{
		ID: "OSM-26", Severity: doctor.High, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Definitions)},
		Eval: func(s *snapshot.Snapshot) []doctor.Finding {
			found := meshMissing(s, meshOwn(s))
			if len(found) > 0 && meshDefinition(s, meshConfigDefinition) != nil {
				found[0].Status, found[0].Severity, found[0].Key = doctor.Warn, doctor.Medium, "policies"
			}
			return found
		},
	}
}

func meshMissing(s *snapshot.Snapshot, wanted []meshDefined) []doctor.Finding {
	finding := doctor.Finding{Status: doctor.Fail, Key: "missing"}
	remedy := doctor.Remedy{Key: "apply", Args: map[string]string{"branch": meshBranch(s)}, Risk: doctor.Ask}
	var names []string
	for _, definition := range wanted {
		if meshDefinition(s, definition.name()) != nil {
			continue
		}
		names = append(names, definition.name())
		finding.Objects = append(finding.Objects, doctor.Object{Kind: "CustomResourceDefinition", Name: definition.name()})
		remedy.Commands = append(remedy.Commands, definition.command(s))
		remedy.Actions = append(remedy.Actions, definition.action())
	}
	if len(names) == 0 {
		return nil
	}
	finding.Args = map[string]string{"names": strings.Join(names, ", "), "count": strconv.Itoa(len(names))}
	finding.Evidence = []doctor.Evidence{{Source: "api", Text: "not among the CustomResourceDefinitions: " + finding.Args["names"]}}
	finding.Remedies = []doctor.Remedy{remedy}
	return []doctor.Finding{finding}
}

func (d meshDefined) command(s *snapshot.Snapshot) string {
	return "kubectl apply -f https://raw.githubusercontent.com/openservicemesh/osm/" + meshBranch(s) + "/cmd/osm-bootstrap/crds/" + d.file + ".yaml"
}

// action makes a definition that lets any fields pass: enough for the mesh to start and for policies to be kept. The mesh's own
// files check fields as well.
func (d meshDefined) action() doctor.Action {
	names := map[string]any{"plural": d.plural, "singular": d.singular, "kind": d.kind, "listKind": d.kind + "List"}
	if d.short != "" {
		names["shortNames"] = []string{d.short}
	}
	var versions []map[string]any
	for i, version := range d.versions {
		versions = append(versions, map[string]any{
			"name": version, "served": true, "storage": i == 0,
			"schema": map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
		})
	}
	body := map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": d.name()},
		"spec": map[string]any{"group": d.group, "scope": "Namespaced", "names": names, "versions": versions},
	}
	return doctor.Action{
		Verb: doctor.Apply, APIVersion: "apiextensions.k8s.io/v1", Resource: "customresourcedefinitions", Name: d.name(), Body: meshJSON(body),
	}
}

func meshRouteVersions() doctor.Check {
	return doctor.Check{
		ID: "OSM-25", Severity: doctor.High, Eval: judgeMeshVersions, Needs: []snapshot.Need{snapshot.Everywhere(snapshot.Definitions)},
	}
}

// judgeMeshVersions leaves definitions that are not there to OSM-24.
func judgeMeshVersions(s *snapshot.Snapshot) []doctor.Finding {
	finding := doctor.Finding{Status: doctor.Fail, Key: "notServed"}
	remedy := doctor.Remedy{Key: "apply", Args: map[string]string{"branch": meshBranch(s)}, Risk: doctor.Manual}
	var lacking []string
	for _, wanted := range meshRoutes() {
		definition := meshDefinition(s, wanted.name())
		if definition == nil {
			continue
		}
		served := meshServed(definition)
		if strings.Contains(" "+served+" ", " "+wanted.versions[0]+" ") {
			continue
		}
		object := doctor.Object{Kind: "CustomResourceDefinition", Name: wanted.name()}
		lacking = append(lacking, wanted.kind+" "+wanted.versions[0])
		finding.Objects = append(finding.Objects, object)
		finding.Evidence = append(finding.Evidence, meshSeen("spec", object, "served: "+served)...)
		remedy.Commands = append(remedy.Commands, wanted.command(s))
	}
	if len(lacking) == 0 {
		return nil
	}
	finding.Args = map[string]string{"versions": strings.Join(lacking, ", ")}
	finding.Remedies = []doctor.Remedy{remedy}
	return []doctor.Finding{finding}
}

// meshServed lists the versions that a definition serves.
func meshServed(definition *unstructured.Unstructured) string {
	versions, _, err := unstructured.NestedSlice(definition.Object, "spec", "versions")
	if err != nil {
		return ""
	}
	var served []string
	for _, version := range versions {
		fields, ok := version.(map[string]any)
		name, named := fields["name"].(string)
		if ok && named && fields["served"] == true {
			served = append(served, name)
		}
	}
	return strings.Join(served, " ")
}
