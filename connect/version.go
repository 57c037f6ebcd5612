package connect

import (
	"encoding/json"

	"k8s.io/apimachinery/pkg/version"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

// unversioned returns a copy of the settings for calls outside any API group.
func unversioned(config *rest.Config) *rest.Config {
	changed := rest.CopyConfig(config)
	changed.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	return changed
}

func gitVersion(content []byte) string {
	var info version.Info
	if json.Unmarshal(content, &info) != nil {
		return ""
	}
	return info.GitVersion
}
