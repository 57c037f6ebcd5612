package doctor

import (
	"encoding/json"
	"time"
)

// Status is the result of a check.
type Status string

// The statuses. Unknown means that it could not be determined, skipped that there is nothing to determine.
const (
	Pass    Status = "pass"
	Warn    Status = "warn"
	Fail    Status = "fail"
	Unknown Status = "unknown"
	Skipped Status = "skipped"
)

// Finding is one result of one check.
type Finding struct {
	ID       string // filled in by Evaluate
	Status   Status
	Severity Severity // of the check when empty

	// Key chooses the sentence that says what was found: reasons.KEY of the id in the catalogue, with Args in its places {name}.
	Key  string
	Args map[string]string
	// Title and Text are what a person's own check says in the person's own words; they come before those of the catalogue.
	Title string
	Text  string

	// Scope is the namespace, or namespace/release, that the finding is about; empty means the whole cluster. A cause explains a
	// symptom only when their scopes are the same or one has none.
	Scope string
	// After are further ids that may explain this finding; they go before those of the check.
	After []string
	// CausedBy is the id of the finding that explains this one, "" for a root cause. Evaluate fills it in.
	CausedBy string

	Objects  []Object
	Evidence []Evidence
	Remedies []Remedy
}

// Problem reports whether something is wrong.
func (f Finding) Problem() bool { return f.Status == Warn || f.Status == Fail }

// Root reports whether the finding is a root cause.
func (f Finding) Root() bool { return f.Problem() && f.CausedBy == "" }

// Object names an object of the cluster, a container of a pod, or a thing on the client's machine.
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name"`
	Container string `json:"container,omitempty"`
	// Managed says who keeps the object as it is (Flux, Argo CD, Helm), so that a change by hand would be undone.
	Managed string `json:"managed,omitempty"`
}

// String is KIND/NAMESPACE/NAME[CONTAINER].
func (o Object) String() string {
	text := o.Kind + "/"
	if o.Namespace != "" {
		text += o.Namespace + "/"
	}
	text += o.Name
	if o.Container != "" {
		text += "[" + o.Container + "]"
	}
	return text
}

// Evidence is what was seen, in the words of whoever said it.
type Evidence struct {
	Source string    `json:"source"` // event, log, status, spec, probe, client or api
	Object string    `json:"object,omitempty"`
	Text   string    `json:"text"`
	Time   time.Time `json:"time,omitzero"`
}

// Risk says what a remedy may cost.
type Risk string

// The risks. Safe is reversible, loses nothing and restarts nothing; Ask changes behaviour or restarts something; Manual is never done
// by doctor.
const (
	Safe   Risk = "safe"
	Ask    Risk = "ask"
	Manual Risk = "no"
)

// Remedy is one way to mend a finding.
type Remedy struct {
	// Key chooses the sentence: remedies.KEY of the id in the catalogue, with Args in its places.
	Key  string
	Args map[string]string
	Text string // in a person's own words, before those of the catalogue
	Risk Risk
	// Commands are what a person types, with this cluster's names; words in <angle brackets> are for the person to fill in.
	Commands []string
	// Undo are the commands that take it back.
	Undo []string
	// Actions are what --fix does; empty when doctor never does it.
	Actions []Action
}

// Verb is what an action does to its object.
type Verb string

// The verbs of actions.
const (
	MergePatch Verb = "merge-patch"
	JSONPatch  Verb = "json-patch"
	Delete     Verb = "delete"
	Apply      Verb = "apply"   // server-side, whole object in Body
	Restart    Verb = "restart" // as kubectl rollout restart
)

// Action is one change of one object.
type Action struct {
	Verb       Verb
	APIVersion string // such as apps/v1
	Resource   string // plural
	Namespace  string
	Name       string
	Body       json.RawMessage // patch or object; empty for delete and restart
	// Backup asks for a copy of the object as it is, in a file beside the person, before the change.
	Backup bool
}
