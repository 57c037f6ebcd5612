package observer

import (
	"regexp"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/agent/fluxconfig"
)

// words say what is wrong with a configuration and what to do: its first object that fails by its own fault, in Flux' words.
func (j *judgement) words(object *fluxconfig.Object) string {
	if made := object.Status.Applied; made != nil && made.Generation == object.Spec.Generation {
		if made.Error != "" {
			return short(made.Error)
		}
		if made.Waiting != "" {
			return short(made.Waiting)
		}
	}
	if len(j.failing) == 0 {
		return ""
	}
	first := j.atFault()
	said := first.said()
	text := first.Kind + " " + first.Namespace + "/" + first.Name + ": " + short(inOneLine(said))
	if advice := first.advice(said); advice != "" {
		text = strings.TrimRight(text, ". ") + ". " + advice
	}
	return text
}

// atFault is the first object that fails by itself. A kustomization that waits in vain for an object of Flux has less to say than that.
func (j *judgement) atFault() fault {
	if i := slices.IndexFunc(j.failing, func(f fault) bool { return !f.failsByWhatItApplied() }); i >= 0 {
		return j.failing[i]
	}
	return j.failing[0]
}

// azureAnswer is how Azure's client tells of a refusal: by a table with the whole answer in it.
var azureAnswer = regexp.MustCompile(`\s*\n-+\nRESPONSE (\d+): [^\n]*\nERROR CODE: ([^\n]+)\n(?s:.*)`)

// inOneLine leaves of such a table what was asked, the status and the code.
func inOneLine(message string) string {
	return strings.TrimSpace(azureAnswer.ReplaceAllString(message, ": $1 $2"))
}
