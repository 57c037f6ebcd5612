// Package spec is what the starter of a cluster tells its supervisor: which processes to run, and in which surroundings.
package spec

// Spec is one cluster for the supervisor, which reads it as JSON from its standard input. The end of that input is the end of the
// cluster, which so dies with whoever started it, unless a Release comes first.
type Spec struct {
	// StateDir is removed when the cluster ends.
	StateDir string `json:"stateDir"`
	// Report is a file that lists each process as it is now.
	Report string `json:"report"`
	// Surroundings are prepared before the first process; nil when the processes run among the host's own.
	Surroundings *Surroundings `json:"surroundings,omitempty"`
	// Processes are started together, in this order, and again whenever they end.
	Processes []Process `json:"processes"`
}

// Release may follow a Spec.
type Release struct {
	// Detached says that the cluster shall outlive its starter.
	Detached bool `json:"detached"`
}

// Surroundings describe a machine of its own: the supervisor is process 1 of new namespaces.
type Surroundings struct {
	// Hostname is the node's name.
	Hostname string `json:"hostname"`
	// Binds puts folders and files of the host at another place.
	Binds []Bind `json:"binds"`
	// Cgroup is made in every hierarchy, and removed at the end, such as /fairlead-demo.
	Cgroup string `json:"cgroup"`
}

// Bind shows Source at Target. A Target below another bind's Target is made when absent.
type Bind struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// Process is one program to keep running.
type Process struct {
	Name string   `json:"name"`
	Args []string `json:"args"`
	Log  string   `json:"log"`
	// After is a file that must exist before the process is started, such as another's socket.
	After string `json:"after,omitempty"`
}

// Report is the state of one process.
type Report struct {
	Name     string `json:"name"`
	PID      int    `json:"pid"`
	Restarts int    `json:"restarts"`
	LastExit string `json:"lastExit,omitempty"`
}
