package extension

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/extension/cause"
	"github.com/fairlead/fairlead/agent/pace"
)

// gate lets through what Helm says as long as it is listened to; what it does in the background after it was given up is not.
type gate struct {
	mu     sync.Mutex
	closed bool
}

func (g *gate) pass(do func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.closed {
		do()
	}
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
}

// tellEvery is how often it is looked what pods wait for.
const tellEvery = 2 * time.Second

// tellWaits writes into the journal what the pods of those objects wait for that Helm waits for, whenever that is news.
func (o *operation) tellWaits(ctx context.Context, witness *cause.Witness, within func(func(awaited []string))) {
	for pace.Wait(ctx, tellEvery, nil) == nil {
		within(func(awaited []string) {
			phase := o.state.Operation.Phase
			if text := o.waitText(phase, witness.Waits(awaited)); text != o.state.Statuses[0].Message {
				_ = o.say(ctx, phase, text) // if not now, then the next time
			}
		})
	}
}

// waitText is what a person reads of a phase in which pods are waited for. No protected setting is in it.
func (o *operation) waitText(phase string, waits []string) string {
	const shown = 3
	text := phaseText(phase)
	if len(waits) == 0 {
		return text
	}
	text += ": " + strings.Join(waits[:min(len(waits), shown)], "; ")
	if len(waits) > shown {
		text += fmt.Sprintf("; and %d more", len(waits)-shown)
	}
	return cause.Tidy(fairlead.ExtensionError{Message: text}, o.secrets).Message
}
