package cause

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead/doctor"
)

const saysExists = "Resource already exists in your cluster: "

var existForms = []*regexp.Regexp{ //nolint:gochecknoglobals // a constant
	regexp.MustCompile(`(?P<kind>\w+) "(?P<name>[^"]+)" in namespace "(?P<namespace>[^"]*)" exists and cannot be imported`),
	regexp.MustCompile(`applying object (?:(?P<namespace>[^/\s]*)/)?(?P<name>[^/\s]+) \S+, Kind=(?P<kind>\w+): Apply failed with`),
	regexp.MustCompile(`(?P<kind>[\w]+)(?:\.[\w.]+)? (?P<namespace>)"(?P<name>[^"]+)" already exists`),
}

// exists is an object of the chart that is there and belongs to somebody else.
func (i *inquiry) exists(ctx context.Context) {
	i.found.Message, i.found.DoctorID = saysExists+i.text, "HLM-09"
	one, known := i.existing()
	if !known {
		i.found.Cause = "An object that the chart makes is there already and belongs to somebody else; the message names it."
		return
	}
	i.found.Target = one.String()
	i.found.Cause = fmt.Sprintf("%s is there already, and %s.", named(one.Object), i.owner(ctx, one))
	if m := regexp.MustCompile(`conflicts? with "([^"]+)"[^:]*: (\S+)`).FindStringSubmatch(i.text); m != nil {
		i.found.Cause = fmt.Sprintf("Field %s of %s is set by %s, and the chart sets it differently.", m[2], named(one.Object), m[1])
		i.advise("kubectl get " + resource(one.Object) + " -o yaml --show-managed-fields")
		return
	}
	which := resource(one.Object)
	i.advise("kubectl get "+which+" -o yaml > backup.yaml", "If nobody needs it: kubectl delete "+which,
		"Or let the extension adopt it: kubectl label --overwrite "+which+" app.kubernetes.io/managed-by=Helm",
		"kubectl annotate --overwrite "+which+" meta.helm.sh/release-name="+i.Release+" meta.helm.sh/release-namespace="+i.Namespace)
}

// existing is the object that the error names, with its group where the manifest has it.
func (i *inquiry) existing() (part, bool) {
	for _, form := range existForms {
		m := form.FindStringSubmatch(i.text)
		if m == nil {
			continue
		}
		object := doctor.Object{Kind: m[form.SubexpIndex("kind")], Namespace: m[form.SubexpIndex("namespace")], Name: m[form.SubexpIndex("name")]}
		for _, one := range parts(i.Manifest, i.Namespace) {
			same := strings.EqualFold(one.Kind, object.Kind) || strings.HasPrefix(strings.ToLower(object.Kind), strings.ToLower(one.Kind))
			if same && one.Name == object.Name && (object.Namespace == "" || one.Namespace == object.Namespace) {
				one.Namespace = m[form.SubexpIndex("namespace")]
				return one, true
			}
		}
		return part{Object: object}, true
	}
	return part{}, false
}

// owner says whose an object is: another release's by its annotations, or by who wrote it.
func (i *inquiry) owner(ctx context.Context, one part) string {
	found, err := i.metadataOf(ctx, one)
	switch {
	case err != nil:
		if m := regexp.MustCompile(`"meta\.helm\.sh/release-name" must equal "[^"]*": current value is "([^"]+)"`).FindStringSubmatch(i.text); m != nil {
			return "belongs to Helm release " + m[1]
		}
		return "does not belong to this release"
	case found.Annotations["meta.helm.sh/release-name"] != "":
		return "belongs to Helm release " + found.Annotations["meta.helm.sh/release-name"] + " in namespace " + found.Annotations["meta.helm.sh/release-namespace"]
	}
	name, when := writer(&found.ObjectMeta)
	i.say(one.String(), fmt.Sprintf("made at %s, last written by %s at %s", stamp(found.CreationTimestamp.Time), name, stamp(when)))
	return "belongs to no Helm release; " + name + " wrote it at " + stamp(when)
}

// metadataOf reads labels, annotations and writers of an object.
func (i *inquiry) metadataOf(ctx context.Context, one part) (*metav1.PartialObjectMetadata, error) {
	mapping, err := i.mapping(one)
	if err != nil {
		return nil, err
	}
	return i.Metadata.Resource(mapping.Resource).Namespace(one.Namespace).Get(ctx, one.Name, metav1.GetOptions{})
}

// mapping finds the resource of an object. Helm's errors name kinds without their groups, and when nothing was rendered there is
// no manifest to tell; then it is one of those that charts are made of.
func (i *inquiry) mapping(one part) (*meta.RESTMapping, error) {
	if !one.kind.Empty() {
		return i.Mapper.RESTMapping(one.kind.GroupKind(), one.kind.Version)
	}
	var missing error
	for _, group := range []string{"", "apps", "batch", "rbac.authorization.k8s.io", "networking.k8s.io", "policy", "autoscaling", "apiextensions.k8s.io", "admissionregistration.k8s.io"} {
		mapping, err := i.Mapper.RESTMapping(schema.GroupKind{Group: group, Kind: one.Kind})
		if err == nil {
			return mapping, nil
		}
		missing = err
	}
	return nil, missing
}

// going is a namespace that is being deleted.
func (i *inquiry) going(ctx context.Context) {
	name := i.Namespace
	if m := regexp.MustCompile(`in namespace (\S+) because it is being terminated`).FindStringSubmatch(i.text); m != nil {
		name = m[1]
	}
	i.found.Message, i.found.Target, i.found.DoctorID = i.text, "Namespace/"+name, "FLX-04"
	i.found.Cause = fmt.Sprintf("Namespace %s is being deleted, so nothing can be made in it.", name)
	i.advise("kubectl get namespace "+name+" -o yaml", "Wait until it is gone, and repeat the operation.")
	namespace, err := i.Kube.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		i.say("", "the namespace could not be read: "+flat(err))
		return
	}
	if namespace.DeletionTimestamp != nil {
		i.found.Cause = fmt.Sprintf("Namespace %s is being deleted since %s, so nothing can be made in it.", name, stamp(namespace.DeletionTimestamp.Time))
	}
	for _, c := range namespace.Status.Conditions {
		if c.Status == corev1.ConditionTrue {
			i.say("Namespace/"+name, string(c.Type)+": "+c.Message)
			if c.Type == corev1.NamespaceFinalizersRemaining {
				i.found.Cause += " " + c.Message + ": what should remove these finalizers does not run."
			}
		}
	}
}
