package hub

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead/hub/presence"
)

// conflictGauge counts the clusters that report twice; an alert on it needs no name.
func conflictGauge(tracker *presence.Tracker) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fairlead_hub_duplicate_identities", Help: "Connected clusters as which two clusters report: the same key, or a copy.",
	}, func() float64 { return float64(tracker.Conflicts()) })
}
