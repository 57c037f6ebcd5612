package agent

import (
	"maps"
	"slices"
	"time"

	"github.com/fairlead/fairlead"
)

// describe is the status of agents that run as plain processes: there are no pods to look at, so the
// process tells of itself.
func (p *process) describe() fairlead.AgentStatus {
	status := fairlead.AgentStatus{State: "Succeeded", Components: []fairlead.SystemComponent{}}
	memory, cpu := p.measure()
	reasons := p.state.Reasons()
	for _, name := range slices.Sorted(maps.Keys(reasons)) {
		component := fairlead.SystemComponent{Type: name, CurrentVersion: p.settings.AgentVersion, Ready: reasons[name] == nil}
		if len(status.Components) == 0 {
			component.MemoryBytes, component.CPUSeconds = memory, cpu // of all: they share one process
		}
		status.Components = append(status.Components, component)
		if reason := reasons[name]; reason != nil {
			status.Errors = append(status.Errors, fairlead.AgentError{
				Component: name, Severity: "Warning", Message: reason.Error(), Time: time.Now().UTC().Truncate(time.Second),
			})
		}
	}
	return status
}

func (p *process) measure() (memory int64, cpu float64) {
	families, err := p.registry.Gather()
	if err != nil {
		return 0, 0
	}
	for _, family := range families {
		switch family.GetName() {
		case "process_resident_memory_bytes":
			memory = int64(family.GetMetric()[0].GetGauge().GetValue())
		case "process_cpu_seconds_total":
			cpu = family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return memory, cpu
}
