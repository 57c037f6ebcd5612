package kube

import "log/slog"

// Object is what every object has; callers' structs embed it.
type Object struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Metadata   Meta   `json:"metadata"`
}

// Meta is the part of an object's metadata that agents use.
type Meta struct {
	Name              string            `json:"name,omitempty"`
	Namespace         string            `json:"namespace,omitempty"`
	ResourceVersion   string            `json:"resourceVersion,omitempty"`
	Generation        int64             `json:"generation,omitempty"`
	Labels            map[string]string `json:"labels,omitempty"`
	Annotations       map[string]string `json:"annotations,omitempty"`
	CreationTimestamp string            `json:"creationTimestamp,omitempty"`
	DeletionTimestamp string            `json:"deletionTimestamp,omitempty"`
}

// Meta returns the object's metadata, which is how a Watcher tells objects apart.
func (o Object) Meta() Meta { return o.Metadata }

// Identified is any struct that embeds Object.
type Identified interface{ Meta() Meta }

// Secret is a Secret.
type Secret struct {
	Object
	Type string            `json:"type,omitempty"`
	Data map[string][]byte `json:"data,omitempty"`
}

// LogValue keeps the data out of logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.Metadata.Name + " (secret)") }

// ConfigMap is a ConfigMap.
type ConfigMap struct {
	Object
	Data map[string]string `json:"data,omitempty"`
}
