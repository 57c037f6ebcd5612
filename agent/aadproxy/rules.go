package aadproxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"

	"github.com/fairlead/fairlead/dataaction"
)

const (
	rulesTimeout = 20 * time.Second
	maxRules     = 4 << 20
)

// rules lists what a caller may do in a namespace: what the cluster's RBAC lets him do, what each of Kubernetes' roles lets him
// do as far as requests for it would be made with that role, and of both what the owner does not forbid.
func (v *reviews) rules(ctx context.Context, from *stated, a asked, namespace string) (authorizationv1.SelfSubjectRulesReview, error) {
	answer := authorizationv1.SelfSubjectRulesReview{Spec: authorizationv1.SelfSubjectRulesReviewSpec{Namespace: namespace}}
	answer.APIVersion, answer.Kind = authorizationv1.SchemeGroupVersion.String(), "SelfSubjectRulesReview"
	for _, level := range v.levels(from) {
		found, err := v.api.rules(ctx, from, level, namespace)
		if err != nil {
			return answer, err
		}
		keep := v.keeps(from, a, level)
		for _, rule := range found.ResourceRules {
			answer.Status.ResourceRules = append(answer.Status.ResourceRules, narrowed(rule, keep, namespace)...)
		}
		if level == dataaction.Refused || v.judge.azure(from, dataaction.Request{Verb: "get", Path: "/"}) == level {
			answer.Status.NonResourceRules = append(answer.Status.NonResourceRules, found.NonResourceRules...)
		}
		answer.Status.Incomplete = answer.Status.Incomplete || found.Incomplete
		answer.Status.EvaluationError = strings.TrimSpace(answer.Status.EvaluationError + " " + found.EvaluationError)
	}
	if !v.judge.owner.silent() {
		answer.Status.Incomplete = true
		answer.Status.EvaluationError = strings.TrimSpace(answer.Status.EvaluationError + " what the policy of the cluster's owner forbids a part of is left out")
	}
	return answer, nil
}

// levels are those with which a caller's requests may be made, that of his own rights first.
func (v *reviews) levels(from *stated) []dataaction.Level {
	if !v.judge.azureRBAC || len(from.Grants) == 0 {
		return []dataaction.Level{dataaction.Refused}
	}
	return []dataaction.Level{dataaction.Refused, dataaction.View, dataaction.Edit, dataaction.Admin, dataaction.ClusterAdmin}
}

// keeps returns whether something that a level allows is what would happen.
func (v *reviews) keeps(from *stated, a asked, level dataaction.Level) func(dataaction.Request) bool {
	return func(r dataaction.Request) bool {
		about := asked{Request: r, who: a.who}
		if r.Verb == "impersonate" || v.judge.owner.decide(from, about) != nil {
			return false
		}
		return level == dataaction.Refused || v.judge.azure(from, r) == level
	}
}

// requestOf is a request as a rule of the API server's names it.
func requestOf(verb, group, whole, namespace string) dataaction.Request {
	resource, subresource, _ := strings.Cut(whole, "/")
	return dataaction.Request{Verb: verb, Namespace: namespace, Group: group, Resource: resource, Subresource: subresource}
}

// rules asks the API server what a caller may do at a level.
func (s *apiServer) rules(ctx context.Context, from *stated, level dataaction.Level, namespace string) (authorizationv1.SubjectRulesReviewStatus, error) {
	var answer authorizationv1.SelfSubjectRulesReview
	ctx, cancel := context.WithTimeout(ctx, rulesTimeout)
	defer cancel()
	asked, err := json.Marshal(map[string]any{
		"apiVersion": authorizationv1.SchemeGroupVersion.String(), "kind": "SelfSubjectRulesReview", "spec": map[string]string{"namespace": namespace},
	})
	if err != nil {
		return answer.Status, err
	}
	address := s.address.JoinPath("/apis", authorizationv1.GroupName, "v1", "selfsubjectrulesreviews")
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), bytes.NewReader(asked))
	if err != nil {
		return answer.Status, err
	}
	token, err := s.ownToken()
	if err != nil {
		return answer.Status, err
	}
	from.headers.impersonate(request.Header, level, token)
	request.Header.Set("Content-Type", "application/json")
	response, err := s.asAgent.Transport.RoundTrip(request)
	if err != nil {
		return answer.Status, refusalOf(ctx, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return answer.Status, unreachable(fmt.Sprintf("the API server answers %d to the question what the caller may do", response.StatusCode))
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxRules)).Decode(&answer); err != nil {
		return answer.Status, unreachable("the API server's answer to the question what the caller may do cannot be read")
	}
	return answer.Status, nil
}
