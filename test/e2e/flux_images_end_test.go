package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// imageLine is a line of `flux logs`.
type imageLine struct{ Level, Controller, Kind, Namespace, Name, Message, Error string }

func (i *images) lines() []imageLine {
	i.t.Helper()
	var lines []imageLine
	if err := json.Unmarshal([]byte(i.flux("logs", "shop", "-o", "json")), &lines); err != nil {
		i.t.Fatal(err)
	}
	return lines
}

// imageLogsAreShown looks at the hub for what the controllers have written in the steps before.
func imageLogsAreShown(i *images) {
	wanted := map[string]func(imageLine) bool{
		"that an authority is unknown": func(l imageLine) bool {
			return l.Controller == "image-reflector-controller" && l.Kind == "ImageRepository" && strings.Contains(l.Message+l.Error, "x509: ")
		},
		"which tag was chosen": func(l imageLine) bool {
			return l.Controller == "image-reflector-controller" && l.Kind == "ImagePolicy" && strings.Contains(l.Message, "1.2.0")
		},
		"what was pushed": func(l imageLine) bool {
			return l.Controller == "image-automation-controller" && l.Kind == "ImageUpdateAutomation" && l.Level == "info" && strings.Contains(l.Message, "pushed commit")
		},
	}
	i.eventually(time.Minute, func() string {
		lines := i.lines()
		for what, says := range wanted {
			if !slices.ContainsFunc(lines, says) {
				return fmt.Sprintf("no line says %s:\n%+v", what, lines)
			}
		}
		return ""
	})
}

// reaching has objects of one namespace that want those of another.
const reaching = `apiVersion: v1
kind: Namespace
metadata: {name: rival}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImagePolicy
metadata: {name: spy, namespace: rival}
spec: {imageRepositoryRef: {name: till, namespace: shops}, policy: {semver: {range: 1.x}}}
---
apiVersion: image.toolkit.fluxcd.io/v1
kind: ImageUpdateAutomation
metadata: {name: spy, namespace: rival}
spec:
  interval: 5s
  sourceRef: {kind: GitRepository, name: shop, namespace: shops}
  git: {commit: {author: {name: Spy, email: spy@example.org}}, push: {branch: main}}
`

// imagesOfOthersAreClosed reaches for the image and the repository from another namespace; what is written of that is not the configuration's.
func imagesOfOthersAreClosed(i *images) {
	i.apply(reaching)
	for _, object := range []string{"imagepolicy/spy", "imageupdateautomation/spy"} {
		i.eventually(30*time.Second, func() string {
			said := i.kubectl("get", object, "-n", "rival", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].message}`)
			if !strings.Contains(said, "cross-namespace references have been blocked") {
				return object + " says " + said
			}
			return ""
		})
	}
	i.kubectl("delete", "namespace", "rival")
	for _, line := range i.lines() {
		if line.Namespace == "rival" {
			i.t.Errorf("the configuration is shown what is not its own: %+v", line)
		}
	}
}

func doctorSaysNothing(i *images) {
	i.becomesHealthy("ARC", "EXT", "FLX", "HLM", "NET")
	i.runs(fluxWithImages)
}
