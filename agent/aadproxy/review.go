package aadproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
)

// maxReview bounds a review of one's own rights.
const maxReview = 64 << 10

// reviews answers what callers ask about their own rights (kubectl auth can-i), so that it is what would happen.
type reviews struct {
	decoder runtime.Decoder
	judge   *judge
	api     *apiServer
}

func newReviews(judge *judge, api *apiServer) (*reviews, error) {
	scheme := runtime.NewScheme()
	if err := authorizationv1.AddToScheme(scheme); err != nil {
		return nil, err
	}
	return &reviews{decoder: serializer.NewCodecFactory(scheme).UniversalDeserializer(), judge: judge, api: api}, nil
}

// isReview reports whether a request asks about the caller's own rights.
func isReview(a asked) bool {
	return a.Verb == "create" && a.Group == authorizationv1.GroupName && a.Subresource == "" &&
		(a.Resource == "selfsubjectaccessreviews" || a.Resource == "selfsubjectrulesreviews")
}

// read takes the body of a review, which is left for whoever reads the request next.
func (v *reviews) read(w http.ResponseWriter, r *http.Request) (runtime.Object, error) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
	if err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return nil, refusal{http.StatusRequestEntityTooLarge, metav1.StatusReasonRequestEntityTooLarge, caller.ReasonMalformed, "a review of rights is smaller than this"}
		}
		return nil, malformed("the review cannot be read: " + err.Error())
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
	found, _, err := v.decoder.Decode(text, nil, nil)
	if err != nil {
		return nil, nil //nolint:nilerr,nilnil // the API server says best what is wrong with it
	}
	return found, nil
}

// weigh returns with which role to pass a review on, or answers it, which it reports.
func (v *reviews) weigh(w http.ResponseWriter, r *http.Request, from *stated, a asked) (level dataaction.Level, answered bool, err error) {
	found, err := v.read(w, r)
	if err != nil {
		return dataaction.Refused, false, err
	}
	switch review := found.(type) {
	case *authorizationv1.SelfSubjectAccessReview:
		level, why := v.access(from, a, review.Spec)
		if why == "" {
			return level, false, nil
		}
		answer := authorizationv1.SelfSubjectAccessReview{Spec: review.Spec, Status: authorizationv1.SubjectAccessReviewStatus{Denied: true, Reason: why}}
		answer.APIVersion, answer.Kind = authorizationv1.SchemeGroupVersion.String(), "SelfSubjectAccessReview"
		return level, true, reply(w, answer)
	case *authorizationv1.SelfSubjectRulesReview:
		if from.Mode == caller.Token || !v.judge.azureRBAC && v.judge.owner.silent() {
			return dataaction.Refused, false, nil
		}
		answer, err := v.rules(r.Context(), from, a, review.Spec.Namespace)
		if err != nil {
			return dataaction.Refused, false, err
		}
		return dataaction.Refused, true, reply(w, answer)
	}
	return dataaction.Refused, false, nil
}

// access returns with which role the API server is to be asked whether a request would be let through, or why it would not.
func (v *reviews) access(from *stated, a asked, spec authorizationv1.SelfSubjectAccessReviewSpec) (dataaction.Level, string) {
	about := asked{who: a.who}
	switch {
	case spec.ResourceAttributes != nil:
		s := spec.ResourceAttributes
		about.Request = dataaction.Request{Verb: s.Verb, Namespace: s.Namespace, Group: s.Group, Resource: s.Resource, Subresource: s.Subresource}
		about.name = s.Name
	case spec.NonResourceAttributes != nil:
		about.Request = dataaction.Request{Verb: spec.NonResourceAttributes.Verb, Path: spec.NonResourceAttributes.Path}
	default:
		return dataaction.Refused, ""
	}
	if about.Verb == "impersonate" {
		return dataaction.Refused, noImpersonation
	}
	if err := v.judge.owner.decide(from, about.everywhere()); err != nil {
		return dataaction.Refused, err.Error()
	}
	level, err := v.judge.decide(from, about)
	if err != nil {
		return dataaction.Refused, err.Error()
	}
	return level, ""
}

// everywhere is what is asked of all namespaces by whoever names none, whatever the verb.
func (a asked) everywhere() asked {
	if a.Namespace == "" && a.Resource != "" && a.Verb == "get" && a.name == "" {
		a.Verb = "list"
	}
	return a
}

func reply(w http.ResponseWriter, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return unreachable("the answer cannot be written: " + err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusCreated)
	_, _ = w.Write(body)
	return nil
}

// narrowed is a rule of the API server's that lists what is kept of it, one group and resource at a time.
func narrowed(rule authorizationv1.ResourceRule, keep func(dataaction.Request) bool, namespace string) []authorizationv1.ResourceRule {
	var kept []authorizationv1.ResourceRule
	for _, group := range rule.APIGroups {
		for _, whole := range rule.Resources {
			verbs := slices.DeleteFunc(slices.Clone(rule.Verbs), func(verb string) bool {
				return !keep(requestOf(verb, group, whole, namespace))
			})
			if len(verbs) > 0 {
				kept = append(kept, authorizationv1.ResourceRule{
					Verbs: verbs, APIGroups: []string{group}, Resources: []string{whole}, ResourceNames: rule.ResourceNames,
				})
			}
		}
	}
	return kept
}
