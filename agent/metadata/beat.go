package metadata

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/time/rate"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/agent/logline"
	"github.com/fairlead/fairlead/agent/pace"
)

// beat sends heartbeats until the end of ctx, the first as soon as there is something to say.
func (o *Operator) beat(ctx context.Context) error {
	var rhythm Rhythm
	for {
		if err := o.prepared(ctx); err != nil {
			return err
		}
		_, renewed, _ := o.Holder.Current()
		answered, err := o.once(ctx)
		wake := renewed
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			wake = o.changed
		}
		if err := o.rest(ctx, rhythm.After(answered, err), wake); err != nil {
			return err
		}
	}
}

// prepared waits for an identity, and a while for the first look at the cluster: a first heartbeat
// without metadata would only have to be followed by one with it.
func (o *Operator) prepared(ctx context.Context) error {
	if _, _, reason := o.Holder.Current(); reason != nil && o.told == nil {
		o.Ready(reason)
	}
	if _, err := o.Holder.Wait(ctx, o.Log); err != nil {
		return err
	}
	deadline, cancel := context.WithTimeout(ctx, defaultInterval)
	defer cancel()
	for {
		if _, ok := o.known(); ok || o.told != nil {
			return nil
		}
		if pace.Wait(deadline, defaultInterval, o.changed) != nil {
			return ctx.Err()
		}
	}
}

// rest waits, and lets changes that come together settle.
func (o *Operator) rest(ctx context.Context, wait time.Duration, wake <-chan struct{}) error {
	if err := pace.Wait(ctx, wait, wake); err != nil {
		return err
	}
	return pace.Wait(ctx, settle, nil)
}

// once sends one heartbeat, and a second one when the hub turns out to lack the metadata.
func (o *Operator) once(ctx context.Context) (fairlead.HeartbeatResponse, error) {
	metadata, known := o.known()
	beat := fairlead.Heartbeat{}
	if known {
		beat.MetadataHash = hashOf(metadata)
	}
	if known && beat.MetadataHash != o.acked {
		beat.Metadata = &metadata
	}
	answer, err := o.send(ctx, beat)
	if err == nil && answer.SendMetadata && known && beat.Metadata == nil {
		beat.Metadata = &metadata
		answer, err = o.send(ctx, beat)
	}
	if err == nil {
		o.acked, o.warned = beat.MetadataHash, bounded(answer.Warning)
	}
	if !errors.Is(err, context.Canceled) {
		o.tell(ctx, metadata, err)
	}
	return answer, err
}

// send gives a heartbeat up soon enough for two that are lost in a row not to look like the end.
func (o *Operator) send(ctx context.Context, beat fairlead.Heartbeat) (fairlead.HeartbeatResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, fairlead.HeartbeatTimeout)
	defer cancel()
	beat.Origin = o.origin.next(time.Now())
	if current, _, _ := o.Holder.Current(); current != nil {
		beat.TrustGeneration = current.Trust.Generation
	}
	return o.Hub.Heartbeat(ctx, beat)
}

// status is the status of ConnectedCluster clustermetadata.
type status struct {
	ConnectivityStatus fairlead.ConnectivityStatus `json:"connectivityStatus"`
	Message            string                      `json:"message"`
	fairlead.ClusterMetadata
}

// tell says how it stands when that has changed. Errors of one kind are one state: their texts name
// ports and times, and are not worth a write to the API server each.
func (o *Operator) tell(ctx context.Context, metadata fairlead.ClusterMetadata, err error) {
	now := status{ConnectivityStatus: fairlead.Connected, Message: "the hub acknowledges heartbeats", ClusterMetadata: metadata}
	now.ClusterConnect, now.AzureRBAC = "", "" // the hub shows them; in the cluster they are to be seen
	switch {
	case err != nil:
		now.ConnectivityStatus, now.Message = fairlead.Offline, err.Error()
	case o.warned != "":
		now.Message = o.warned
	}
	state := report{now.ConnectivityStatus, fairlead.CodeOf(err), o.warned, metadata}
	o.logWarning(ctx)
	if err == nil || o.told == nil {
		o.Ready(err)
	}
	switch {
	case o.told == nil || o.told.connectivity != state.connectivity || o.told.code != state.code:
		o.Log.InfoContext(ctx, "the connection to the hub has changed",
			slog.String("status", string(now.ConnectivityStatus)), slog.String("message", now.Message))
	case err != nil:
		o.failures.Do(func() {
			o.Log.WarnContext(ctx, "the hub still gets no heartbeats", slog.String("error", err.Error()))
		})
	}
	if o.told == nil || *o.told != state {
		o.offer(now)
	}
	o.told = &state
}

// logWarning repeats in the log what the hub warns of, at once and then now and then.
func (o *Operator) logWarning(ctx context.Context) {
	if o.warned == "" {
		return
	}
	if o.told == nil || o.told.warned != o.warned {
		o.warnings = rate.Sometimes{First: 1, Interval: 10 * time.Minute}
	}
	o.warnings.Do(func() { o.Log.WarnContext(ctx, "the hub warns", slog.String(logline.Phrase, o.warned)) })
}

// maxWarning bounds what a hub can put into the log and the cluster's object.
const maxWarning = 2000

func bounded(text string) string { return text[:min(len(text), maxWarning)] }

// report is what a status says, as far as it is worth repeating.
type report struct {
	connectivity fairlead.ConnectivityStatus
	code         string
	warned       string
	metadata     fairlead.ClusterMetadata
}
