package connect

import "github.com/fairlead/fairlead/client"

// Recording says what the hub records of sessions in a connected cluster.
type Recording struct {
	// Output is what exec and attach show.
	Output bool
	// Input is what is typed; it counts only together with Output.
	Input bool
}

// ReadRecording reads what is recorded from a connected cluster as the hub has it.
func ReadRecording(cluster client.Document) (Recording, error) {
	var found struct {
		Properties struct {
			ClusterConnect struct {
				Output string `json:"sessionRecording"`
				Input  string `json:"sessionRecordingInput"`
			} `json:"clusterConnect"`
		} `json:"properties"`
	}
	err := client.Decode(cluster, &found)
	set := found.Properties.ClusterConnect
	return Recording{Output: set.Output == recordingOn, Input: set.Input == recordingOn}, err
}

const recordingOn = "Enabled"

// String says it in words.
func (r Recording) String() string {
	switch {
	case !r.Output:
		return "sessions are not recorded"
	case r.Input:
		return "what exec and attach show is recorded, and all that is typed, passwords too"
	}
	return "what exec and attach show is recorded, what is typed is not"
}
