package hub

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/fairlead/fairlead/hub/access"
	"github.com/fairlead/fairlead/hub/reply"
)

// metricsAction is what a scraper needs on scope "/"; every role that may read everything has it.
const metricsAction = "Fairlead.Hub/metrics/read"

// metrics counts requests by part of the hub. It serves only those who may read everything, for
// the names of parts and their load are nobody else's business.
type metrics struct {
	Access *access.Checker
	Reply  reply.Writer
	Now    func() time.Time

	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	underWay *prometheus.GaugeVec
}

func newMetrics(checker *access.Checker, answer reply.Writer, now func() time.Time) *metrics {
	m := &metrics{
		Access: checker, Reply: answer, Now: now, registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fairlead_hub_requests_total", Help: "Answered requests.",
		}, []string{"part", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fairlead_hub_request_seconds", Help: "Time to answer a request, long polls included.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 60},
		}, []string{"part"}),
		underWay: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "fairlead_hub_requests_under_way", Help: "Requests that are being answered, long polls included.",
		}, []string{"part"}),
	}
	m.registry.MustRegister(m.requests, m.duration, m.underWay, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Mount adds the metrics to mux; its callers are authenticated.
func (m *metrics) Mount(mux *http.ServeMux) {
	exposition := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if err := m.Access.Check(r.Context(), metricsAction, "/"); err != nil {
			m.Reply.Error(w, r, err)
			return
		}
		exposition.ServeHTTP(w, r)
	})
}

// count measures the requests of one part.
func (m *metrics) count(part string, next http.Handler) http.Handler {
	duration, underWay := m.duration.WithLabelValues(part), m.underWay.WithLabelValues(part)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		underWay.Inc()
		defer underWay.Dec()
		started, watched := m.Now(), &recorder{ResponseWriter: w}
		next.ServeHTTP(watched, r)
		duration.Observe(m.Now().Sub(started).Seconds())
		m.requests.WithLabelValues(part, strconv.Itoa(max(watched.status, http.StatusOK))).Inc()
	})
}
