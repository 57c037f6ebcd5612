// Package check holds doctor's checks, one file or a few a component. Every check is a value of doctor.Check with the id of an
// entry of the failure catalogue; it is pure over a snapshot.
package check

import (
	"slices"

	"github.com/fairlead/fairlead/doctor"
)

// All returns every check, in the order in which a person should look at them.
func All() []doctor.Check {
	return slices.Concat(client(), caller(), network(), arc(), extension(), helm(), flux(), monitor(), mesh())
}
