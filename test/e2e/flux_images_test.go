package e2e_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/test/cluster/image"

	"github.com/fairlead/fairlead/test/e2e/rig"
)

// fluxWithImages is what runs in flux-system with the controllers of images.
const fluxWithImages = "fluxconfig-agent fluxconfig-controller helm-controller image-automation-controller image-reflector-controller " +
	"kustomize-controller notification-controller source-controller"

// images is a stage where Flux follows the tags of an image in the hub's registry.
type images struct {
	*gitops
	kit    string // the program in the image
	door   *rig.SSHServer
	locked *rig.Registry
}

// TestFluxImages is about the controllers that follow an image, which one switches on: a new tag in a registry becomes a commit, and
// that what runs. `make test-flux`.
func TestFluxImages(t *testing.T) {
	t.Parallel()
	g := wholeGitops(t, "helm-controller", "notification-controller", "image-reflector-controller", "image-automation-controller")
	i := &images{gitops: g, kit: g.buildKit()}
	i.opens()
	tell(t, i.on, []part[*images]{
		{"SwitchedOn", imagesAreSwitchedOn},
		{"UnknownAuthority", registryIsNotTrusted},
		{"MayNotPush", pushIsRefused},
		{"NextTag", nextTagIsFollowed},
		{"Logs", imageLogsAreShown},
		{"Tenants", imagesOfOthersAreClosed},
		{"Locked", registryWantsCredentials},
		{"Doctor", doctorSaysNothing},
		{"SwitchedOff", imagesAreSwitchedOff},
		{"Gone", imagesGoWithoutControllers},
	})
}

func (i *images) on(t *testing.T) *images {
	copied := *i
	copied.gitops = i.gitops.on(t)
	return &copied
}

// push puts the kit into the hub's registry under a tag.
func (i *images) push(tag string) {
	i.t.Helper()
	file := filepath.Join(i.t.TempDir(), "till.tar")
	packed := image.Scratch{Reference: "till:" + tag, Files: map[string]string{"/kit": i.kit}, Entrypoint: []string{"/kit", "serve"}}
	if err := packed.WriteFile(file); err != nil {
		i.t.Fatal(err)
	}
	i.must("registry", "push", file, "shop/till:"+tag)
}

// settings changes those of the extension.
func (i *images) settings(pairs ...string) {
	i.t.Helper()
	i.must(append([]string{"k8s-extension", "update", "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", "flux", "--config"}, pairs...)...)
}

func imagesAreSwitchedOn(i *images) {
	i.must("k8s-extension", "create", "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", "flux", "--extension-type", "microsoft.flux",
		"--config", "image-automation-controller.enabled=true", "image-reflector-controller.enabled=true")
	i.runs(fluxWithImages)
}

// till is a program whose tag a policy chooses.
func (i *images) till(tag string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: till, namespace: shops}
spec:
  selector: {matchLabels: {app: till}}
  template:
    metadata: {labels: {app: till}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: till
          image: %s/shop/till:%s # {"$imagepolicy": "shops:till"}
          readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
`, i.hub.Address, tag)
}

// watched has the objects that follow the image.
func (i *images) watched() string {
	return fmt.Sprintf(`apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageRepository
metadata: {name: till, namespace: shops}
spec: {image: %s/shop/till, interval: 5s}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: till, namespace: shops}
spec: {imageRepositoryRef: {name: till}, policy: {semver: {range: 1.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: till, namespace: shops}
spec:
  interval: 5s
  sourceRef: {kind: GitRepository, name: shop}
  git:
    commit: {author: {name: Till, email: till@example.org}}
    push: {branch: main}
  update: {path: ./app}
`, i.hub.Address)
}

// pulled is the newest commit, and what it says of the program.
func (i *images) pulled() (commit, till string) {
	i.t.Helper()
	commit, err := i.git.Pull(i.t.Context())
	if err != nil {
		i.t.Fatal(err)
	}
	if till, err = i.git.Read("app/till.yaml"); err != nil {
		i.t.Fatal(err)
	}
	return commit, till
}

// sells waits until a commit with a tag is in the repository, the hub says that the cluster is so, and the tag runs.
func (i *images) sells(tag string) string {
	i.t.Helper()
	begin, commit := time.Now(), ""
	i.eventually(2*time.Minute, func() string {
		var file string
		if commit, file = i.pulled(); !strings.Contains(file, "/shop/till:"+tag+" #") {
			return "the repository has\n" + file
		}
		state := i.state("shop")
		if state.ComplianceState != rig.FluxCompliant || !strings.HasSuffix(state.SourceSyncedCommitID, commit) {
			return fmt.Sprintf("%s at %s: %s", state.ComplianceState, state.SourceSyncedCommitID, state.ErrorMessage)
		}
		return ""
	})
	i.t.Logf("from the change to the hub's word that tag %s runs: %s", tag, time.Since(begin).Round(100*time.Millisecond))
	running := i.kubectl("get", "deployment", "till", "-n", "shops", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.status.updatedReplicas} {.status.readyReplicas}")
	if wanted := i.hub.Address + "/shop/till:" + tag + " 1 1"; running != wanted {
		i.t.Errorf("there runs %s, want %s", running, wanted)
	}
	return commit
}

// registryIsNotTrusted lets the cluster look into a registry whose authority it does not know.
func registryIsNotTrusted(i *images) {
	i.push("1.0.0")
	commit := i.commit("a till", map[string]string{"app/till.yaml": i.till("1.0.0"), "app/images.yaml": i.watched()})
	i.server.AskToPush("till", writerPassword)
	i.follows("shop", "shops", "cluster")
	i.says("shop", "ImageRepository shops/till: ", "x509: ", "spec.certSecretRef", "trust.caBundle")
	i.settings("trust.caBundle=" + read(i.t, i.hub.CAFile()))
	if after := i.sells("1.0.0"); after != commit {
		i.t.Errorf("there is nothing new, and commit %s", after)
	}
	i.runs(fluxWithImages)
}

const writerPassword = "capstan-29"

// pushIsRefused: anybody may read the repository, and the configuration has no password to write.
func pushIsRefused(i *images) {
	i.push("1.1.0")
	i.says("shop", "ImageUpdateAutomation shops/till: ", "authentication required", "may not push", "--https-key-file")
	i.flux("update", "shop", "--https-user", "till", "--https-key-file", i.file(writerPassword))
	i.sells("1.1.0")
	i.hides("shop", writerPassword)
}

// nextTagIsFollowed pushes a tag that the policy does not take, and one that it does.
func nextTagIsFollowed(i *images) {
	i.push("2.0.0")
	i.push("1.2.0")
	i.sells("1.2.0")
	out := i.must("k8s-configuration", "flux", "deployed-object", "list", "-g", "default", "-c", edge, "-t", "connectedClusters", "-n", "shop", "-o", "json")
	var objects []struct{ Kind, Name, ComplianceState string }
	if err := json.Unmarshal([]byte(out), &objects); err != nil {
		i.t.Fatal(err)
	}
	var kinds []string
	for _, one := range objects {
		if one.Name == "till" && one.ComplianceState == rig.FluxCompliant {
			kinds = append(kinds, one.Kind)
		}
	}
	slices.Sort(kinds)
	if wanted := []string{"ImagePolicy", "ImageRepository", "ImageUpdateAutomation"}; !slices.Equal(kinds, wanted) {
		i.t.Errorf("of the image the hub shows %q:\n%s", kinds, out)
	}
}
