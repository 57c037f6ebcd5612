package extensionevents

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extensionconfig"
)

// take tells of what is new in the journals, and where to look for what else happens.
func (c *Collector) take(ctx context.Context, all map[string]*extensionconfig.Object) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]extensionconfig.Object{}
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if c.isNews(all[name]) {
			c.tell(all[name])
		}
		c.seen[name] = *all[name]
	}
	for name, gone := range c.seen {
		if all[name] == nil {
			c.say(fairlead.ExtensionEvent{
				Extension: name, Generation: gone.Spec.Generation, Time: c.Now().UTC(), Level: "Information", Reason: "Deleted",
				Message: "the extension is gone from the cluster",
			})
			delete(c.seen, name)
		}
	}
	c.look(ctx, all)
}

// isNews reports whether an object's newest line is new: to this process, or since the process before it has told.
func (c *Collector) isNews(object *extensionconfig.Object) bool {
	if len(object.Status.Statuses) == 0 {
		return false
	}
	line := object.Status.Statuses[0]
	known, found := c.seen[object.Name]
	if !found || known.UID != object.UID {
		return line.Time.After(c.before)
	}
	before := known.Status
	return len(before.Statuses) == 0 || before.Statuses[0] != line || before.ObservedGeneration != object.Status.ObservedGeneration
}

// tell tells of an object's newest line.
func (c *Collector) tell(object *extensionconfig.Object) {
	line := object.Status.Statuses[0]
	event := fairlead.ExtensionEvent{
		Extension: object.Name, Generation: object.Status.ObservedGeneration, Time: line.Time, Level: line.Level, Reason: reason(line.Code), Message: line.Message,
	}
	switch why := object.Status.ErrorInfo; {
	case why != nil && object.Status.Operation == nil:
		event.Reason, event.Object, event.Message = "Failed", why.Target, because(why)
	case why != nil && line.Code == rollback:
		event.Level, event.Object, event.Message = "Warning", why.Target, line.Message+", because of "+because(why)
	}
	c.say(event)
}

// rollback is the phase that begins when an upgrade has failed and what ran before is put back; the error is that of the upgrade.
const rollback = "rollback"

func because(why *fairlead.ExtensionError) string {
	return strings.TrimSpace(why.Code + ": " + why.Message + " " + why.Cause)
}

// reason is the word for a phase of the journal.
func reason(phase string) string {
	words := map[string]string{
		"settings": "Started", "fetch": "Pulling", "namespace": "Pulled", "settle": "Preparing", "hooks": "Hooks", "apply": "Applying",
		"wait": "Waiting", "delete": "Deleting", rollback: "RollingBack", "uninstall": "Uninstalling",
	}
	if word := words[phase]; word != "" {
		return word
	}
	return phase
}
