package metrics

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
)

// gauges are what Prometheus sees of the agents.
type gauges struct {
	ready, restarts, memory, cpu *prometheus.GaugeVec
}

func (g *gauges) register(registry prometheus.Registerer) error {
	for gauge, about := range map[**prometheus.GaugeVec][2]string{
		&g.ready:    {"fairlead_agent_ready", "Whether an agent is ready (1) or not (0)."},
		&g.restarts: {"fairlead_agent_restarts", "How often the containers of an agent's pod have started anew."},
		&g.memory:   {"fairlead_agent_memory_bytes", "Resident memory of an agent, 0 when it does not answer."},
		&g.cpu:      {"fairlead_agent_cpu_seconds", "CPU time that an agent has used since its start."},
	} {
		*gauge = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: about[0], Help: about[1]}, []string{"agent"})
		if err := registry.Register(*gauge); err != nil {
			return fmt.Errorf("register %s: %w", about[0], err)
		}
	}
	return nil
}

func (g *gauges) set(status fairlead.AgentStatus) {
	for _, vector := range []*prometheus.GaugeVec{g.ready, g.restarts, g.memory, g.cpu} {
		vector.Reset()
	}
	for _, c := range status.Components {
		ready := 0.0
		if c.Ready {
			ready = 1
		}
		g.ready.WithLabelValues(c.Type).Set(ready)
		g.restarts.WithLabelValues(c.Type).Set(float64(c.Restarts))
		g.memory.WithLabelValues(c.Type).Set(float64(c.MemoryBytes))
		g.cpu.WithLabelValues(c.Type).Set(c.CPUSeconds)
	}
}
