package fix_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/fairlead/fairlead/doctor"
)

// forbid makes a policy that refuses updates of one resource in the test's namespace, with a message.
func (c *cluster) forbid(resource, message string) {
	c.Helper()
	fail := admissionv1.Fail
	policy := &admissionv1.ValidatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicySpec{
			FailurePolicy: &fail,
			MatchConstraints: &admissionv1.MatchResources{ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
				Operations: []admissionv1.OperationType{admissionv1.Update, admissionv1.Delete},
				Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{resource}},
			}}}},
			Validations: []admissionv1.Validation{{Expression: "false", MessageExpression: message}},
		},
	}
	binding := &admissionv1.ValidatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace},
		Spec: admissionv1.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: c.namespace, ValidationActions: []admissionv1.ValidationAction{admissionv1.Deny},
			MatchResources: &admissionv1.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: c.namespace}}},
		},
	}
	api := c.api.AdmissionregistrationV1()
	if _, err := api.ValidatingAdmissionPolicies().Create(c.Context(), policy, metav1.CreateOptions{}); err != nil {
		c.Fatal(err)
	}
	if _, err := api.ValidatingAdmissionPolicyBindings().Create(c.Context(), binding, metav1.CreateOptions{}); err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() {
		ctx := context.WithoutCancel(c.Context())
		if err := api.ValidatingAdmissionPolicyBindings().Delete(ctx, c.namespace, metav1.DeleteOptions{}); err != nil {
			c.Error(err)
		}
		if err := api.ValidatingAdmissionPolicies().Delete(ctx, c.namespace, metav1.DeleteOptions{}); err != nil {
			c.Error(err)
		}
	})
}

func TestPolicyRefusesThePreview(t *testing.T) {
	c := newCluster(t)
	c.makeConfig("mesh", map[string]string{"a": "1"})
	c.forbid("configmaps", "'settings are frozen until Monday'")
	for name, action := range map[string]doctor.Action{
		"Merge":  c.configAction(doctor.MergePatch, "mesh", `{"data":{"a":"2"}}`),
		"Delete": c.configAction(doctor.Delete, "mesh", ""),
	} {
		t.Run(name, func(t *testing.T) {
			var refusal error
			c.eventually("the policy holds", func() bool {
				_, refusal = c.fixer.Preview(t.Context(), action)
				return refusal != nil
			})
			if !strings.Contains(refusal.Error(), "settings are frozen until Monday") || !strings.Contains(refusal.Error(), c.namespace+"/mesh") {
				t.Errorf("the refusal is %v", refusal)
			}
		})
	}
	if got := c.config("mesh").Data["a"]; got != "1" {
		t.Errorf("it is %q", got)
	}
}

func TestRefusalDoesNotTellSecrets(t *testing.T) {
	c := newCluster(t)
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "key"}, StringData: map[string]string{"a": "old-planted"}}
	if _, err := c.api.CoreV1().Secrets(c.namespace).Create(t.Context(), secret, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	c.forbid("secrets", "'was ' + string(oldObject.data.a) + ' will be ' + string(object.data.a)")
	for name, action := range map[string]struct {
		verb doctor.Verb
		body string
	}{
		"Merge": {doctor.MergePatch, `{"data":{"a":"bmV3LXBsYW50ZWQ="}}`},
		"JSON":  {doctor.JSONPatch, `[{"op":"replace","path":"/data/a","value":"bmV3LXBsYW50ZWQ="}]`},
	} {
		t.Run(name, func(t *testing.T) {
			var refusal error
			c.eventually("the policy holds", func() bool {
				_, refusal = c.fixer.Preview(t.Context(), doctor.Action{Verb: action.verb, APIVersion: "v1", Resource: "secrets", Namespace: c.namespace, Name: "key", Body: json.RawMessage(action.body)})
				return refusal != nil
			})
			text := refusal.Error()
			if !strings.Contains(text, "will be") || strings.Contains(text, "planted") || strings.Contains(text, "bmV3LXBsYW50ZWQ=") {
				t.Errorf("the refusal is %s", text)
			}
		})
	}
}
