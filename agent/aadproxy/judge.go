package aadproxy

import (
	"net/http"

	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/apiserver/pkg/endpoints/request"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/aadproxy/policy"
	"github.com/fairlead/fairlead/caller"
	"github.com/fairlead/fairlead/dataaction"
)

// asked is what a request asks of the API server, in the API server's own reading of it.
type asked struct {
	dataaction.Request

	name string
	who  *policy.Subject // whose a token of the cluster is; nil: whom the hub has stated
}

// reader reads requests as the API server does, with its own code: what the two would read differently could be
// weighed as one thing and done as another.
func reader() *request.RequestInfoFactory {
	return &request.RequestInfoFactory{APIPrefixes: sets.NewString("api", "apis"), GrouplessAPIPrefixes: sets.NewString("api")}
}

func parse(factory *request.RequestInfoFactory, r *http.Request) (asked, error) {
	info, err := factory.NewRequestInfo(r)
	if err != nil {
		return asked{}, malformed("the API server would not understand this path")
	}
	if !info.IsResourceRequest {
		return asked{Request: dataaction.Request{Verb: info.Verb, Path: info.Path}}, nil
	}
	return asked{Request: dataaction.Request{
		Verb: info.Verb, Namespace: info.Namespace, Group: info.APIGroup, Resource: info.Resource, Subresource: info.Subresource,
	}, name: info.Name}, nil
}

// judge decides what a caller may ask of the API server, and with which of Kubernetes' roles.
type judge struct {
	owner     *owner
	azureRBAC bool
	cluster   fairlead.ResourceID
}

// decide returns the level to ask the API server with, Refused for none but the caller's own, or why it is not asked.
func (j *judge) decide(s *stated, a asked) (dataaction.Level, error) {
	if err := j.owner.decide(s, a); err != nil {
		return dataaction.Refused, err
	}
	return j.azure(s, a.Request), nil
}

// azure returns the level that the hub's roles give to a request.
func (j *judge) azure(s *stated, r dataaction.Request) dataaction.Level {
	if !j.azureRBAC || s.Mode == caller.Token {
		return dataaction.Refused
	}
	return dataaction.LevelOf(s.Grants, r)
}
