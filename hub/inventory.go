package hub

import (
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
)

// inventory measures, when it is asked, what the hub holds: clusters, connections, bytes.
type inventory struct {
	hub *Hub

	clusters, connections, database, handshakes, waiting *prometheus.Desc
}

func newInventory(h *Hub) *inventory {
	return &inventory{
		hub:         h,
		clusters:    prometheus.NewDesc("fairlead_hub_clusters", "Connected clusters that the hub has heard of, by connectivity status.", []string{"status"}, nil),
		connections: prometheus.NewDesc("fairlead_hub_connections", "Open connections; silent ones wait for a request.", []string{"state"}, nil),
		database:    prometheus.NewDesc("fairlead_hub_database_bytes", "Size of the database's files.", []string{"file"}, nil),
		handshakes:  prometheus.NewDesc("fairlead_hub_handshakes_total", "TLS handshakes that were begun; a client is refused when too many come at a time.", []string{"outcome"}, nil),
		waiting:     prometheus.NewDesc("fairlead_hub_handshakes_waiting", "TLS handshakes that wait for their turn.", nil, nil),
	}
}

// Describe implements prometheus.Collector.
func (i *inventory) Describe(to chan<- *prometheus.Desc) {
	to <- i.clusters
	to <- i.connections
	to <- i.database
	to <- i.handshakes
	to <- i.waiting
}

// Collect implements prometheus.Collector.
func (i *inventory) Collect(to chan<- prometheus.Metric) {
	counted := i.hub.parts.tracker.Count()
	for _, status := range []fairlead.ConnectivityStatus{fairlead.Connecting, fairlead.Connected, fairlead.Offline, fairlead.Expired} {
		to <- prometheus.MustNewConstMetric(i.clusters, prometheus.GaugeValue, float64(counted[status]), string(status))
	}
	open, silent := i.hub.connections.count()
	to <- prometheus.MustNewConstMetric(i.connections, prometheus.GaugeValue, float64(open-silent), "busy")
	to <- prometheus.MustNewConstMetric(i.connections, prometheus.GaugeValue, float64(silent), "silent")
	waiting, told := i.hub.turns.count()
	to <- prometheus.MustNewConstMetric(i.handshakes, prometheus.CounterValue, float64(told.served), "served")
	to <- prometheus.MustNewConstMetric(i.handshakes, prometheus.CounterValue, float64(told.refused), "refused")
	to <- prometheus.MustNewConstMetric(i.waiting, prometheus.GaugeValue, float64(waiting))
	for _, file := range []string{"hub.db", "hub.db-wal"} {
		if info, err := os.Stat(filepath.Join(i.hub.config.Data, file)); err == nil {
			to <- prometheus.MustNewConstMetric(i.database, prometheus.GaugeValue, float64(info.Size()), file)
		}
	}
}
