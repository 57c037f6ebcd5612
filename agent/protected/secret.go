// Package protected keeps protected settings in a Secret between the agent that gets them from the hub and the one that uses
// them. It knows of what they are no more than their names.
package protected

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/kube"
)

// Hash is the annotation that says which protected settings a Secret holds: the hash that the spec names.
const Hash = "clusterconfig.azure.com/settings-hash"

// A key of a Secret may hold less than a setting's: others are written as encoded, with a mark that no plain one begins with.
const (
	encoded      = "b64."
	longestPlain = 180 // of 253 that a Secret's key may have, so that each fits when it is encoded
)

var plainKey = regexp.MustCompile(`^[-._a-zA-Z0-9]+$`)

// Secret returns the Secret that holds protected settings, for a server-side apply.
func Secret(namespace, name, hash string, settings map[string]string) (*corev1.Secret, error) {
	data := make(map[string][]byte, len(settings))
	for key, value := range settings {
		field, err := encodeKey(key)
		if err != nil {
			return nil, err
		}
		data[field] = []byte(value)
	}
	return &corev1.Secret{
		TypeMeta: kube.Secrets(namespace).TypeMeta("Secret"),
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: namespace,
			Labels: map[string]string{"app.kubernetes.io/part-of": "azure-arc"}, Annotations: map[string]string{Hash: hash},
		},
		Type: corev1.SecretTypeOpaque, Data: data,
	}, nil
}

// Settings reads protected settings out of their Secret.
func Settings(secret *corev1.Secret) (map[string]string, error) {
	settings := make(map[string]string, len(secret.Data))
	for name, value := range secret.Data {
		key, err := decodeKey(name)
		if err != nil {
			return nil, fmt.Errorf("read Secret %s: %w", secret.Name, err)
		}
		settings[key] = string(value)
	}
	return settings, nil
}

func encodeKey(key string) (string, error) {
	if len(key) > longestPlain {
		return "", fairlead.Errorf(fairlead.Invalid, "a protected setting's key has %d bytes, %d at most are possible", len(key), longestPlain)
	}
	if plainKey.MatchString(key) && !strings.HasPrefix(key, encoded) && key != "." && key != ".." {
		return key, nil
	}
	return encoded + base64.RawURLEncoding.EncodeToString([]byte(key)), nil
}

func decodeKey(name string) (string, error) {
	text, found := strings.CutPrefix(name, encoded)
	if !found {
		return name, nil
	}
	key, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("its key %q is not one that config-agent writes", name)
	}
	return string(key), nil
}
