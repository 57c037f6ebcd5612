package clusterconnect

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// meters are what Prometheus sees of the tunnels.
type meters struct {
	opened, failed prometheus.Counter
}

func (m *meters) register(registry prometheus.Registerer, all *links) error {
	attempts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fairlead_tunnel_attempts_total", Help: "Attempts to open a tunnel to the hub, by outcome.",
	}, []string{"outcome"})
	m.opened, m.failed = attempts.WithLabelValues("opened"), attempts.WithLabelValues("failed")
	for _, collector := range []prometheus.Collector{
		attempts,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "fairlead_tunnels", Help: "Tunnels to the hub that are open: one, and more for a while when one takes the place of another.",
		}, func() float64 { return float64(all.count()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "fairlead_tunnel_received_bytes_total", Help: "Bytes that came from the hub through tunnels.",
		}, func() float64 { received, _ := all.bytes(); return float64(received) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "fairlead_tunnel_sent_bytes_total", Help: "Bytes that went to the hub through tunnels.",
		}, func() float64 { _, sent := all.bytes(); return float64(sent) }),
	} {
		if err := registry.Register(collector); err != nil {
			return fmt.Errorf("register the metrics of tunnels: %w", err)
		}
	}
	return nil
}
