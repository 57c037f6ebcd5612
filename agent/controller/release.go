package controller

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// maxRelease bounds what a release may unpack to.
const maxRelease = 16 << 20

// The statuses of a release that decide, in Helm's words.
const (
	statusDeployed = "deployed"
	statusFailed   = "failed"
)

// revision is one of Helm's Secrets, without its data.
type revision struct {
	name   string
	number int
	status string
}

// newest returns the release's last revision as its Secrets' labels tell it.
func newest(all []metav1.PartialObjectMetadata) (revision, bool) {
	last := revision{}
	for _, secret := range all {
		number, err := strconv.Atoi(secret.Labels["version"])
		if err == nil && number > last.number {
			last = revision{secret.Name, number, secret.Labels["status"]}
		}
	}
	return last, last.number > 0
}

// repairable reports whether the release is at rest. While Helm works on it, or has begun to take it
// away, every deviation may be meant.
func (r revision) repairable() bool { return r.status == statusDeployed || r.status == statusFailed }

// deployment is a Deployment of the release's manifest, whole.
type deployment map[string]any

// deployments returns the Deployments of one namespace that a release's Secret lists, by name.
func deployments(secret corev1.Secret, namespace string) (map[string]deployment, error) {
	manifest, err := manifestOf(secret.Data["release"])
	if err != nil {
		return nil, fmt.Errorf("read release %s: %w", secret.Name, err)
	}
	found := map[string]deployment{}
	for document := range strings.SplitSeq("\n"+manifest, "\n---") {
		if !strings.Contains(document, "kind: Deployment") {
			continue
		}
		var object deployment
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			return nil, fmt.Errorf("read the manifest of release %s: %w", secret.Name, err)
		}
		if name := object.named(namespace); name != "" {
			found[name] = object
		}
	}
	return found, nil
}

func (d deployment) named(namespace string) string {
	metadata, ok := d["metadata"].(map[string]any)
	if !ok || d["kind"] != "Deployment" || metadata["namespace"] != namespace {
		return ""
	}
	name, _ := metadata["name"].(string)
	return name
}

// manifestOf unpacks what Helm stores: base64 of gzip of JSON.
func manifestOf(stored []byte) (string, error) {
	packed, err := base64.StdEncoding.DecodeString(string(stored))
	if err != nil {
		return "", errors.New("it is not base64")
	}
	unpacked, err := gunzip(packed)
	if err != nil {
		return "", err
	}
	var release struct {
		Manifest string `json:"manifest"`
	}
	if json.Unmarshal(unpacked, &release) != nil {
		return "", errors.New("it is not JSON")
	}
	return release.Manifest, nil
}

func gunzip(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, errors.New("it is not compressed")
	}
	unpacked, err := io.ReadAll(io.LimitReader(reader, maxRelease+1))
	switch {
	case err != nil:
		return nil, errors.New("it is damaged")
	case len(unpacked) > maxRelease:
		return nil, fmt.Errorf("it is larger than %d bytes", maxRelease)
	}
	return unpacked, nil
}
