package maker

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead/agent/fluxconfig"
	"github.com/fairlead/fairlead/agent/pace"
)

// recall returns what is remembered of a configuration, and a print of all that is a reason to serve it again.
func (c *Controller) recall(object *fluxconfig.Object) (*memory, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.done[object.Name]
	if known == nil {
		known = &memory{backoff: pace.Backoff{Min: time.Second, Max: time.Minute}}
		c.done[object.Name] = known
	}
	var print strings.Builder
	fmt.Fprint(&print, object.UID, " ", object.Generation, " ", object.Going(), " ", object.Held(), "\n")
	for _, other := range c.neighbours(object) {
		fmt.Fprint(&print, "beside ", other.Name, " ", other.Spec.Scope, " ", other.Going(), "\n")
	}
	for _, resource := range slices.Sorted(maps.Keys(c.owned)) {
		for _, name := range slices.Sorted(maps.Keys(c.owned[resource])) {
			if space, own, _ := strings.Cut(name, "/"); space == object.Spec.Namespace && (own == object.Name || strings.HasPrefix(own, object.Name+"-")) {
				fmt.Fprint(&print, resource, " ", name, " ", c.owned[resource][name], "\n")
			}
		}
	}
	return known, print.String()
}

// neighbours are the other configurations of a namespace, by name. The lock is held.
func (c *Controller) neighbours(object *fluxconfig.Object) []*fluxconfig.Object {
	var others []*fluxconfig.Object
	for _, name := range slices.Sorted(maps.Keys(c.wanted)) {
		if other := c.wanted[name]; name != object.Name && other.Spec.Namespace == object.Spec.Namespace {
			others = append(others, other)
		}
	}
	return others
}

func (c *Controller) beside(object *fluxconfig.Object) []*fluxconfig.Object {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.neighbours(object)
}

// inUse reports whether another configuration is in the namespace of one that goes, but such as have gone already.
func (c *Controller) inUse(going *fluxconfig.Object) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(c.neighbours(going), func(other *fluxconfig.Object) bool {
		known := c.done[other.Name]
		return known == nil || known.released != other.UID
	})
}
