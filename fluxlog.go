package fairlead

import "time"

// OpFluxLogs is the operation by which flux-logs-agent reports, relative to DataPlanePath.
const OpFluxLogs = "fluxConfigurations/postLogs" // POST []FluxLog

// FluxLog is one line of a controller of Flux about an object of a configuration. Time and Pod tell it from all others, so that what
// is sent twice is kept once. Sequence orders the lines of a configuration as the hub got them; the hub sets it. An error that names
// no object, so that Kind and Name are empty, is the controller's own.
type FluxLog struct {
	Configuration string    `json:"configuration"`
	Sequence      int64     `json:"sequence,omitempty"`
	Time          time.Time `json:"time"`
	Level         string    `json:"level"` // FluxLogError or FluxLogInfo
	Controller    string    `json:"controller"`
	Pod           string    `json:"pod"`
	Kind          string    `json:"kind,omitempty"`
	Namespace     string    `json:"namespace,omitempty"`
	Name          string    `json:"name,omitempty"`
	Message       string    `json:"message"`
	Error         string    `json:"error,omitempty"`
	// Skipped is how many lines before this one were left out, because there were more than are passed on.
	Skipped int `json:"skipped,omitempty"`
}

// The levels of a line, in Flux' words.
const (
	FluxLogError = "error"
	FluxLogInfo  = "info"
)
