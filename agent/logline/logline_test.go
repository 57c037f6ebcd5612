package logline_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/fairlead/fairlead/agent/logline"
)

func TestLineHasTheGuidesShape(t *testing.T) {
	var out bytes.Buffer
	handler := logline.New(&out, slog.LevelInfo, logline.Identity{
		Agent: "config-agent", Version: "1.40.0", ArmID: "/subscriptions/s", Region: "local",
	})
	log := slog.New(handler)
	ctx := logline.WithCorrelation(t.Context(), "c-1")
	log.DebugContext(ctx, "not written")
	log.InfoContext(ctx, "desired state fetched", slog.String(logline.Phrase, "GET configurations returned response code {200}"))

	if strings.Count(out.String(), "\n") != 1 {
		t.Fatalf("wrote %q, want one line", out.String())
	}
	order := []string{
		"Message", "LogType", "LogLevel", "Environment", "Role", "Location", "ArmId", "CorrelationId",
		"AgentName", "AgentVersion", "AgentTimestamp",
	}
	at := -1
	for _, key := range order {
		next := strings.Index(out.String(), `"`+key+`":`)
		if next <= at {
			t.Errorf("%s is missing or out of order in %s", key, out.String())
		}
		at = next
	}
	var fields map[string]string
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Message": "GET configurations returned response code {200}", "LogType": "ConfigAgentTrace", "LogLevel": "Information",
		"Environment": "prod", "Role": "ClusterConfigAgent", "Location": "local", "ArmId": "/subscriptions/s", "CorrelationId": "c-1",
		"AgentName": "ConfigAgent", "AgentVersion": "1.40.0",
	}
	for key, value := range want {
		if fields[key] != value {
			t.Errorf("%s = %q, want %q", key, fields[key], value)
		}
	}
	if _, err := time.Parse("2006/01/02 15:04:05.000", fields["AgentTimestamp"]); err != nil {
		t.Error(err)
	}
}

func TestAttributesFollowTheSentence(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(logline.New(&out, slog.LevelInfo, logline.Identity{}).As("clusteridentityoperator"))
	log.With(slog.String("cluster", "edge-1")).WithGroup("hub").ErrorContext(t.Context(), "cannot renew",
		slog.Int("attempt", 3), slog.Any("error", errors.New("no route")))
	var fields map[string]string
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	if want := "cannot renew, cluster {edge-1}, hub.attempt {3}, hub.error {no route}"; fields["Message"] != want {
		t.Errorf("Message %q, want %q", fields["Message"], want)
	}
	if fields["AgentName"] != "ClusterIdentityOperator" || fields["LogLevel"] != "Error" {
		t.Errorf("line %v", fields)
	}
}
