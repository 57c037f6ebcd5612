package fairlead

import (
	"regexp"
	"slices"
	"strings"
)

// maxResourceID bounds what is parsed; Azure's own limit is about 2,000 characters.
const maxResourceID = 2048

var segment = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.()-]{0,127}$`)

// ResourceID names a resource the way Azure Resource Manager does, spelled as the caller spelled
// it. Compare ids by Key. A resource group has no Namespace; a subscription has no ResourceGroup
// either; an extension resource carries the id that it extends in Scope.
type ResourceID struct {
	Scope         string
	Subscription  string
	ResourceGroup string
	Namespace     string
	Types         []string
	Names         []string
}

// ParseResourceID reads an id such as /subscriptions/S/resourceGroups/G/providers/NS/type/name, with
// nested types and extension resources. Anything else, and any name that a URL could smuggle
// (dots only, slashes, escapes, non-ASCII), is an Invalid error.
func ParseResourceID(text string) (ResourceID, error) {
	parts := strings.Split(strings.TrimPrefix(text, "/"), "/")
	if len(text) > maxResourceID || !strings.HasPrefix(text, "/") || len(parts)%2 != 0 && !extension(parts) {
		return ResourceID{}, invalidID(text)
	}
	for _, part := range parts {
		if !segment.MatchString(part) {
			return ResourceID{}, invalidID(text)
		}
	}
	return parseParts(text, parts)
}

// extension reports an odd number of segments, which providers/NS/type/name alone makes even.
func extension(parts []string) bool { return lastProviders(parts) >= 0 }

func lastProviders(parts []string) int {
	for i, part := range slices.Backward(parts) {
		if strings.EqualFold(part, "providers") {
			return i
		}
	}
	return -1
}

func parseParts(text string, parts []string) (ResourceID, error) {
	id := ResourceID{}
	at := lastProviders(parts)
	scope := parts
	if at >= 0 {
		scope = parts[:at]
		if err := id.readProvider(text, parts[at+1:]); err != nil {
			return ResourceID{}, err
		}
	}
	return id.readScope(text, scope)
}

func (id *ResourceID) readProvider(text string, parts []string) error {
	if len(parts) < 3 || len(parts)%2 == 0 {
		return invalidID(text)
	}
	id.Namespace = parts[0]
	for i := 1; i < len(parts); i += 2 {
		id.Types, id.Names = append(id.Types, parts[i]), append(id.Names, parts[i+1])
	}
	return nil
}

func (id ResourceID) readScope(text string, scope []string) (ResourceID, error) {
	if lastProviders(scope) >= 0 {
		parent, err := ParseResourceID("/" + strings.Join(scope, "/"))
		if err != nil {
			return ResourceID{}, err
		}
		id.Scope, id.Subscription, id.ResourceGroup = parent.String(), parent.Subscription, parent.ResourceGroup
		return id, nil
	}
	return id.readGroup(text, scope)
}

func (id ResourceID) readGroup(text string, scope []string) (ResourceID, error) {
	switch {
	case len(scope) == 0 && id.Namespace != "":
		return id, nil
	case len(scope) != 2 && len(scope) != 4, !strings.EqualFold(scope[0], "subscriptions"):
		return ResourceID{}, invalidID(text)
	case len(scope) == 4 && !strings.EqualFold(scope[2], "resourceGroups"):
		return ResourceID{}, invalidID(text)
	}
	id.Subscription = scope[1]
	if len(scope) == 4 {
		id.ResourceGroup = scope[3]
	}
	return id, nil
}

func invalidID(text string) *Error {
	return Errorf(Invalid, "%.200q is not a resource id", text).WithCode("InvalidResourceId")
}

// ConnectedClusterID returns the id of a connected cluster; it does not check the names.
func ConnectedClusterID(subscription, group, name string) ResourceID {
	return ResourceID{
		Subscription: subscription, ResourceGroup: group, Namespace: "Microsoft.Kubernetes",
		Types: []string{"connectedClusters"}, Names: []string{name},
	}
}

// ManagedClusterID returns the id of a cluster of the AKS kind.
func ManagedClusterID(subscription, group, name string) ResourceID {
	return ResourceID{
		Subscription: subscription, ResourceGroup: group, Namespace: "Microsoft.ContainerService",
		Types: []string{"managedClusters"}, Names: []string{name},
	}
}

// String returns the id in Azure's spelling of the fixed segments.
func (id ResourceID) String() string {
	var text strings.Builder
	switch {
	case id.Scope != "":
		text.WriteString(id.Scope)
	case id.Subscription != "":
		text.WriteString("/subscriptions/" + id.Subscription)
		if id.ResourceGroup != "" {
			text.WriteString("/resourceGroups/" + id.ResourceGroup)
		}
	}
	if id.Namespace != "" {
		text.WriteString("/providers/" + id.Namespace)
	}
	for i := range id.Types {
		text.WriteString("/" + id.Types[i] + "/" + id.Names[i])
	}
	return text.String()
}

// Key returns the form under which ids are compared and stored: lower case.
func (id ResourceID) Key() string { return strings.ToLower(id.String()) }

// Type returns for example Microsoft.Kubernetes/connectedClusters, as spelled in the id.
func (id ResourceID) Type() string {
	switch {
	case id.Namespace != "":
		return id.Namespace + "/" + strings.Join(id.Types, "/")
	case id.ResourceGroup != "":
		return "Microsoft.Resources/resourceGroups"
	default:
		return "Microsoft.Resources/subscriptions"
	}
}

// Name returns the last name in the id.
func (id ResourceID) Name() string {
	switch {
	case len(id.Names) > 0:
		return id.Names[len(id.Names)-1]
	case id.ResourceGroup != "":
		return id.ResourceGroup
	default:
		return id.Subscription
	}
}
