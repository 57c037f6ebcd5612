package collect

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/doctor/snapshot"
)

const (
	maxPayload  = 32 << 20 // bytes of a release, unpacked
	maxPayloads = 25       // releases whose inside is read
	deployed    = "deployed"
	superseded  = "superseded"
)

// mark finds releases among the Secrets and ConfigMaps by the labels that Helm gives them.
func (c *collector) mark() {
	secrets := c.snapshot.Coverage[snapshot.Secrets]
	if secrets != nil {
		copied := *secrets
		c.snapshot.Coverage[snapshot.Releases] = &copied
	}
	newest := map[string]snapshot.Release{}
	for i := range c.snapshot.Secrets {
		markRelease(newest, &c.snapshot.Secrets[i].ObjectMeta, "Secret")
	}
	for i := range c.releaseMaps {
		markRelease(newest, &c.releaseMaps[i].ObjectMeta, "ConfigMap")
	}
	for _, key := range slices.Sorted(mapsKeys(newest)) {
		c.snapshot.Releases = append(c.snapshot.Releases, newest[key])
	}
}

func markRelease(newest map[string]snapshot.Release, meta *metav1.ObjectMeta, storage string) {
	labels := meta.Labels
	revision, err := strconv.Atoi(labels["version"])
	if labels["owner"] != "helm" || labels["name"] == "" || err != nil {
		return
	}
	key := meta.Namespace + "/" + labels["name"]
	known := newest[key]
	if wasDeployed := labels["status"] == deployed || labels["status"] == superseded; wasDeployed && revision > known.Deployed {
		known.Deployed = revision
	}
	if revision > known.Revision {
		known.Namespace, known.Name, known.Revision, known.Status = meta.Namespace, labels["name"], revision, labels["status"]
		known.Storage, known.Object, known.Updated = storage, meta.Name, changed(meta)
	}
	newest[key] = known
}

// changed is when Helm last wrote a release. A new revision may carry the label of the one before it, so it is no older than itself.
func changed(meta *metav1.ObjectMeta) time.Time {
	created := meta.CreationTimestamp.Time
	seconds, err := strconv.ParseInt(meta.Labels["modifiedAt"], 10, 64)
	if modified := time.Unix(seconds, 0).UTC(); err == nil && modified.After(created) {
		return modified
	}
	return created
}

// listReleaseMaps looks for releases that Helm keeps in ConfigMaps (HELM_DRIVER=configmap).
func (c *collector) listReleaseMaps(ctx context.Context) {
	if len(c.needs(snapshot.Releases)) == 0 {
		return
	}
	err := c.call(ctx, func(ctx context.Context) error {
		list, err := c.names.Resource(corev1.SchemeGroupVersion.WithResource("configmaps")).List(ctx, metav1.ListOptions{LabelSelector: "owner=helm"})
		if err == nil {
			c.releaseMaps = list.Items
		}
		return err
	})
	c.cover(snapshot.ReleaseMaps, snapshot.Need{Resource: snapshot.ConfigMaps}, err)
}

// readPayloads unpacks the releases that checks look into.
func (c *collector) readPayloads(ctx context.Context) {
	count := 0
	for i := range c.snapshot.Releases {
		release := &c.snapshot.Releases[i]
		if !interesting(release) || count >= maxPayloads {
			continue
		}
		count++
		need := snapshot.One(release.Namespace, snapshot.Payloads, release.Name)
		c.coverOne(snapshot.Payloads, need, c.call(ctx, func(ctx context.Context) error { return c.readPayload(ctx, release) }))
	}
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if payloads := c.coverage(snapshot.Payloads); len(payloads.Gaps) == 0 {
		payloads.All = c.snapshot.Coverage[snapshot.Releases] != nil && c.snapshot.Coverage[snapshot.Releases].All
		if releases := c.snapshot.Coverage[snapshot.Releases]; releases != nil && !payloads.All {
			payloads.Namespaces, payloads.Gaps = releases.Namespaces, releases.Gaps
		}
	}
}

func interesting(release *snapshot.Release) bool {
	switch release.Name {
	case fairlead.ReleaseName, "flux":
		return true
	}
	return release.Status != deployed || strings.Contains(release.Name, "osm") || release.Namespace == fairlead.AgentNamespace
}

func (c *collector) readPayload(ctx context.Context, release *snapshot.Release) error {
	content, err := c.payload(ctx, release)
	if err != nil {
		return err
	}
	inside, err := unpackRelease(content)
	if err != nil {
		return fmt.Errorf("read Helm release %s/%s: %w", release.Namespace, release.Name, err)
	}
	release.Read = true
	release.Chart, release.ChartVersion = inside.Chart.Metadata.Name, inside.Chart.Metadata.Version
	release.Description = c.source.Redact.Text(inside.Info.Description)
	if !inside.Info.LastDeployed.IsZero() {
		release.Updated = inside.Info.LastDeployed.UTC()
	}
	release.Values, _ = c.source.Redact.JSON(overlay(inside.Chart.Values, inside.Config)).(map[string]any)
	release.Objects = objectsOf(inside.Manifest)
	return nil
}

func (c *collector) payload(ctx context.Context, release *snapshot.Release) ([]byte, error) {
	if release.Storage == "ConfigMap" {
		config, err := c.api.CoreV1().ConfigMaps(release.Namespace).Get(ctx, release.Object, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return []byte(config.Data["release"]), nil
	}
	secret, err := c.api.CoreV1().Secrets(release.Namespace).Get(ctx, release.Object, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return secret.Data["release"], nil
}

// helmRelease is the part of Helm's own encoding that is read.
type helmRelease struct {
	Info struct {
		Description  string    `json:"description"`
		LastDeployed time.Time `json:"last_deployed"` //nolint:tagliatelle // Helm's own
	} `json:"info"`
	Chart struct {
		Metadata struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"metadata"`
		Values map[string]any `json:"values"`
	} `json:"chart"`
	Config   map[string]any `json:"config"`
	Manifest string         `json:"manifest"`
}

// unpackRelease reads what Helm stores: JSON, packed with gzip, in base64.
func unpackRelease(content []byte) (helmRelease, error) {
	var release helmRelease
	packed, err := base64.StdEncoding.DecodeString(string(content))
	if err != nil {
		return release, fmt.Errorf("decode base64: %w", err)
	}
	if bytes.HasPrefix(packed, []byte{0x1f, 0x8b}) {
		reader, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			return release, fmt.Errorf("unpack: %w", err)
		}
		if packed, err = io.ReadAll(io.LimitReader(reader, maxPayload+1)); err != nil {
			return release, fmt.Errorf("unpack: %w", err)
		}
		if len(packed) > maxPayload {
			return release, fmt.Errorf("it has more than %d bytes", maxPayload)
		}
	}
	if err := json.Unmarshal(packed, &release); err != nil {
		return release, fmt.Errorf("read JSON: %w", err)
	}
	return release, nil
}

// overlay puts the user's values on top of the chart's.
func overlay(below, above map[string]any) map[string]any {
	merged := map[string]any{}
	maps.Copy(merged, below)
	for key, value := range above {
		lower, ok := merged[key].(map[string]any)
		upper, both := value.(map[string]any)
		if ok && both {
			value = overlay(lower, upper)
		}
		merged[key] = value
	}
	return merged
}

func objectsOf(manifest string) []snapshot.ReleaseObject {
	var all []snapshot.ReleaseObject
	for document := range strings.SplitSeq("\n"+manifest, "\n---") {
		var object struct {
			Kind     string `json:"kind"`
			Metadata struct {
				Name      string `json:"name"`
				Namespace string `json:"namespace"`
			} `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(document), &object); err == nil && object.Kind != "" {
			all = append(all, snapshot.ReleaseObject{Kind: object.Kind, Namespace: object.Metadata.Namespace, Name: object.Metadata.Name})
		}
	}
	return all
}
