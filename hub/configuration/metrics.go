package configuration

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
)

// ending is how an operation on a configuration ended, for counting.
type ending int

const (
	succeeded ending = iota
	failed
	silent
	unpopulated
	ended
	endings
)

func (e ending) String() string {
	return [endings]string{"succeeded", "failed", "agent-unresponsive", "status-not-populated", "superseded"}[e]
}

// counted is what has been since the start.
type counted struct {
	endings          [endings]atomic.Int64
	waiting          atomic.Int64
	reports, unknown atomic.Int64
}

func (o *counted) ended(err error) {
	switch {
	case err == nil:
		o.endings[succeeded].Add(1)
	case fairlead.CodeOf(err) == codePreempted:
		o.endings[ended].Add(1)
	default:
		o.endings[endingOf(fairlead.DetailsOf(err))].Add(1)
	}
}

// endingOf finds the cause in the details of an operation's error.
func endingOf(details []fairlead.ErrorDetail) ending {
	for _, detail := range details {
		for _, info := range detail.AdditionalInfo {
			more, _ := info.Info.(map[string]any)
			switch more["cause"] {
			case fairlead.CauseAgentSilent:
				return silent
			case fairlead.CauseStatusNotPopulated:
				return unpopulated
			}
		}
	}
	return failed
}

// Metrics shows the counts of a Service to Prometheus, by names that begin with Prefix.
type Metrics struct {
	Service *Service
	Prefix  string
}

// Describe leaves what there is to Collect.
func (m Metrics) Describe(descriptions chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(m, descriptions)
}

// Collect reads the counts.
func (m Metrics) Collect(metrics chan<- prometheus.Metric) {
	counted, described := &m.Service.counted, func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(m.Prefix+name, help, labels, nil)
	}
	nouns := m.Service.Kind.Noun + "s"
	operations := described("operations_total", "Operations on "+nouns+" that have ended, by how.", "result")
	for kind := range endings {
		metrics <- prometheus.MustNewConstMetric(operations, prometheus.CounterValue, float64(counted.endings[kind].Load()), kind.String())
	}
	metrics <- prometheus.MustNewConstMetric(described("operations_waiting", "Operations on "+nouns+" that wait for their cluster."),
		prometheus.GaugeValue, float64(counted.waiting.Load()))
	metrics <- prometheus.MustNewConstMetric(described("reports_total", "States of "+nouns+" that clusters have reported."),
		prometheus.CounterValue, float64(counted.reports.Load()))
	metrics <- prometheus.MustNewConstMetric(described("unknown_total", "Reports of "+nouns+" that the hub does not know."),
		prometheus.CounterValue, float64(counted.unknown.Load()))
}
