package fix

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/fairlead/fairlead"
)

// OwnedError says that others keep fields that a change would set.
type OwnedError struct {
	// Owners are the field managers, each with its fields.
	Owners map[string][]string
}

// Error implements error.
func (e *OwnedError) Error() string {
	var parts []string
	for owner, fields := range e.Owners {
		slices.Sort(fields)
		parts = append(parts, fmt.Sprintf("%s keeps %s", owner, strings.Join(fields, ", ")))
	}
	slices.Sort(parts)
	return strings.Join(parts, "; ") + ": make the change there"
}

// explain says what the API server has against a change.
func (c *Change) explain(err error) error {
	var owned *OwnedError
	switch {
	case err == nil:
		return nil
	case apierrors.IsConflict(err):
		if owned = owners(err); owned != nil {
			return fairlead.Errorf(fairlead.Conflict, "%s: %w", c.Object, owned)
		}
		return fairlead.Errorf(fairlead.Conflict, "%s: %w", c.Object, ErrChanged)
	case apierrors.IsNotFound(err) && c.Before != nil:
		return fairlead.Errorf(fairlead.NotFound, "%s: %w", c.Object, ErrGone)
	case c.secret():
		return fairlead.Errorf(fairlead.Invalid, "%s: %s", c.Object, c.hide(err.Error()))
	}
	return fmt.Errorf("%s: %w", c.Object, err)
}

// owners returns the field managers that a conflict of server-side apply names, nil for other conflicts.
func owners(err error) *OwnedError {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	found := map[string][]string{}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		owner := strings.TrimPrefix(cause.Message, "conflict with ")
		found[owner] = append(found[owner], cause.Field)
	}
	if len(found) == 0 {
		return nil
	}
	return &OwnedError{Owners: found}
}

// secret reports whether the change is one of a Secret.
func (c *Change) secret() bool {
	return c.action.Resource == "secrets" && c.action.APIVersion == "v1"
}

// hide takes out of a message what the Secret holds or would hold.
func (c *Change) hide(message string) string {
	values := c.call.values()
	if c.Before != nil {
		values = append(values, secretValues(c.Before.Object)...)
	}
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) })
	for _, value := range values {
		message = strings.ReplaceAll(message, value, hidden)
	}
	return message
}

// values returns every text that a call would put into a Secret.
func (c call) values() []string {
	object := map[string]any{}
	if json.Unmarshal(c.body, &object) == nil {
		return secretValues(object)
	}
	var steps []struct {
		Value any `json:"value"`
	}
	if json.Unmarshal(c.body, &steps) != nil {
		return nil // prepare made it, so that it is one of the two
	}
	var values []string
	for _, step := range steps {
		switch value := step.Value.(type) {
		case string:
			values = append(values, plainToo(value)...)
		case map[string]any:
			values = append(values, secretValues(map[string]any{"data": value})...)
		}
	}
	return values
}

// secretValues returns everything that a Secret holds, as it is written and as it is meant.
func secretValues(secret map[string]any) []string {
	var values []string
	for _, field := range []string{"data", "stringData"} {
		entries, _, _ := unstructured.NestedMap(secret, field)
		for _, entry := range entries {
			if text, ok := entry.(string); ok {
				values = append(values, plainToo(text)...)
			}
		}
	}
	return values
}

func plainToo(text string) []string {
	if text == "" {
		return nil
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(plain) == 0 {
		return []string{text}
	}
	return []string{text, string(plain)}
}
