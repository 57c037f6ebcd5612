package azuresdk_test

import (
	"slices"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/resourcemanager/monitor/armmonitor"
)

func TestActivityLog(t *testing.T) {
	a := start(t)
	a.group(t)
	made := a.connect(t, "edge-1")
	client := must(armmonitor.NewActivityLogsClient(a.subscription, a.credential, a.options()))(t)
	filter := "eventTimestamp ge '" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + "' and resourceUri eq '" + *made.ID + "'"
	events := everything(t, client.NewListPager(filter, nil), func(page armmonitor.ActivityLogsClientListResponse) []*armmonitor.EventData { return page.Value })
	if !slices.ContainsFunc(events, func(event *armmonitor.EventData) bool {
		return *event.OperationName.Value == "Microsoft.Kubernetes/connectedClusters/write" && *event.Status.Value == "Succeeded" && *event.Caller == a.Administrator.AppID
	}) {
		t.Errorf("%d events, none of them the connection", len(events))
	}
}
