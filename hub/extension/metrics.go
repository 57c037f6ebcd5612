package extension

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead/hub/configuration"
)

const metricPrefix = "fairlead_hub_extension_"

// counted is what has been since the start.
type counted struct{ events, upgrades atomic.Int64 }

// Upgraded counts an automatic upgrade that has begun.
func (s *Service) Upgraded() { s.counted.upgrades.Add(1) }

// Metrics shows the counts of a Service to Prometheus.
type Metrics struct{ Service *Service }

// Describe leaves what there is to Collect.
func (m Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(m, descriptions)
}

// Collect reads the counts.
func (m Metrics) Collect(metrics chan<- prometheus.Metric) {
	configuration.Metrics{Service: m.Service.Service, Prefix: metricPrefix}.Collect(metrics)
	for _, one := range []struct {
		name, help string
		count      *atomic.Int64
	}{
		{"events_total", "Events of extensions that clusters have sent.", &m.Service.counted.events},
		{"upgrades_total", "Automatic upgrades of extensions that have begun.", &m.Service.counted.upgrades},
	} {
		metrics <- prometheus.MustNewConstMetric(prometheus.NewDesc(metricPrefix+one.name, one.help, nil, nil), prometheus.CounterValue, float64(one.count.Load()))
	}
}
