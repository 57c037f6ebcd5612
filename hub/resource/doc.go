// Package resource is the generic engine of the resource API: everything that Azure Resource
// Manager does alike for every resource type. It parses ids, asks access, checks api-versions and
// preconditions, merges documents, journals and runs long operations, pages lists and words the
// errors. It knows no resource type: a type is a Type value, and hub/provider has them all.
//
// To add a resource type, write a Type in a file of its own in hub/provider and name it in
// provider.All. The fields of Type are the whole vocabulary; its zero values are the usual case:
//
//	func widget() resource.Type {
//		return resource.Type{
//			Name:        "Contoso.Shop/widgets",
//			APIVersions: []string{"2026-01-01"},
//			Locations:   []string{"local"},
//			ReadOnly:    []string{"properties.serialNumber"},
//			Prepare: func(_ context.Context, change *resource.Change) error {
//				if change.Old == nil {
//					change.New.Set("properties.serialNumber", newSerial())
//				}
//				return nil
//			},
//		}
//	}
//
// That alone gives PUT, PATCH, GET, HEAD, DELETE and lists by group and subscription, with access
// checked as Contoso.Shop/widgets/read, write and delete.
package resource
