package cause

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/fairlead/fairlead"
)

// The guides' words.
const (
	saysRunning = "another operation (install/upgrade/rollback) is in progress"
	saysTaken   = "cannot re-use a name that is still in use"
)

// revision is what Helm's record of one revision says on its outside.
type revision struct {
	number int
	status string
	secret string
	writer string
	since  time.Time
}

// record is a release that somebody holds, or whose name is taken. Helm says the second of a release whose first install has
// not ended, too.
func (i *inquiry) record(ctx context.Context) {
	revisions, err := i.revisions(ctx)
	if err != nil {
		i.say("", "Helm's record of the release could not be read: "+flat(err))
	}
	pending := len(revisions) > 0 && strings.HasPrefix(revisions[0].status, "pending-")
	if pending || i.found.Code == fairlead.CauseOperationRunning {
		i.held(revisions)
		return
	}
	i.found.Message, i.found.DoctorID = saysTaken, "HLM-10"
	i.found.Cause = fmt.Sprintf("There is a Helm release %s in namespace %s already, and the extension did not install it.", i.Release, i.Namespace)
	if len(revisions) > 0 {
		newest := revisions[0]
		i.found.Target = "Secret/" + i.Namespace + "/" + newest.secret
		i.say(i.found.Target, fmt.Sprintf("revision %d is %s, written by %s at %s", newest.number, newest.status, newest.writer, stamp(newest.since)))
	}
	i.advise("helm list -n "+i.Namespace+" --all", "helm uninstall "+i.Release+" -n "+i.Namespace, "Or choose another release name or namespace for the extension, or let it adopt the release.")
}

// held says who is at work on the release, and since when.
func (i *inquiry) held(revisions []revision) {
	i.found.Code, i.found.Message, i.found.DoctorID = fairlead.CauseOperationRunning, saysRunning, "HLM-08"
	i.found.Cause = fmt.Sprintf("Somebody else's Helm works on release %s in namespace %s, or was killed while it did.", i.Release, i.Namespace)
	i.advise("helm history "+i.Release+" -n "+i.Namespace, "Wait 10 minutes and try again.")
	if len(revisions) == 0 {
		return
	}
	newest := revisions[0]
	i.found.Target = "Secret/" + i.Namespace + "/" + newest.secret
	i.found.Cause = fmt.Sprintf("Release %s in namespace %s is %s (revision %d) since %s, for %s now. It was %s that wrote this.",
		i.Release, i.Namespace, newest.status, newest.number, stamp(newest.since), i.Now().Sub(newest.since).Round(time.Second), newest.writer)
	i.say(i.found.Target, fmt.Sprintf("status %s, written by %s at %s", newest.status, newest.writer, stamp(newest.since)))
	good := slices.IndexFunc(revisions, func(r revision) bool { return r.status == "deployed" || r.status == "superseded" })
	if good >= 0 {
		i.advise(fmt.Sprintf("If nobody is at work: helm rollback %s %d -n %s", i.Release, revisions[good].number, i.Namespace))
	} else {
		i.advise(fmt.Sprintf("If nobody is at work: helm uninstall %s -n %s", i.Release, i.Namespace))
	}
}

func stamp(when time.Time) string { return when.UTC().Format(time.RFC3339) }

// revisions lists what Helm keeps of the release, the newest first, without what is in it.
func (i *inquiry) revisions(ctx context.Context) ([]revision, error) {
	secrets, err := i.Metadata.Resource(schema.GroupVersionResource{Version: "v1", Resource: "secrets"}).Namespace(i.Namespace).
		List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=" + i.Release, Limit: maxList})
	if err != nil {
		return nil, err
	}
	var all []revision
	for n := range secrets.Items {
		meta := &secrets.Items[n].ObjectMeta
		one := revision{status: meta.Labels["status"], secret: meta.Name}
		one.number, _ = strconv.Atoi(meta.Labels["version"]) // 0 for what is not Helm's
		one.writer, one.since = writer(meta)
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b revision) int { return cmp.Compare(b.number, a.number) })
	return all, nil
}

// writer is who changed an object last, by the name that its client gave itself, and when.
func writer(meta *metav1.ObjectMeta) (name string, when time.Time) {
	name, when = "somebody", meta.CreationTimestamp.Time
	for _, entry := range meta.ManagedFields {
		if entry.Time != nil && !entry.Time.Time.Before(when) && entry.Subresource == "" {
			name, when = entry.Manager, entry.Time.Time
		}
	}
	return name, when
}
