package cli

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fairlead/fairlead/client"
)

// The kinds of events.
const (
	managementEvents = "management"
	kubernetesEvents = "kubernetes"
)

// activityFlags narrow the activity log.
type activityFlags struct {
	kind                                              string
	group, id, correlation, namespace, caller, status string
	verb, resource                                    string
	start, end, offset                                string
	fields                                            []string
	most                                              int
}

func activityColumns() []column {
	return []column{
		{title: "When", path: "eventTimestamp", write: ago},
		{title: "Status", path: "status.value"},
		{title: "Operation", path: "operationName.value"},
		{title: "ResourceId", path: "resourceId"},
		{title: "Caller", path: "caller"},
	}
}

func requestColumns() []column {
	return []column{
		{title: "When", path: "eventTimestamp", write: ago},
		{title: "Caller", path: "caller"},
		{title: "Cluster", path: "resourceId", write: lastSegment},
		{title: "Verb", path: "properties.verb"},
		{title: "Resource", path: "properties.resource == '' && properties.path || join('/', [properties.resource, properties.subresource][?@ != ''])"},
		{title: "Namespace", path: "properties.namespace"},
		{title: "Name", path: "properties.name"},
		{title: "Status", path: "properties.statusCode", write: statusCode},
		{title: "Seconds", path: "properties.durationSeconds", write: seconds},
		{title: "Reason", path: "properties.reason"},
	}
}

func lastSegment(value any) string {
	id, _ := value.(string)
	return id[strings.LastIndex(id, "/")+1:]
}

// statusCode leaves out the 0 of what has no answer yet.
func statusCode(value any) string {
	if code, _ := value.(string); code != "0" {
		return code
	}
	return ""
}

// seconds is a duration to the millisecond; what goes on has none.
func seconds(value any) string {
	text, _ := value.(string)
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatFloat(number, 'f', 3, 64)
}

func newMonitorCommand(s *session) *cobra.Command {
	command := &cobra.Command{
		Use: "monitor", Short: "What has happened at the hub",
		Long:    "See what has happened at the hub.",
		Example: "  fairlead monitor activity-log list -g shops --offset 1h -o table",
	}
	log := &cobra.Command{
		Use: "activity-log", Short: "Who has changed what",
		Long:    "See who has written, deleted or done what, from where, and how that went, at the hub or, with --kind kubernetes, in connected clusters through it. The hub remembers 90 days.",
		Example: "  fairlead monitor activity-log list -g shops --offset 1h -o table",
	}
	log.AddCommand(newActivityListCommand(s))
	command.AddCommand(log)
	return command
}

func newActivityListCommand(s *session) *cobra.Command {
	var flags activityFlags
	command := &cobra.Command{
		Use: "list", Short: "List what has been done, newest first",
		Long: `List what has been done to the resources that you may read, newest first. Without times, what happened in the last six
hours. With --kind kubernetes, list the requests that came to your connected clusters through the hub instead, refused ones
and such as still go on, too.`,
		Example: `  fairlead monitor activity-log list -g shops --offset 1h -o table
  fairlead monitor activity-log list --resource-id ID --offset 30d --status Failed
  fairlead monitor activity-log list --kind kubernetes --caller ana@example.org --offset 1d -o table
  fairlead monitor activity-log list --kind kubernetes --namespace shop --resource secrets --verb get`,
		RunE: func(command *cobra.Command, _ []string) error { return s.activityList(command.Context(), flags) },
	}
	set := command.Flags()
	set.StringVar(&flags.kind, "kind", managementEvents, "management for what was done to resources, or kubernetes for what was sent to clusters")
	set.StringVarP(&flags.group, "resource-group", "g", "", "only what happened in this resource group")
	set.StringVar(&flags.id, "resource-id", "", "only what happened to this resource and below it")
	set.StringVar(&flags.correlation, "correlation-id", "", "only what belongs together under this id")
	set.StringVar(&flags.namespace, "namespace", "", "only actions of this provider, such as Microsoft.Kubernetes; with --kind kubernetes, only what was sent to this namespace")
	set.StringVar(&flags.verb, "verb", "", "with --kind kubernetes: only requests with this verb, such as get, watch or delete")
	set.StringVar(&flags.resource, "resource", "", "with --kind kubernetes: only requests for this resource, such as pods or secrets")
	set.StringVar(&flags.caller, "caller", "", "only what this principal did")
	set.StringVar(&flags.status, "status", "", "only Started, Succeeded or Failed")
	set.StringVar(&flags.start, "start-time", "", "from this time on, such as 2026-11-26T08:00:00Z")
	set.StringVar(&flags.end, "end-time", "", "up to this time (default: now)")
	set.StringVar(&flags.offset, "offset", "6h", "how long before the end to begin, such as 30m, 6h, 1d12h")
	set.Var(&words{into: &flags.fields}, "select", "names of properties to show, separated by blanks")
	set.IntVar(&flags.most, "max-events", 50, "how many events to show at most")
	return command
}

func (s *session) activityList(ctx context.Context, flags activityFlags) error {
	filter, err := flags.filter(time.Now())
	if err != nil {
		return err
	}
	hub, subscription, err := s.place(ctx)
	if err != nil {
		return err
	}
	query := url.Values{"$filter": {filter}, "$top": {strconv.Itoa(flags.most)}}
	if len(flags.fields) > 0 {
		query.Set("$select", strings.Join(flags.fields, ","))
	}
	path := "/subscriptions/" + subscription + "/providers/Microsoft.Insights/eventtypes/" + strings.ToLower(flags.kind) + "/values"
	found, err := hub.Some(ctx, path, client.ActivityVersion, query, flags.most)
	if err != nil {
		return err
	}
	columns := activityColumns()
	if flags.ofKubernetes() {
		columns = requestColumns()
	}
	return s.list(found, columns, "Nothing has happened there in that time; --offset 30d looks further back.")
}

// filter says in OData what the flags ask for; now is the end when none is given.
func (f activityFlags) filter(now time.Time) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	end, err := moment("--end-time", f.end, now)
	if err != nil {
		return "", err
	}
	back, err := readOffset(f.offset)
	if err != nil {
		return "", err
	}
	start, err := moment("--start-time", f.start, end.Add(-back))
	if err != nil {
		return "", err
	}
	terms := []string{
		equals("eventTimestamp", start.UTC().Format(time.RFC3339Nano)), equals("eventTimestamp", end.UTC().Format(time.RFC3339Nano)),
		equals("resourceGroupName", f.group), equals("resourceUri", f.id), equals("correlationId", f.correlation),
		equals(f.namespaceField(), f.namespace), equals("caller", f.caller), equals("status", f.status),
		equals("verb", f.verb), equals("resource", f.resource),
	}
	terms[0], terms[1] = strings.Replace(terms[0], " eq ", " ge ", 1), strings.Replace(terms[1], " eq ", " le ", 1)
	return strings.Join(slices.DeleteFunc(terms, func(term string) bool { return term == "" }), " and "), nil
}

func (f activityFlags) check() error {
	if f.most < 1 || f.most > 1000 {
		return usagef("--max-events: a number from 1 to 1000 is expected")
	}
	if f.kind != "" && !strings.EqualFold(f.kind, managementEvents) && !f.ofKubernetes() {
		return usagef("--kind: %q is neither %s nor %s", f.kind, managementEvents, kubernetesEvents)
	}
	if !f.ofKubernetes() && f.verb+f.resource != "" {
		return usagef("--verb and --resource are for --kind %s", kubernetesEvents)
	}
	if statuses := []string{"Started", "Succeeded", "Failed"}; f.status != "" && !slices.ContainsFunc(statuses, func(one string) bool { return strings.EqualFold(one, f.status) }) {
		return usagef("--status: %q is none of %s", f.status, strings.Join(statuses, ", "))
	}
	return checkGroupFlag(f.group)
}

func (f activityFlags) ofKubernetes() bool { return strings.EqualFold(f.kind, kubernetesEvents) }

// namespaceField is what a namespace is: az means a provider, and whoever looks for requests one of the cluster's.
func (f activityFlags) namespaceField() string {
	if f.ofKubernetes() {
		return "namespace"
	}
	return "resourceProvider"
}

func moment(flag, value string, otherwise time.Time) (time.Time, error) {
	if value == "" {
		return otherwise, nil
	}
	for _, form := range []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", time.DateOnly} {
		if found, err := time.Parse(form, value); err == nil {
			return found, nil
		}
	}
	return time.Time{}, usagef("%s: %q is not a time such as 2026-11-26T08:00:00Z", flag, value)
}

// readOffset reads az's spans: days, hours and minutes, such as 1d12h or 30m.
func readOffset(text string) (time.Duration, error) {
	parts := regexp.MustCompile(`^(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,4})m)?$`).FindStringSubmatch(strings.ToLower(text))
	if parts == nil || text == "" {
		return 0, usagef("--offset: %q is not a span such as 30m, 6h or 1d12h", text)
	}
	var total time.Duration
	for i, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if number, err := strconv.Atoi(parts[i+1]); err == nil {
			total += time.Duration(number) * unit
		}
	}
	return total, nil
}
