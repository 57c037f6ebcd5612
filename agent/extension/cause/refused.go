package cause

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/fairlead/fairlead/doctor"
	"github.com/fairlead/fairlead/doctor/workload"
)

// refused is a pod that may not be made.
func (i *inquiry) refused(t workload.Trouble) {
	namespace, whose := t.Object().Namespace, "the pods of "+named(t.Workload)
	i.refusal(t.Kind, t.Message, whose, namespace)
}

// refusal says who keeps what from being made, and where to look.
func (i *inquiry) refusal(kind workload.Kind, message, what, namespace string) {
	i.found.DoctorID = "EXT-03"
	policy := workload.PolicyName(message)
	switch kind {
	case workload.Quota:
		i.found.DoctorID = "HLM-03"
		i.found.Cause = fmt.Sprintf("A resource quota of namespace %s keeps %s from being made.", namespace, what)
		i.advise("kubectl describe resourcequotas -n "+namespace, "Raise the quota, or free what it counts.")
	case workload.LimitRange:
		i.found.Cause = fmt.Sprintf("A LimitRange of namespace %s keeps %s from being made.", namespace, what)
		i.advise("kubectl describe limitranges -n " + namespace)
	case workload.PodSecurity:
		i.found.Cause = fmt.Sprintf("Pod Security of namespace %s keeps %s from being made.", namespace, what)
		i.advise("kubectl get namespace " + namespace + " --show-labels")
	case workload.Policy:
		i.found.Cause = fmt.Sprintf("Policy %s keeps %s from being made.", policy, what)
		i.advise(policyLook(message, policy), "Exclude namespace "+namespace+" from the policy, or set the extension up so that it obeys it.")
	default:
		i.found.Cause = fmt.Sprintf("The API server does not take %s.", what)
	}
}

func policyLook(message, policy string) string {
	if strings.Contains(message, "ValidatingAdmissionPolicy") {
		return "kubectl describe validatingadmissionpolicy " + policy
	}
	return "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations"
}

// rejected is an object of the chart that the API server does not take.
func (i *inquiry) rejected() {
	i.found.Message = i.text
	object, known := i.rejectedObject()
	what := "an object of the chart"
	if known {
		i.found.Target, what = object.String(), named(object)
	}
	kind := workload.Admission(i.text)
	i.refusal(kind, i.text, what, i.Namespace)
	if kind != workload.Refused {
		return
	}
	i.found.DoctorID = "HLM-07"
	switch {
	case strings.Contains(i.text, "no matches for kind"):
		m := regexp.MustCompile(`no matches for kind "(\w+)" in version "([\w./-]+)"`).FindStringSubmatch(i.text)
		if m != nil {
			i.found.Cause = fmt.Sprintf("This cluster knows no kind %s of %s, which the chart makes an object of.", m[1], m[2])
		}
		i.advise("kubectl api-resources", "Install what brings the kind first, or a version of the chart for this Kubernetes.")
	case strings.Contains(i.text, "is forbidden: User"):
		i.found.DoctorID = "SELF-01"
		i.found.Cause = "extension-manager may not do that in this cluster: its rights were narrowed."
		i.advise("kubectl describe clusterrolebinding -l app.kubernetes.io/name=extension-manager")
	default:
		i.found.Cause += " It is not valid; the message says which field. A configuration setting may be wrong."
		i.advise("Correct the setting behind the field that the message names, and update the extension.")
	}
}

// rejectedObject is the object that the API server's answer is about.
func (i *inquiry) rejectedObject() (doctor.Object, bool) {
	object := doctor.Object{Namespace: i.Namespace}
	var answer apierrors.APIStatus
	if errors.As(i.Err, &answer) && answer.Status().Details != nil && answer.Status().Details.Name != "" {
		object.Kind, object.Name = answer.Status().Details.Kind, answer.Status().Details.Name
	} else if m := regexp.MustCompile(`(\w+)(?:\.[\w.]+)? "([^"]+)" is (?:forbidden|invalid)`).FindStringSubmatch(i.text); m != nil {
		object.Kind, object.Name = m[1], m[2]
	}
	for _, one := range parts(i.Manifest, i.Namespace) {
		kind, asked := strings.ToLower(one.Kind), strings.ToLower(object.Kind)
		if one.Name == object.Name && (kind == asked || strings.HasPrefix(asked, kind)) {
			return one.Object, true // a resource such as pods, with the name of its kind
		}
	}
	return object, object.Name != ""
}
