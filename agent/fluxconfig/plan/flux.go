package plan

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
)

// The fields of Flux' objects that a configuration sets. Suspend is left out when it is false, so that what a person has
// suspended in the cluster stays so.

type reference struct {
	Kind string `json:"kind,omitempty"`
	Name string `json:"name"`
}

type gitRepository struct {
	URL       string               `json:"url"`
	Ref       *fairlead.FluxGitRef `json:"ref,omitempty"`
	SecretRef *reference           `json:"secretRef,omitempty"`
	Interval  metav1.Duration      `json:"interval"`
	Timeout   metav1.Duration      `json:"timeout"`
	Suspend   bool                 `json:"suspend,omitempty"`
}

type bucket struct {
	Provider   string          `json:"provider"` // generic or azure
	Endpoint   string          `json:"endpoint"`
	BucketName string          `json:"bucketName"`
	Insecure   bool            `json:"insecure,omitempty"`
	SecretRef  *reference      `json:"secretRef,omitempty"`
	Interval   metav1.Duration `json:"interval"`
	Timeout    metav1.Duration `json:"timeout"`
	Suspend    bool            `json:"suspend,omitempty"`
}

type ociRepository struct {
	URL           string               `json:"url"`
	Provider      string               `json:"provider,omitempty"`
	Ref           *fairlead.FluxOCIRef `json:"ref,omitempty"`
	Insecure      bool                 `json:"insecure,omitempty"`
	SecretRef     *reference           `json:"secretRef,omitempty"`
	CertSecretRef *reference           `json:"certSecretRef,omitempty"`
	Interval      metav1.Duration      `json:"interval"`
	Timeout       metav1.Duration      `json:"timeout"`
	Suspend       bool                 `json:"suspend,omitempty"`
}

type kustomization struct {
	SourceRef          reference               `json:"sourceRef"`
	ServiceAccountName string                  `json:"serviceAccountName"`
	Path               string                  `json:"path,omitempty"`
	Prune              bool                    `json:"prune"`
	Force              bool                    `json:"force,omitempty"`
	Wait               bool                    `json:"wait"`
	DependsOn          []reference             `json:"dependsOn,omitempty"`
	PostBuild          *fairlead.FluxPostBuild `json:"postBuild,omitempty"`
	Interval           metav1.Duration         `json:"interval"`
	RetryInterval      *metav1.Duration        `json:"retryInterval,omitempty"`
	Timeout            metav1.Duration         `json:"timeout"`
	Suspend            bool                    `json:"suspend,omitempty"`
}

const usual = 600 * time.Second

// rhythm says how often and how long.
func rhythm(r fairlead.FluxRhythm) (interval, timeout metav1.Duration) {
	return seconds(r.SyncIntervalInSeconds), seconds(r.TimeoutInSeconds)
}

func seconds(n int64) metav1.Duration {
	if n == 0 {
		return metav1.Duration{Duration: usual}
	}
	return metav1.Duration{Duration: time.Duration(n) * time.Second}
}
