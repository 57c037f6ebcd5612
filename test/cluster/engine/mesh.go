package engine

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/fairlead/fairlead/test/cluster/image"
	"github.com/fairlead/fairlead/test/cluster/recipe"
)

// MeshCurlImage is the image with curl that LoadMesh brings along. Its tag is not latest, which nodes pull anew for each pod.
const MeshCurlImage = "docker.io/curlimages/curl:fairlead"

// LoadMesh puts the control plane of Open Service Mesh on the node, under the names that its chart has for the images. What runs beside
// people's own containers is not among it: Envoy is no program in Go. The first time on a machine it compiles the programs, and tells
// progress how far it is.
func (c *Cluster) LoadMesh(ctx context.Context, progress io.Writer) error {
	if err := install(ctx, progress, meshTools()); err != nil {
		return err
	}
	packings, err := meshPackings(ctx)
	if err != nil {
		return err
	}
	if err := c.LoadPrograms(ctx, progress, packings...); err != nil {
		return err
	}
	curl, err := withLibraries(ctx, "/usr/bin/curl", "/curl")
	if err != nil {
		return err
	}
	return c.LoadScratch(ctx, image.Scratch{Reference: MeshCurlImage, Files: curl, Entrypoint: []string{"/curl"}})
}

// meshTools are the programs of Debian that images of the mesh have in them.
func meshTools() map[string]string {
	return map[string]string{"/usr/bin/curl": "curl", "/bin/dash": "dash", "/usr/bin/ldd": "libc-bin"}
}

// meshPackings has the mesh's images as its Dockerfiles make them, with Debian's dash where they have the shell of busybox.
func meshPackings(ctx context.Context) ([]Packing, error) {
	version, err := recipe.ModuleVersion(recipe.OSMBootstrap)
	if err != nil {
		return nil, err
	}
	definitions, err := meshDefinitions(ctx, version)
	if err != nil {
		return nil, err
	}
	shell, err := withLibraries(ctx, "/bin/dash", "/sh")
	if err != nil {
		return nil, err
	}
	maps.Copy(shell, definitions)
	packings := []Packing{{Program: recipe.Kubectl, Repository: "docker.io/openservicemesh/osm-crds", Tag: version, Inside: "/kubectl", Files: shell}}
	for _, program := range []recipe.Program{recipe.OSMBootstrap, recipe.OSMController, recipe.OSMInjector, recipe.OSMPreinstall} {
		packing := Packing{Program: program, Repository: "docker.io/openservicemesh/" + string(program), Inside: "/" + string(program)}
		if program == recipe.OSMBootstrap {
			packing.Files = definitions
		}
		packings = append(packings, packing)
	}
	return packings, nil
}

// meshDefinitions are the custom resource definitions of the mesh, at their paths in its images.
func meshDefinitions(ctx context.Context, version string) (map[string]string, error) {
	source, err := recipe.Source(ctx, recipe.OSMModule, version)
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(source, "cmd", "osm-bootstrap", "crds", "*.yaml"))
	if err != nil {
		return nil, fmt.Errorf("find the definitions of the mesh: %w", err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s %s has no definitions", recipe.OSMModule, version)
	}
	placed := map[string]string{}
	for _, file := range files {
		placed["/osm-crds/"+filepath.Base(file)] = file
	}
	return placed, nil
}

// withLibraries places a program of this machine at a path of an image, with the libraries that it loads where it looks for them.
func withLibraries(ctx context.Context, program, inside string) (map[string]string, error) {
	if _, err := exec.LookPath(program); err != nil {
		return nil, err
	}
	out, err := output(command(ctx, "ldd", program), "ldd "+program)
	if err != nil {
		return nil, err
	}
	placed := map[string]string{inside: program}
	for word := range strings.FieldsSeq(out) {
		if path.IsAbs(word) {
			placed[word] = word
		}
	}
	return placed, nil
}
