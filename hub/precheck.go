package hub

import (
	"fmt"
	"net/url"

	"github.com/fairlead/fairlead/azcloud"
	"github.com/fairlead/fairlead/chart"
	"github.com/fairlead/fairlead/hub/registry"
)

// precheck returns the chart that the az client runs in a cluster before it connects it: with the addresses of this hub that
// the agents will need, and of sign-in, which that client judges too. The other hosts for az nobody asks from within a cluster.
func (h *Hub) precheck() ([]byte, error) {
	images := h.cloud.Base(azcloud.Registry)
	address, err := url.Parse(images)
	if err != nil {
		return nil, fmt.Errorf("understand the registry's URL: %w", err)
	}
	return chart.Precheck(chart.PrecheckHub{
		Registry: address.Host, Repository: registry.ProbeRepository, Tag: registry.Tag(), CA: h.trust.pem(),
		Connect: h.cloud.Base(azcloud.Notification) + "/healthz", Login: h.cloud.Base(azcloud.Login),
		Onboarding: []string{h.url + "/healthz", images + "/v2/"},
	})
}
