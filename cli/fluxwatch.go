package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/client"
)

// fluxLook is how often a configuration is looked at while somebody waits.
const fluxLook = 2 * time.Second

func sortedWords(words []string) []string {
	sorted := slices.Clone(words)
	slices.Sort(sorted)
	return sorted
}

// fluxWait is the waiting for a change of a configuration.
type fluxWait struct {
	hub   *signedIn
	id    fairlead.ResourceID
	title string
	flags fluxFlags
}

// seeFlux waits until the hub is done and reads the result into v. Meanwhile it says what the cluster is at.
func (s *session) seeFlux(ctx context.Context, wait fluxWait, begun *client.Begun, v any) error {
	report := s.progress()
	report.Begin(wait.title)
	looking, cancel := context.WithCancel(ctx)
	looked := make(chan struct{})
	go func() {
		defer close(looked)
		_ = eachLook(looking, func() error { // who waits for the end can do without
			if found, err := wait.hub.Flux(looking, wait.id); err == nil {
				report.Note(fluxLine(found))
			}
			return nil
		})
	}()
	err := begun.Wait(ctx, v)
	cancel()
	<-looked
	report.End("", err)
	return wait.explained(ctx, err)
}

// eachLook does something now and every so often, until ctx ends or it fails.
func eachLook(ctx context.Context, do func() error) error {
	ticker := time.NewTicker(fluxLook)
	defer ticker.Stop()
	for {
		if err := do(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// fluxLine is how a configuration is, in one line.
func fluxLine(found client.Flux) string {
	parts := []string{found.Properties.ProvisioningState + ", " + found.Properties.ComplianceState}
	if at := found.Properties.SourceSyncedCommitID; at != "" {
		parts = append(parts, at)
	}
	for _, object := range found.Properties.Statuses {
		if object.ComplianceState == fairlead.FluxNonCompliant {
			parts = append(parts, object.Kind+" "+object.Name+": "+objectMessage(object))
			break
		}
	}
	if text := found.Properties.ErrorMessage; text != "" && len(parts) < 3 {
		parts = append(parts, text)
	}
	return strings.Map(printable, strings.Join(parts, "  "))
}

// objectMessage is what an object says of itself.
func objectMessage(object fairlead.FluxObject) string {
	for _, condition := range object.Conditions {
		if condition.Type == "Ready" {
			return condition.Reason + ": " + condition.Message
		}
	}
	return object.ComplianceState
}

// explained adds to an error what the hub knows of its cause, and what to type next.
func (w fluxWait) explained(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return &hinted{err, "fairlead k8s-configuration flux show" + w.flags.words() + " --watch   (the cluster goes on without anybody who waits)"}
	}
	next := "fairlead k8s-configuration flux deployed-object list" + w.flags.words()
	failure := client.FailureOf(err)
	if failure == nil {
		return &hinted{err, next}
	}
	cause := failure.Extension()
	if cause == nil {
		return &hinted{err, next}
	}
	return causeTold(err, cause, next)
}

// watchFlux writes a line whenever a configuration has changed, until ctx ends, or the whole of it when a format or a query was asked for.
func (s *session) watchFlux(ctx context.Context, hub *signedIn, id fairlead.ResourceID) error {
	if _, err := hub.Flux(ctx, id); err != nil {
		return err
	}
	last := ""
	return eachLook(ctx, func() error {
		found, err := hub.Flux(ctx, id)
		if err != nil {
			if ctx.Err() != nil || !client.Away(err) {
				return stoppedOr(ctx, err)
			}
			return nil // it is asked again
		}
		line := fluxLine(found)
		if line == last {
			return nil
		}
		last = line
		if s.output != "" || s.query != "" {
			return stoppedOr(ctx, s.showFlux(ctx, hub, id))
		}
		return s.say(s.streams.Out, time.Now().Format(time.TimeOnly)+"  "+line)
	})
}

// showFlux shows a configuration as it is now.
func (s *session) showFlux(ctx context.Context, hub *signedIn, id fairlead.ResourceID) error {
	document := client.Document{}
	if err := hub.Get(ctx, id.String(), client.FluxVersion, &document); err != nil {
		return err
	}
	return s.show(withGroup(document), fluxColumns())
}

func stoppedOr(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // whoever watches has seen enough
	}
	return err
}
