package metrics

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	metricsPort   = "9090"
	scrapeTimeout = 3 * time.Second
	maxMetrics    = 1 << 20
)

// scrapeAll fills in memory and CPU of every component that can be asked.
func (a *Agent) scrapeAll(ctx context.Context, found []component) {
	var group errgroup.Group
	group.SetLimit(4)
	for i := range found {
		if found[i].address == "" {
			continue
		}
		group.Go(func() error {
			// What cannot be asked keeps 0; that it does not answer shows in its readiness.
			if sample, err := a.scrape(ctx, found[i].address); err == nil {
				found[i].MemoryBytes, found[i].CPUSeconds = sample.memory, sample.cpu
			}
			return nil
		})
	}
	_ = group.Wait() // none returns an error
}

// sample is what is read of an agent's metrics.
type sample struct {
	memory int64
	cpu    float64
}

func (a *Agent) scrape(ctx context.Context, host string) (sample, error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, metricsPort)+"/metrics", nil)
	if err != nil {
		return sample{}, fmt.Errorf("prepare to read metrics: %w", err)
	}
	answer, err := a.Scraper.Do(request)
	if err != nil {
		return sample{}, fmt.Errorf("read metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return sample{}, fmt.Errorf("read metrics: status %d", answer.StatusCode)
	}
	return parse(io.LimitReader(answer.Body, maxMetrics))
}

// parse reads two values out of Prometheus' text format.
func parse(text io.Reader) (sample, error) {
	var found sample
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if name != "process_resident_memory_bytes" && name != "process_cpu_seconds_total" {
			continue
		}
		number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		if err != nil || math.IsNaN(number) || number < 0 || number > 1<<60 {
			continue
		}
		if name == "process_cpu_seconds_total" {
			found.cpu = number
		} else {
			found.memory = int64(number)
		}
	}
	return found, lines.Err()
}
