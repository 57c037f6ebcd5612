package workload

import (
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// Unschedulable classifies what the scheduler says. Reasons that rule out the most nodes come first in what it writes only by chance, so the
// order here is that of what helps a person: a taint or selector of the pod's own before a lack of room.
func Unschedulable(message string, pod *corev1.Pod) (Kind, string) {
	reasons, _, _ := strings.Cut(message, "preemption:")
	insufficient := regexp.MustCompile(`Insufficient ([a-z0-9./-]*[a-z0-9])|Too many pods`).FindAllString(reasons, -1)
	taints := regexp.MustCompile(`untolerated taint(?:\(s\))? ?(\{[^}]*\})?`).FindAllStringSubmatch(reasons, -1)
	switch {
	case len(insufficient) > 0:
		return Insufficient, strings.Join(insufficient, ", ")
	case len(taints) > 0 && (!strings.Contains(reasons, "node affinity/selector") || !foreign(pod)):
		return Taint, taintText(taints)
	case strings.Contains(reasons, "node affinity/selector"), strings.Contains(reasons, "node selector"):
		return Selector, selectorDetail(pod)
	}
	return Unscheduled, ""
}

// foreign reports whether the pod itself asks for another system or architecture: then taints of nodes that it could not use do not matter.
func foreign(pod *corev1.Pod) bool { return selectorDetail(pod) != "label" }

func taintText(matches [][]string) string {
	var all []string
	for _, m := range matches {
		if m[1] != "" {
			all = append(all, m[1])
		}
	}
	return strings.Join(all, ", ")
}

func selectorDetail(pod *corev1.Pod) string {
	keys := map[string]bool{}
	for key := range pod.Spec.NodeSelector {
		keys[key] = true
	}
	if affinity := pod.Spec.Affinity; affinity != nil && affinity.NodeAffinity != nil && affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		for _, term := range affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			for _, expression := range term.MatchExpressions {
				keys[expression.Key] = true
			}
		}
	}
	switch {
	case keys[corev1.LabelOSStable], keys["beta.kubernetes.io/os"]:
		return "os"
	case keys[corev1.LabelArchStable], keys["beta.kubernetes.io/arch"]:
		return "arch"
	}
	return "label"
}

// PullFailure classifies why an image could not be pulled: dns, network, tls, auth, notFound, platform, disk, name or other.
func PullFailure(message, image string) string {
	said := strings.ToLower(strings.ReplaceAll(message, image, "")) // an image may be called anything, such as :404
	for _, class := range []struct{ name, pattern string }{
		{"platform", `no match for platform|exec format`},
		{"disk", `no space left`},
		{"dns", `no such host|server misbehaving|lookup .* on `},
		{"tls", `x509|tls:|certificate`},
		{"network", `i/o timeout|connection refused|connection reset|no route to host|network is unreachable|context deadline|proxyconnect|eof|timeout`},
		{"auth", `\b401\b|\b403\b|unauthorized|forbidden|denied|authentication`},
		{"notFound", `not found|\b404\b|manifest unknown|name unknown`},
		{"name", `invalid image ?name|couldn't parse image|invalid reference format`},
		{"never", `never pull|errimageneverpull|not present with pull policy`},
	} {
		if regexp.MustCompile(class.pattern).MatchString(said) {
			return class.name
		}
	}
	return "other"
}

// Admission classifies why the API server refuses a pod.
func Admission(message string) Kind {
	for _, class := range []struct {
		kind    Kind
		pattern string
	}{
		{Quota, `exceeded quota|status unknown for quota|failed quota`},
		{LimitRange, `(maximum|minimum) (cpu|memory|[a-z-]+) usage per|max limit to request ratio`},
		{PodSecurity, `violates PodSecurity|PodSecurityPolicy|security context constraint|Privileged containers are not allowed|disallowed by cluster policy`},
		{Policy, `admission webhook "[^"]*" denied|ValidatingAdmissionPolicy|denied the request|failed calling webhook`},
	} {
		if regexp.MustCompile(`(?i)` + class.pattern).MatchString(message) {
			return class.kind
		}
	}
	return Refused
}

// PolicyName is the name of the policy or webhook in the words of the API server; empty when it names none.
func PolicyName(message string) string {
	for _, pattern := range []string{
		`ValidatingAdmissionPolicy '([^']+)'`, `admission webhook "([^"]+)"`, `failed calling webhook "([^"]+)"`, `violates PodSecurity "([^"]+)"`,
	} {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(message); m != nil {
			return m[1]
		}
	}
	return ""
}
