package provider

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/extension"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/reply"
)

// TypeCatalogue shows extension types and their versions the way clients look for them: by location, and by cluster.
type TypeCatalogue struct {
	Deps

	Reply reply.Writer
}

// Mount adds the paths to mux.
func (t *TypeCatalogue) Mount(mux *http.ServeMux) {
	const located = "GET /subscriptions/{subscription}/providers/{namespace}/locations/{location}/extensiontypes"
	const onCluster = "GET /subscriptions/{subscription}/resourcegroups/{group}/providers/{provider}/{kind}/{cluster}/providers/{namespace}/extensiontypes"
	mux.HandleFunc("GET /providers/{namespace}/extensiontypes/{type}/versions", t.answer(t.versions))
	for _, base := range []string{located, onCluster} {
		mux.HandleFunc(base, t.answer(t.list))
		mux.HandleFunc(base+"/{type}", t.answer(t.show))
		mux.HandleFunc(base+"/{type}/versions", t.answer(t.versions))
		mux.HandleFunc(base+"/{type}/versions/{version}", t.answer(t.version))
	}
}

func (t *TypeCatalogue) answer(serve func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := serve(w, r); err != nil {
			t.Reply.Error(w, r, err)
		}
	}
}

// scope is where types are looked for: a subscription, or a cluster of a kind.
type scope struct {
	id      string
	cluster string // its kind, in lower case, when there is one
}

// place understands a path, and checks that the caller may know: whoever may read extensions there, or types.
func (t *TypeCatalogue) place(r *http.Request) (scope, error) {
	if !strings.EqualFold(r.PathValue("namespace"), "Microsoft.KubernetesConfiguration") {
		return scope{}, fairlead.Errorf(fairlead.NotFound, "The resource type 'extensionTypes' could not be found in the namespace '%.64s'.",
			r.PathValue("namespace")).WithCode("InvalidResourceType")
	}
	if r.PathValue("subscription") == "" {
		return scope{}, t.Access.Check(r.Context(), catalogue.TypeName+"/read", "/")
	}
	at := scope{id: "/subscriptions/" + r.PathValue("subscription"), cluster: strings.ToLower(parameter(r, "clusterType"))}
	if r.PathValue("cluster") != "" {
		at.id += "/resourceGroups/" + r.PathValue("group") + "/providers/" + r.PathValue("provider") + "/" + r.PathValue("kind") + "/" + r.PathValue("cluster")
		at.cluster = r.PathValue("kind")
	}
	id, err := fairlead.ParseResourceID(at.id)
	if err != nil {
		return at, err
	}
	if t.Access.Check(r.Context(), extension.TypeName+"/read", at.id) != nil {
		if err := t.Access.Check(r.Context(), catalogue.TypeName+"/read", at.id); err != nil {
			return at, err
		}
	}
	_, err = t.Store.GetResource(r.Context(), id.Key())
	if err != nil && fairlead.KindOf(err) == fairlead.NotFound {
		return at, fairlead.Errorf(fairlead.NotFound, "The resource '%s' could not be found.", at.id).WithCode("ParentResourceNotFound")
	}
	return at, err
}

// parameter returns a query parameter, whose name is matched without case.
func parameter(r *http.Request, name string) string {
	for known, values := range r.URL.Query() {
		if strings.EqualFold(known, name) {
			return values[0]
		}
	}
	return ""
}

func (t *TypeCatalogue) list(w http.ResponseWriter, r *http.Request) error {
	at, err := t.place(r)
	if err != nil {
		return err
	}
	all, err := t.Catalogue.Types(r.Context())
	if err != nil {
		return err
	}
	shown := list[map[string]any]{Value: []map[string]any{}}
	for _, kind := range all {
		if at.fits(kind) && !planned(r) {
			shown.Value = append(shown.Value, at.document(kind))
		}
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// planned reports that only types of a marketplace's plan are asked for, of which a hub has none.
func planned(r *http.Request) bool {
	for _, name := range []string{"publisherId", "offerId", "planId", "planName", "planProduct", "planPublisher"} {
		if parameter(r, name) != "" {
			return true
		}
	}
	return false
}

func (s scope) fits(kind catalogue.Type) bool { return s.cluster == "" || kind.On(s.cluster) }

// document is a type in the form of 2023-05-01-preview. Where its chart is, is its administrator's business.
func (s scope) document(kind catalogue.Type) map[string]any {
	clusters := clusterTypes(kind)
	defaultScope := fairlead.ScopeCluster
	if !kind.Supports(defaultScope) {
		defaultScope = fairlead.ScopeNamespace
	}
	scopes := map[string]any{"defaultScope": defaultScope}
	if kind.Supports(fairlead.ScopeCluster) {
		settings := map[string]any{"allowMultipleInstances": true, "defaultReleaseNamespace": kind.Namespace()}
		nested := maps.Clone(settings)
		settings["properties"] = nested // the guides show the settings themselves, SDKs read them in there
		scopes["clusterScopeSettings"] = settings
	}
	trains := make([]string, 0, len(kind.Trains))
	for train := range kind.Trains {
		trains = append(trains, train)
	}
	slices.Sort(trains)
	return map[string]any{
		"id": s.id + "/providers/" + catalogue.TypeName + "/" + kind.Name, "name": kind.Name, "type": catalogue.TypeName,
		"properties": map[string]any{
			"isSystemExtension": kind.System, "isManagedIdentityRequired": false, "description": kind.Description, "publisher": "", "planInfo": nil,
			"supportedScopes": scopes, "supportedClusterTypes": clusters, "clusterTypes": clusters, "releaseTrains": trains,
		},
	}
}

// clusterTypes are the kinds of clusters that a type is for.
func clusterTypes(kind catalogue.Type) []string {
	if len(kind.ClusterTypes) > 0 {
		return kind.ClusterTypes
	}
	return []string{"connectedClusters", "managedClusters"}
}

// kind is the type of a path, if it is for clusters of the kind that is asked for.
func (t *TypeCatalogue) kind(r *http.Request) (scope, catalogue.Type, error) {
	at, err := t.place(r)
	if err != nil {
		return at, catalogue.Type{}, err
	}
	found, err := t.Catalogue.Type(r.Context(), r.PathValue("type"))
	if err != nil && fairlead.CodeOf(err) == catalogue.CodeNoType || err == nil && !at.fits(found) {
		return at, found, fairlead.Errorf(fairlead.NotFound, "The extension type '%.128s' was not found.", r.PathValue("type"))
	}
	return at, found, err
}

func (t *TypeCatalogue) show(w http.ResponseWriter, r *http.Request) error {
	at, kind, err := t.kind(r)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, at.document(kind))
	return nil
}

func (t *TypeCatalogue) versions(w http.ResponseWriter, r *http.Request) error {
	at, kind, found, err := t.chosen(r)
	if err != nil {
		return err
	}
	shown := list[map[string]any]{Value: []map[string]any{}}
	for _, one := range found {
		shown.Value = append(shown.Value, at.version(kind, one))
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// offered is a version that a train takes.
type offered struct {
	train   string
	version *semver.Version
}

// chosen is the type of a path with the versions that are asked for.
func (t *TypeCatalogue) chosen(r *http.Request) (scope, catalogue.Type, []offered, error) {
	at, kind, err := t.kind(r)
	if err != nil {
		return at, kind, nil, err
	}
	found, err := t.choose(r, kind)
	return at, kind, found, err
}

// choose returns what the filters let pass of a type's versions, train by train, newest first.
func (t *TypeCatalogue) choose(r *http.Request, kind catalogue.Type) ([]offered, error) {
	trains := make([]string, 0, len(kind.Trains))
	if asked := parameter(r, "releaseTrain"); asked != "" {
		trains = append(trains, strings.ToLower(asked))
	} else {
		for train := range kind.Trains {
			trains = append(trains, train)
		}
	}
	slices.Sort(trains)
	major, latest := parameter(r, "majorVersion"), strings.EqualFold(parameter(r, "showLatest"), "true")
	var all []offered
	for _, train := range trains {
		find := t.Catalogue.Versions
		if r.PathValue("subscription") == "" { // an administrator looks whether a push has arrived
			find = t.Catalogue.Now
		}
		found, err := find(r.Context(), kind, train)
		if err != nil {
			return nil, err
		}
		for _, version := range found {
			if major != "" && strconv.FormatUint(version.Major(), 10) != major {
				continue
			}
			all = append(all, offered{train, version})
			if latest {
				break
			}
		}
	}
	return all, nil
}

func (s scope) version(kind catalogue.Type, one offered) map[string]any {
	name := one.version.Original()
	return map[string]any{
		"id":   s.id + "/providers/" + catalogue.TypeName + "/" + kind.Name + "/versions/" + name,
		"name": name, "type": catalogue.TypeName + "/versions",
		"properties": map[string]any{
			"version": name, "releaseTrain": one.train, "supportedClusterTypes": clusterTypes(kind), "unsupportedKubernetesVersions": map[string]any{},
		},
	}
}

func (t *TypeCatalogue) version(w http.ResponseWriter, r *http.Request) error {
	at, kind, found, err := t.chosen(r)
	if err != nil {
		return err
	}
	for _, one := range found {
		if one.version.Original() == r.PathValue("version") {
			reply.JSON(w, http.StatusOK, at.version(kind, one))
			return nil
		}
	}
	return fairlead.Errorf(fairlead.NotFound, "The version '%.64s' of extension type '%s' was not found in its release trains.", r.PathValue("version"), kind.Name)
}
