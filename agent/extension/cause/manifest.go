package cause

import (
	"regexp"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead/doctor"
)

// maxObjects bounds how many objects of a chart are looked at.
const maxObjects = 2000

// part is one object that the chart makes.
type part struct {
	doctor.Object

	kind schema.GroupVersionKind
}

// parts reads a manifest. Objects without a namespace are taken to be in the release's; whether a kind has one is not known here,
// and does not matter: no workload is without.
func parts(manifest, namespace string) []part {
	var all []part
	for _, document := range regexp.MustCompile(`(?m)^---\s*$`).Split(manifest, -1) {
		var object struct {
			APIVersion string `json:"apiVersion"`
			Kind       string `json:"kind"`
			Metadata   struct {
				Name      string `json:"name"`
				Namespace string `json:"namespace"`
			} `json:"metadata"`
		}
		if yaml.Unmarshal([]byte(document), &object) != nil || object.Kind == "" || len(all) == maxObjects {
			continue
		}
		if object.Metadata.Namespace == "" {
			object.Metadata.Namespace = namespace
		}
		all = append(all, part{
			doctor.Object{Kind: object.Kind, Namespace: object.Metadata.Namespace, Name: object.Metadata.Name},
			schema.FromAPIVersionAndKind(object.APIVersion, object.Kind),
		})
	}
	return all
}

// late is an object for which Helm waited in vain, and kstatus' word about it.
type late struct {
	doctor.Object

	status, message string
}

var lateForm = regexp.MustCompile(`resource (\w+)/([^/\s]*)/(\S+) (?:not ready|still exists)\. status: (\w+), message: ?`)

// lateObjects reads what Helm says of objects that did not become ready, or did not go.
func lateObjects(text string) []late {
	var all []late
	at := lateForm.FindAllStringSubmatchIndex(text, -1)
	for n, m := range at {
		end := len(text)
		if n+1 < len(at) {
			end = at[n+1][0]
		}
		message := regexp.MustCompile(`\s*context (?:deadline exceeded|canceled)\s*$`).ReplaceAllString(text[m[1]:end], "")
		all = append(all, late{
			Object:  doctor.Object{Kind: text[m[2]:m[3]], Namespace: text[m[4]:m[5]], Name: text[m[6]:m[7]]},
			status:  text[m[8]:m[9]],
			message: strings.TrimSpace(message),
		})
	}
	return all
}
