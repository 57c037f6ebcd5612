package extension

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/configuration"
	"github.com/fairlead/fairlead/store"
)

// The bounds of what a cluster may say.
const (
	maxEvents   = 1000
	maxEvent    = 8 << 10
	maxName     = 253
	maxStatuses = 100
)

// Reported keeps what a cluster says of its extensions.
func (s *Service) Reported(ctx context.Context, cluster fairlead.ResourceID, reports []fairlead.ExtensionReport) error {
	all := make([]configuration.Report, 0, len(reports))
	for _, report := range reports {
		state := report.State
		if len(state.Statuses) > maxStatuses {
			state.Statuses = state.Statuses[:maxStatuses]
		}
		all = append(all, configuration.Report{
			Name: report.Name, Generation: state.ObservedGeneration, Provisioning: state.ProvisioningState, State: state,
		})
	}
	return s.Service.Reported(ctx, cluster, all)
}

// Happened keeps events of a cluster's extensions.
func (s *Service) Happened(ctx context.Context, cluster fairlead.ResourceID, events []fairlead.ExtensionEvent) error {
	if len(events) > maxEvents {
		return fairlead.Errorf(fairlead.TooLarge, "a post may hold %d events", maxEvents)
	}
	var keep []store.ExtensionEvent
	known := map[string]bool{}
	for _, event := range events {
		name := strings.ToLower(event.Extension)
		if name == "" || len(name) > maxName || event.Sequence <= 0 {
			return fairlead.Errorf(fairlead.Invalid, "an event needs the name of an extension and a sequence above 0")
		}
		if _, asked := known[name]; !asked {
			found, err := s.Knows(ctx, cluster, name)
			if err != nil {
				return err
			}
			known[name] = found
		}
		text, err := eventText(event)
		if err != nil {
			return err
		}
		if known[name] {
			keep = append(keep, store.ExtensionEvent{ClusterKey: cluster.Key(), Name: name, Sequence: event.Sequence, Event: text})
		}
	}
	var keys []string
	for name, wanted := range known {
		if wanted {
			keys = append(keys, EventsKey(Key(cluster.Key(), name)))
		}
	}
	s.counted.events.Add(int64(len(keep)))
	return s.Store.AddExtensionEvents(ctx, keep, keys)
}

// EventsKey is what those subscribe to who wait for an extension's events.
func EventsKey(key string) string { return key + "/events" }

func eventText(event fairlead.ExtensionEvent) (json.RawMessage, error) {
	const most = maxEvent / 2
	if len(event.Message) > most {
		event.Message = strings.ToValidUTF8(event.Message[:most], "") + "…"
	}
	text, err := json.Marshal(event)
	if err != nil {
		return nil, fmt.Errorf("encode an event: %w", err)
	}
	if len(text) > maxEvent {
		return nil, fairlead.Errorf(fairlead.TooLarge, "an event is larger than %d bytes", maxEvent)
	}
	return text, nil
}
