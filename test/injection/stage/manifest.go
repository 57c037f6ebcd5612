package stage

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"text/template"

	"sigs.k8s.io/yaml"
)

// Manifests are objects under Kind/name, in the order in which they are made.
type Manifests struct {
	order []string
	texts map[string]string
}

// ReadManifests fills in a template of several objects and takes it apart.
func ReadManifests(text string, data any) (*Manifests, error) {
	parsed, err := template.New("").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read a fixture: %w", err)
	}
	var filled bytes.Buffer
	if err := parsed.Execute(&filled, data); err != nil {
		return nil, fmt.Errorf("fill in a fixture: %w", err)
	}
	all := &Manifests{texts: map[string]string{}}
	for part := range strings.SplitSeq(filled.String(), "\n---\n") {
		var head struct {
			Kind     string                `json:"kind"`
			Metadata struct{ Name string } `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(part), &head); err != nil {
			return nil, fmt.Errorf("parse a fixture: %w\n%s", err, part)
		}
		name := head.Kind + "/" + head.Metadata.Name
		all.order, all.texts[name] = append(all.order, name), part
	}
	return all, nil
}

// All is the manifest of everything.
func (m *Manifests) All() string { return m.Of(m.order...) }

// Of is the manifest of some objects.
func (m *Manifests) Of(names ...string) string {
	parts := make([]string, 0, len(names))
	for _, name := range names {
		text, ok := m.texts[name]
		if !ok {
			text = "no fixture is called " + name // kubectl refuses it, with these words
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "\n---\n")
}

// Renew makes objects anew, whatever became of them.
func (s *Stage) Renew(ctx context.Context, manifest string) error {
	out, err := s.Cluster.KubectlInput(ctx, strings.NewReader(manifest), "replace", "--force", "--grace-period=0", "-f", "-")
	if err != nil {
		return fmt.Errorf("renew: %w\n%s", err, out)
	}
	return nil
}

// Remove deletes objects, given as kind/name, and waits until they are gone; those that are not there are no error.
func (s *Stage) Remove(ctx context.Context, names ...string) error {
	out, err := s.Cluster.Kubectl(ctx, append([]string{"delete", "--ignore-not-found", "--timeout=90s"}, names...)...)
	if err != nil {
		return fmt.Errorf("remove: %w\n%s", err, out)
	}
	return nil
}

// Definition is the manifest of a CustomResourceDefinition that lets any field pass; the first version is stored.
func Definition(plural, kind, group string, versions ...string) string {
	var text strings.Builder
	fmt.Fprintf(&text, `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: %[1]s.%[3]s}
spec:
  group: %[3]s
  scope: Namespaced
  names: {plural: %[1]s, singular: %[4]s, kind: %[2]s, listKind: %[2]sList}
  versions:
`, plural, kind, group, strings.ToLower(kind))
	for i, version := range versions {
		fmt.Fprintf(&text, `    - name: %s
      served: true
      storage: %t
      subresources: {status: {}}
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
`, version, i == 0)
	}
	return text.String()
}
