package hub

import (
	"fmt"
	"net/url"

	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/registry"
)

// precheck returns the chart that the az client runs in a cluster before it connects it: with the addresses of this hub.
func (h *Hub) precheck() ([]byte, error) {
	address, err := url.Parse(h.url)
	if err != nil {
		return nil, fmt.Errorf("understand the hub's URL: %w", err)
	}
	return chart.Precheck(chart.PrecheckHub{
		Registry: address.Host, Repository: registry.ProbeRepository, Tag: registry.Tag(), CA: string(h.trust),
		Connect: h.url + "/healthz", Login: h.url,
		Onboarding: []string{h.url + "/metadata/endpoints", h.url + "/v2/"},
	})
}
