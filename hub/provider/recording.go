package provider

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/hub/origin"
	"github.com/fairlead/fairlead/hub/reply"
	"github.com/fairlead/fairlead/hub/resource"
	"github.com/fairlead/fairlead/store"
)

const (
	recordingType = clusterType + "/recordings"
	// The first lets its holder see that there are recordings. What they hold may be a secret that somebody looked at, so
	// watching one is an action of its own, which roles that only read do not have.
	readRecording  = recordingType + "/read"
	watchRecording = recordingType + "/download/action"
	recordingPage  = 200
)

// recordings are the recorded sessions of a connected cluster. Nobody makes, changes or deletes one by a request.
func recordings(deps Deps) resource.Type {
	kind := recorded{deps}
	return resource.Type{Name: recordingType, APIVersions: clusterVersions(), Serve: kind.serve}
}

type recorded struct{ Deps }

func (k recorded) serve(w http.ResponseWriter, r *http.Request, at resource.Place) error {
	cluster, err := fairlead.ParseResourceID(at.Scope)
	if err != nil || !strings.EqualFold(cluster.Type(), clusterType) {
		return fairlead.Errorf(fairlead.NotFound, "Recordings belong to connected clusters; '%.256s' is none.", at.Scope).WithCode("InvalidResourceType")
	}
	switch {
	case r.Method == http.MethodGet && at.Collection:
		return k.list(w, r, cluster)
	case r.Method == http.MethodGet:
		return k.show(w, r, cluster, at.ID)
	case r.Method == http.MethodPost && !at.Collection && strings.EqualFold(r.URL.Path[strings.LastIndex(r.URL.Path, "/"):], "/download"):
		return k.download(w, r, cluster, at.ID)
	default:
		return fairlead.Errorf(fairlead.MethodNotAllowed, "Recordings can be listed, shown and downloaded; they go when they are too old. %s is not supported.", r.Method)
	}
}

func (k recorded) list(w http.ResponseWriter, r *http.Request, cluster fairlead.ResourceID) error {
	if err := k.Access.Check(r.Context(), readRecording, cluster.String()); err != nil {
		return err
	}
	query := store.RecordingQuery{Cluster: cluster.Key(), Limit: recordingPage + 1}
	if token := r.URL.Query().Get("$skiptoken"); token != "" {
		mark, err := readRecordingToken(token)
		if err != nil {
			return err
		}
		query.Before = mark
	}
	found, err := k.Store.ListRecordings(r.Context(), query)
	if err != nil {
		return err
	}
	shown := list[map[string]any]{Value: []map[string]any{}}
	if len(found) > recordingPage {
		found = found[:recordingPage]
		last := found[len(found)-1]
		values := r.URL.Query()
		values.Set("$skiptoken", recordingToken(cluster, last))
		next := origin.URL(r.Context(), k.URL) + r.URL.Path + "?" + values.Encode()
		shown.NextLink = &next
	}
	watches := k.watches(r, cluster)
	for _, one := range found {
		shown.Value = append(shown.Value, k.document(cluster, one, watches))
	}
	reply.JSON(w, http.StatusOK, shown)
	return nil
}

// recordingToken names the place after a recording in the form that the engine lets pass: a key below the cluster.
func recordingToken(cluster fairlead.ResourceID, last store.Recording) string {
	return base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf("%s/recordings/%d.%s", cluster.Key(), last.StartedAt.UnixMicro(), last.ID)))
}

func readRecordingToken(token string) (store.RecordingMark, error) {
	text, err := base64.RawURLEncoding.Strict().DecodeString(token)
	at, id, found := strings.Cut(string(text[bytes.LastIndexByte(text, '/')+1:]), ".")
	micros, notNumber := strconv.ParseInt(at, 10, 64)
	if err != nil || !found || notNumber != nil || micros <= 0 || uuid.Validate(id) != nil {
		return store.RecordingMark{}, badActivity("The continuation token is not valid.")
	}
	return store.RecordingMark{At: time.UnixMicro(micros).UTC(), ID: id}, nil
}

// watches reports whether the caller may see what recordings hold, of which the command is a part.
func (k recorded) watches(r *http.Request, cluster fairlead.ResourceID) bool {
	return k.Access.Check(r.Context(), watchRecording, cluster.String()) == nil
}

func (k recorded) show(w http.ResponseWriter, r *http.Request, cluster, id fairlead.ResourceID) error {
	if err := k.Access.Check(r.Context(), readRecording, cluster.String()); err != nil {
		return err
	}
	one, err := k.find(r, cluster, id)
	if err != nil {
		return err
	}
	reply.JSON(w, http.StatusOK, k.document(cluster, one, k.watches(r, cluster)))
	return nil
}

func (k recorded) find(r *http.Request, cluster, id fairlead.ResourceID) (store.Recording, error) {
	one, err := k.Store.GetRecording(r.Context(), cluster.Key(), strings.ToLower(id.Name()))
	if fairlead.KindOf(err) == fairlead.NotFound {
		return one, fairlead.Errorf(fairlead.NotFound, "The cluster '%s' has no recording '%.64s'.", cluster.Name(), id.Name()).WithCode("ResourceNotFound")
	}
	return one, err
}

// document is what is told of a recording. The command is left out for those who may not see what it holds.
func (k recorded) document(cluster fairlead.ResourceID, one store.Recording, watches bool) map[string]any { //nolint:revive // a right, not a mode
	properties := map[string]any{
		"startTime": one.StartedAt.Format(time.RFC3339Nano), "state": string(one.State), "caller": one.Caller, "callerId": one.CallerID,
		"verb": one.Verb, "namespace": one.Namespace, "pod": one.Pod, "container": one.Container, "protocol": one.Protocol, "sizeBytes": one.Size,
	}
	if !one.EndedAt.IsZero() {
		properties["endTime"] = one.EndedAt.Format(time.RFC3339Nano)
		properties["durationSeconds"] = one.EndedAt.Sub(one.StartedAt).Seconds()
	}
	if watches {
		properties["command"] = one.Command
	}
	return map[string]any{"id": cluster.String() + "/recordings/" + one.ID, "name": one.ID, "type": recordingType, "properties": properties}
}

// download sends what was recorded up to now, and enters in the activity log that somebody has it.
func (k recorded) download(w http.ResponseWriter, r *http.Request, cluster, id fairlead.ResourceID) error {
	if err := k.Access.Check(r.Context(), watchRecording, cluster.String()); err != nil {
		return err
	}
	one, err := k.find(r, cluster, id)
	if err != nil {
		return err
	}
	if k.Recording == nil {
		return fairlead.Errorf(fairlead.Unavailable, "This hub keeps no recordings.")
	}
	file, err := k.Recording(one.ID)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // was only read
	if err := k.Store.RecordActivity(r.Context(), resource.Entry(r.Context(), r, k.Now(), watchRecording, id)); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/x-asciicast")
	w.Header().Set("Content-Disposition", `attachment; filename="`+one.ID+`.cast"`)
	_, _ = io.Copy(w, file) // the client is gone if this fails, and nobody is left to tell
	return nil
}
