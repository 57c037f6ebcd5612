package provider

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/hub/extension/catalogue"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

const (
	credentialsPath = "properties.credentials"
	lentPath        = "properties.credentialsForClusters"
	maxTrains       = 20
	maxBundle       = 256 << 10
)

// types is the resource type of extension types, which belong to the tenant. Whoever may write them at the root decides which
// charts clusters install, and which registries the hub asks.
type types struct{ Deps }

func extensionTypes(deps Deps) resource.Type {
	kind := types{deps}
	return resource.Type{
		Name:  catalogue.TypeName,
		Level: resource.Anywhere,
		APIVersions: []string{
			"2022-01-15-preview", "2023-05-01-preview", "2024-11-01-preview", "2025-03-01",
		},
		Names:    regexp.MustCompile(`^[A-Za-z0-9]([-A-Za-z0-9.]{0,126}[A-Za-z0-9])?$`),
		Prepare:  kind.prepare,
		Guard:    kind.guard,
		View:     kind.view,
		List:     kind.list,
		ReadOnly: []string{configuration.RecordPath, hasPath},
	}
}

func (t types) prepare(ctx context.Context, change *resource.Change) error {
	if change.ID.Scope != "" || change.ID.Subscription != "" {
		return fairlead.Errorf(fairlead.MethodNotAllowed, "Extension types belong to the tenant: write '/providers/%s/%s'.", catalogue.TypeName, change.ID.Name())
	}
	if err := misspelled(change.New.Object("properties"), "credentials"); err != nil {
		return err
	}
	secret := change.New.Get(credentialsPath)
	change.New.Drop(credentialsPath) // before anything can go wrong that quotes the document
	var known struct {
		Properties catalogue.Type `json:"properties"`
	}
	if err := change.New.Decode(&known); err != nil {
		return err
	}
	kind := known.Properties
	if len(kind.Trains) == 0 {
		kind.Trains = map[string]string{catalogue.Stable: "*"}
	}
	trains := map[string]any{}
	for name, wanted := range kind.Trains {
		trains[strings.ToLower(name)] = wanted
	}
	change.New.Set("properties.releaseTrains", trains)
	if err := checkType(kind); err != nil {
		return err
	}
	given := credentialsOf(secret)
	kind.Name = strings.ToLower(change.ID.Name())
	if change.Old == nil || change.Old.Text("properties.chart") != kind.Chart || given != (catalogue.Credentials{}) {
		if err := t.Catalogue.Try(ctx, kind, given); err != nil {
			return err
		}
	}
	return t.seal(change, given)
}

func checkType(kind catalogue.Type) error {
	if err := checkChart(kind); err != nil {
		return err
	}
	if len(kind.Trains) > maxTrains {
		return badContent("A type has at most %d release trains.", maxTrains)
	}
	for train, wanted := range kind.Trains {
		if !typeName.MatchString(strings.ToLower(train)) {
			return badContent("'%.64s' is no name of a release train.", train)
		}
		if err := catalogue.CheckRange(train, wanted); err != nil {
			return err
		}
	}
	if kind.DefaultNamespace != "" && !namespaceName.MatchString(kind.DefaultNamespace) {
		return badContent("'%.128s' is no name of a namespace.", kind.DefaultNamespace)
	}
	for _, scope := range kind.Scopes {
		if !slices.Contains([]string{fairlead.ScopeCluster, fairlead.ScopeNamespace}, strings.ToLower(scope)) {
			return badContent("'%.64s' in 'supportedScopes' is neither 'cluster' nor 'namespace'.", scope)
		}
	}
	for _, cluster := range kind.ClusterTypes {
		if !slices.Contains([]string{"connectedclusters", "managedclusters"}, strings.ToLower(cluster)) {
			return badContent("'%.64s' in 'clusterTypes' is neither 'connectedClusters' nor 'managedClusters'.", cluster)
		}
	}
	if err := kind.Upgrade.Check(); err != nil {
		return err
	}
	return checkBundle(kind.CABundle)
}

// checkChart accepts charts in registries, and in repositories that are reached over TLS.
func checkChart(kind catalogue.Type) error {
	place, err := url.Parse(kind.Chart)
	switch {
	case err != nil || place.Host == "" || place.User != nil || place.RawQuery != "" || place.Fragment != "":
		return badContent("The property 'chart' is 'oci://HOST/PATH', or the https URL of a chart repository, without credentials.")
	case place.Scheme == "oci" && strings.Trim(place.Path, "/") == "":
		return badContent("The property 'chart' names a registry and no chart in it: it is 'oci://HOST/PATH'.")
	case place.Scheme == "oci" && kind.ChartName != "":
		return badContent("The property 'chartName' is for chart repositories; 'oci://' names the chart itself.")
	case place.Scheme == "https" && kind.ChartName == "":
		return badContent("The property 'chartName' says which chart of the repository it is.")
	case place.Scheme != "oci" && place.Scheme != "https":
		return badContent("The property 'chart' is 'oci://HOST/PATH', or the https URL of a chart repository, not '%.32s:…'.", place.Scheme)
	default:
		return nil
	}
}

func checkBundle(text string) error {
	if text == "" {
		return nil
	}
	if len(text) > maxBundle || !x509.NewCertPool().AppendCertsFromPEM([]byte(text)) {
		return badContent("The property 'caBundle' is PEM of certificates, at most %d bytes.", maxBundle)
	}
	return nil
}

func credentialsOf(sent any) catalogue.Credentials {
	given, _ := sent.(map[string]any)
	user, _ := given["username"].(string)
	password, _ := given["password"].(string)
	return catalogue.Credentials{Username: user, Password: password}
}

// hasPath says whether a type has credentials, which nobody is shown.
const hasPath = "properties.hasCredentials"

// seal keeps the credentials for the chart's registry where nobody is shown them. Left out they stay, unless the chart
// changes: they are for the place for which they were given. Null removes them.
func (t types) seal(change *resource.Change, given catalogue.Credentials) error {
	kept := change.Old != nil && change.Old.Text("properties.chart") == change.New.Text("properties.chart")
	switch {
	case given != (catalogue.Credentials{}):
		text, err := json.Marshal(given) //nolint:gosec // it is sealed at once
		if err != nil {
			return badContent("The credentials cannot be encoded.")
		}
		change.Sealed = t.Extensions.SealBytes(change.ID.Key(), text)
		change.New.Set(hasPath, true)
	case kept && !change.Sent.Has(credentialsPath):
		change.New.Set(hasPath, change.Old.Get(hasPath) == true)
	default:
		change.Unseal = true
		change.New.Set(hasPath, false)
	}
	return lend(change)
}

// lend settles whether clusters get the credentials as well: only if somebody has asked for that, and no longer than there are
// some.
func lend(change *resource.Change) error {
	lent := change.New.Get(lentPath) == true
	if lent && change.New.Get(hasPath) != true {
		if change.Sent.Get(lentPath) == true {
			return badContent("The property 'credentialsForClusters' is about credentials, and the type has none for '%.256s'. "+
				"Send 'credentials' with it.", change.New.Text("properties.chart"))
		}
		lent = false
	}
	change.New.Set(lentPath, lent)
	record := catalogue.Record{}
	if lent {
		record.LentHash = change.New.Text(configuration.RecordPath + ".lentHash")
		if record.LentHash == "" || len(change.Sealed) > 0 {
			record.LentHash = rand.Text() // of the credentials it tells nothing
		}
	}
	return configuration.Note(change.New, record)
}

func (t types) view(_ context.Context, _ store.Resource, shown resource.Document) {
	shown.Drop(credentialsPath)
	shown.Drop(configuration.RecordPath)
}

// list shows the tenant's types, wherever they are asked for.
func (t types) list(ctx context.Context, _, _ string) ([]store.Resource, error) {
	return t.Store.ListResources(ctx, store.Query{Type: strings.ToLower(catalogue.TypeName)})
}
