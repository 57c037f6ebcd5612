package relay

import (
	"net/http"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/fairlead/fairlead"
)

// result is how a request went, for counting.
type result int

const (
	forwarded result = iota
	unauthenticated
	forbidden
	notFound
	noTunnel
	tooMany
	policy
	failed
	results
)

func (r result) String() string {
	return [results]string{"forwarded", "unauthenticated", "forbidden", "not-found", "unavailable", "too-many", "policy", "failed"}[r]
}

func resultOf(err error) result {
	switch fairlead.KindOf(err) {
	case fairlead.Unauthenticated:
		return unauthenticated
	case fairlead.Forbidden:
		return forbidden
	case fairlead.NotFound, fairlead.Invalid:
		return notFound
	case fairlead.TooManyRequests:
		return tooMany
	case fairlead.Unavailable:
		return noTunnel
	default:
		return failed
	}
}

// counted is what has been since the start.
type counted struct {
	opened  atomic.Int64
	in, out atomic.Int64
	results [results]atomic.Int64
}

func (o *counted) result(of result) { o.results[of].Add(1) }

// ended counts a request that was forwarded, or was to be.
func (o *counted) ended(how Ending) {
	o.in.Add(how.BytesIn)
	o.out.Add(how.BytesOut)
	of := failed
	switch how.Reason {
	case "":
		of = forwarded
	case reasonOf(fairlead.Unavailable):
		of = noTunnel
	case reasonOf(fairlead.TooManyRequests):
		of = tooMany
	case "policy":
		of = policy
	case reasonOf(fairlead.Forbidden):
		of = forbidden
	}
	if how.Status == http.StatusSwitchingProtocols && of == failed { // it was cut later
		of = forwarded
	}
	o.result(of)
}

// Metrics measures the relay when it is asked.
type Metrics struct{ Server *Server }

func descriptions() (tunnels, opened, open, requests, bytes *prometheus.Desc) {
	return prometheus.NewDesc("fairlead_hub_relay_tunnels", "Tunnels that clusters hold.", nil, nil),
		prometheus.NewDesc("fairlead_hub_relay_tunnels_opened_total", "Tunnels that clusters have opened.", nil, nil),
		prometheus.NewDesc("fairlead_hub_relay_requests_open", "Requests for clusters under way; long ones are watches, followed logs and upgraded streams.", []string{"kind"}, nil),
		prometheus.NewDesc("fairlead_hub_relay_requests_total", "Requests for clusters, by how they went.", []string{"result"}, nil),
		prometheus.NewDesc("fairlead_hub_relay_bytes_total", "Bytes of bodies and streams, to clusters and from them.", []string{"direction"}, nil)
}

// Describe implements prometheus.Collector.
func (m Metrics) Describe(to chan<- *prometheus.Desc) {
	tunnels, opened, open, requests, bytes := descriptions()
	for _, one := range []*prometheus.Desc{tunnels, opened, open, requests, bytes} {
		to <- one
	}
}

// Collect implements prometheus.Collector.
func (m Metrics) Collect(to chan<- prometheus.Metric) {
	tunnels, opened, open, requests, bytes := descriptions()
	s := m.Server
	gauge := func(of *prometheus.Desc, value int, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.GaugeValue, float64(value), labels...)
	}
	counter := func(of *prometheus.Desc, value int64, labels ...string) {
		to <- prometheus.MustNewConstMetric(of, prometheus.CounterValue, float64(value), labels...)
	}
	gauge(tunnels, s.links.count())
	counter(opened, s.counted.opened.Load())
	s.open.mu.Lock()
	under := s.open.count
	s.open.mu.Unlock()
	gauge(open, under[short], "short")
	gauge(open, under[long], "long")
	for of := range results {
		counter(requests, s.counted.results[of].Load(), of.String())
	}
	counter(bytes, s.counted.in.Load(), "to-cluster")
	counter(bytes, s.counted.out.Load(), "from-cluster")
}
