package hub

import (
	"context"
	"net/url"

	"github.com/fairlead/fairlead/hub/audit"
	"github.com/fairlead/fairlead/hub/relay"
)

// auditor writes down what the relay tells of requests.
type auditor struct{ log *audit.Log }

// Begin implements relay.Auditor.
func (a auditor) Begin(ctx context.Context, r relay.Request) (func(relay.Ending), error) {
	asked := &url.URL{RawPath: r.Path, RawQuery: r.Query}
	asked.Path, _ = url.PathUnescape(r.Path) // the relay has refused what cannot be read
	entry, err := a.log.Begin(ctx, audit.Entry{
		Cluster: r.Cluster, Caller: r.Caller, Mode: r.Mode, Method: r.Method, URL: asked, RequestID: r.ID, ClientIP: r.ClientIP, UserAgent: r.UserAgent,
	})
	if err != nil {
		return nil, err
	}
	return func(ending relay.Ending) {
		entry.End(audit.Outcome{Status: ending.Status, Reason: ending.Reason, In: ending.BytesIn, Out: ending.BytesOut})
	}, nil
}
