package resource

import (
	"context"
	"maps"
	"net/http"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/reply"
)

const tagsSuffix = "/providers/microsoft.resources/tags/default"

// tagged returns the scope of a path of the tags API: SCOPE/providers/Microsoft.Resources/tags/default.
func tagged(path string) (scope string, ok bool) {
	at := len(path) - len(tagsSuffix)
	if at <= 0 || !strings.EqualFold(path[at:], tagsSuffix) {
		return "", false
	}
	return path[:at], true
}

// tagPatch is the body of PUT, which has no operation, and of PATCH.
type tagPatch struct {
	Operation  string `json:"operation"`
	Properties struct {
		Tags map[string]string `json:"tags"`
	} `json:"properties"`
}

// serveTags gives and changes the tags of a subscription, a group or a resource, whatever its type. The rights are those for
// tags, so that somebody may tag what they may not change otherwise.
func (a *API) serveTags(w http.ResponseWriter, r *http.Request, scope string) error {
	found, err := a.tagTarget(scope)
	if err != nil {
		return err
	}
	verbs := map[string]string{http.MethodGet: "read", http.MethodPut: "write", http.MethodPatch: "write", http.MethodDelete: "delete"}
	verb, ok := verbs[r.Method]
	if !ok {
		return fairlead.Errorf(fairlead.MethodNotAllowed, "The resource type 'Microsoft.Resources/tags' does not support the method %s here.", r.Method)
	}
	permission := "Microsoft.Resources/tags/" + verb
	if err := a.Access.Check(r.Context(), permission, found.id.String()); err != nil {
		return err
	}
	asked := request{Request: r, target: found, permission: permission}
	if r.Method == http.MethodGet {
		return a.showTags(r.Context(), w, asked)
	}
	return a.changeTags(r.Context(), w, asked)
}

// tagTarget finds what is tagged. Subscriptions are no type of the engine, but have tags like all others.
func (a *API) tagTarget(scope string) (target, error) {
	id, err := fairlead.ParseResourceID(scope)
	if err != nil {
		return target{}, err
	}
	if id.ResourceGroup == "" && id.Namespace == "" {
		return target{kind: &Type{Name: id.Type()}, id: id}, nil
	}
	found, err := a.item(id)
	if err == nil && found.kind.Serve != nil {
		err = fairlead.Errorf(fairlead.Invalid, "Resources of type '%s' do not have tags.", found.kind.Name).WithCode("TagsNotSupported")
	}
	return found, err
}

func (a *API) showTags(ctx context.Context, w http.ResponseWriter, r request) error {
	if r.id.Namespace == "" {
		if err := a.scopeExists(ctx, r.id); err != nil {
			return err
		}
	}
	stored, err := a.load(ctx, r.target)
	if err != nil {
		return err
	}
	document, err := ReadDocument(stored.Body)
	if err != nil {
		return err
	}
	answerTags(w, r, document)
	return nil
}

func answerTags(w http.ResponseWriter, r request, document Document) {
	tags, ok := document["tags"].(map[string]any)
	if !ok {
		tags = map[string]any{}
	}
	reply.JSON(w, http.StatusOK, Document{
		"id": r.id.String() + "/providers/Microsoft.Resources/tags/default", "name": "default", "type": "Microsoft.Resources/tags",
		"properties": Document{"tags": tags},
	})
}

func (a *API) changeTags(ctx context.Context, w http.ResponseWriter, r request) error {
	change, err := readTagChange(w, r)
	if err != nil {
		return err
	}
	done, err := a.persist(ctx, r, func(old Document) (Document, error) {
		if old == nil {
			return nil, a.nothingToTag(ctx, r.target)
		}
		present, _ := old["tags"].(map[string]any)
		return r.kind.patched(old, Document{"tags": change(present)}), nil
	})
	if err != nil {
		return err
	}
	if r.Method == http.MethodDelete {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	document, err := ReadDocument(done.stored.Body)
	if err != nil {
		return err
	}
	answerTags(w, r, document)
	return nil
}

func (a *API) nothingToTag(ctx context.Context, t target) error {
	if _, err := a.load(ctx, t); err != nil {
		return err
	}
	return fairlead.Errorf(fairlead.Conflict, "The resource '%s' has just been made.", t.id).WithCode(overtakenCode)
}

// readTagChange returns what a request makes of the tags that there are.
func readTagChange(w http.ResponseWriter, r request) (func(map[string]any) map[string]any, error) {
	if r.Method == http.MethodDelete {
		return func(map[string]any) map[string]any { return map[string]any{} }, nil
	}
	document, err := readBody(w, r)
	if err != nil {
		return nil, err
	}
	var sent tagPatch
	if err := document.Decode(&sent); err != nil {
		return nil, err
	}
	tags := map[string]any{}
	for name, value := range sent.Properties.Tags {
		tags[name] = value
	}
	operation := strings.ToLower(sent.Operation)
	switch {
	case r.Method == http.MethodPut, operation == "replace":
		return func(map[string]any) map[string]any { return tags }, nil
	case operation == "merge":
		return func(present map[string]any) map[string]any { return mergedTags(present, tags) }, nil
	case operation == "delete":
		return func(present map[string]any) map[string]any { return withoutTags(present, tags) }, nil
	default:
		return nil, invalidContent("The tags patch operation '%.64s' is not one of 'Merge', 'Replace' and 'Delete'.", sent.Operation)
	}
}

// mergedTags adds tags to those present. A tag that is there in another case keeps its spelling.
func mergedTags(present, sent map[string]any) map[string]any {
	merged := map[string]any{}
	maps.Copy(merged, present)
	for name, value := range sent {
		merged[spelledIn(merged, name)] = value
	}
	return merged
}

// withoutTags removes the tags that were sent; those that were sent with a value go only if they have it.
func withoutTags(present, sent map[string]any) map[string]any {
	left := map[string]any{}
	maps.Copy(left, present)
	for name, value := range sent {
		spelled := spelledIn(left, name)
		if value == "" || left[spelled] == value {
			delete(left, spelled)
		}
	}
	return left
}

func spelledIn(tags map[string]any, name string) string {
	for known := range tags {
		if strings.EqualFold(known, name) {
			return known
		}
	}
	return name
}
