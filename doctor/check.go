package doctor

import "github.com/fairlead/fairlead/doctor/snapshot"

// Check judges one failure of the catalogue.
type Check struct {
	// ID is the catalogue's, such as ARC-08.
	ID       string
	Severity Severity
	// Title is that of a person's own check; the catalogue has the others'.
	Title string

	// Needs are read before Eval can judge at all. When nothing of one of them could be read the result is unknown; when a part
	// could not, a pass becomes unknown.
	Needs []snapshot.Need
	// Uses are read as well, as evidence or for one part of the judgement, and may be missing. Eval looks for itself.
	Uses []snapshot.Need
	// Logs are logs that Eval looks at. When one of them could not be read, a pass becomes unknown.
	Logs []snapshot.LogNeed

	// After are ids whose failure explains this one, the likeliest first.
	After []string

	// Applies returns "" when there is something to judge, else the key of the reason why not, such as NotInstalled. Its own needs are
	// AppliesNeeds: when they could not be read the check is judged as if it applied, so that nothing is left out in silence.
	Applies      func(*snapshot.Snapshot) string
	AppliesNeeds []snapshot.Need
	// Asked makes an id or area on the command line overrule Applies.
	Asked bool
	// Offline marks a check that can be judged when the cluster cannot be reached.
	Offline bool

	// Eval returns what is wrong, or facts worth telling. None means pass.
	Eval func(*snapshot.Snapshot) []Finding
}

// Keys of the reasons for which a check is skipped. Their texts are in the catalogue's ui file, as are those of keys that begin with
// unknown; all others are reasons of the entry.
const (
	NotInstalled  = "skipNotInstalled"  // the component is not in this cluster
	FeatureOff    = "skipFeatureOff"    // the component has no such feature, or it is disabled on purpose
	NeedsProbe    = "skipNeedsProbe"    // only --probe can tell
	NeedsAzure    = "skipNeedsAzure"    // only Azure can tell, and nothing points to it
	NeedsClient   = "skipNeedsClient"   // there is no az here, so nothing to judge
	OtherPlatform = "skipOtherPlatform" // another kind of cluster
	Unreachable   = "skipUnreachable"   // behind CLI-06
	Behind        = "skipBehind"        // a check that this one stands on failed; Args has its id
)

// Severity says how bad a failure is for the people who use the cluster.
type Severity string

// The severities, mildest first.
const (
	Info     Severity = "info"
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)
