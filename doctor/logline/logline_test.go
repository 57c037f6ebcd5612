package logline

import (
	"testing"
	"time"
	"unicode/utf8"
)

const broken = `{  "Message": "2024/02/07 06:04:43 \"Errorcode: 403, Message This traffic is not authorized., Target /subscriptions/<subscription-id>/configurations/getPendingConfigs\"",  "LogType": "ConfigAgentTrace",  "LogLevel": "Information",  "Environment": "prod",  "Role": "ClusterConfigAgent",  "Location": "<region>,  "ArmId": "/subscriptions/<subscription-id>",  "CorrelationId": "",  "AgentName": "ConfigAgent",  "AgentVersion": "1.14.5",  "AgentTimestamp": "2024/02/07 06:04:43.672"  }`

func TestParse(t *testing.T) {
	agent := time.Date(2024, 2, 7, 6, 4, 43, 672e6, time.UTC)
	cases := map[string]struct {
		reason, line string
		want         Line
	}{
		"Broken": {
			"the guide's sample lacks a quote, and the fields behind it still count", broken,
			Line{agent, `"Errorcode: 403, Message This traffic is not authorized., Target /subscriptions/<subscription-id>/configurations/getPendingConfigs"`, "info", "ConfigAgent", true},
		},
		"AgentWithoutTime": {
			"the guide's healthy line has no time at all", `{  "Message": "GET configurations returned response code {200}",  "LogType": "ConfigAgentTrace",  "LogLevel": "Information",  "AgentName": "ConfigAgent",  "AgentVersion": "1.14.5"  }`,
			Line{time.Time{}, "GET configurations returned response code {200}", "info", "ConfigAgent", true},
		},
		"AgentUnderRuntimeTime": {
			"the runtime's time stands in where the line has none", `2024-02-07T06:04:43.672000000Z {"Message": "GET configurations returned response code {200}","LogLevel":"Error"}`,
			Line{agent, "GET configurations returned response code {200}", "error", "", true},
		},
		"AgentEscapes": {
			"escapes are undone", `{"Message": "2024/02/07 06:04:43 Failed to GET configurations with err : {\u003cnil\u003e}", "AgentTimestamp": "2024/02/07 06:04:43.672"}`,
			Line{agent, "Failed to GET configurations with err : {<nil>}", "", "", true},
		},
		"Slog": {
			"our own agents", `{"time":"2024-02-07T07:04:43.672+01:00","level":"WARN","msg":"no answer","attempt":3}`,
			Line{agent, "no answer", "warn", "", true},
		},
		"Zap": {
			"controllers log seconds", `{"level":"error","ts":1707285883.672,"logger":"setup","msg":"no answer"}`,
			Line{agent, "no answer", "error", "setup", true},
		},
		"Klog": {
			"klog has no year, so the runtime's time counts", `2024-02-07T06:04:43.672Z E0207 06:04:43.672001       1 reflector.go:138] Failed to watch`,
			Line{agent, "Failed to watch", "error", "", false},
		},
		"RuntimeFile": {
			"the files on a node name stream and tag", `2024-02-07T06:04:43.672Z stderr F [ERROR] Restart failed: plugin/hosts`,
			Line{agent, "[ERROR] Restart failed: plugin/hosts", "error", "", false},
		},
		"GoLog":   {"the log package of Go", `2024/02/07 06:04:43.672 no answer`, Line{agent, "no answer", "", "", false}},
		"Plain":   {"anything else is the message", `  no answer {"at": `, Line{time.Time{}, `no answer {"at":`, "", "", false}},
		"NotADay": {"a month 13 is no time", `2024-13-07T06:04:43Z x`, Line{time.Time{}, `2024-13-07T06:04:43Z x`, "", "", false}},
		"Empty":   {"nothing is nothing", "", Line{}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Parse(c.line); got != c.want {
				t.Errorf("%s:\n got %+v\nwant %+v", c.reason, got, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		broken, `{"time":"2024-02-07T07:04:43+01:00","level":"WARN","msg":"x"}`, `I0207 06:04:43.672001 1 a.go:1] x`,
		`{"ts":1e308,"msg":"x"}`, `2024-02-07T06:04:43Z stdout P {`, "\xff{", `{"Message":"\ud800"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		got := Parse(line)
		if utf8.ValidString(line) && !utf8.ValidString(got.Message) {
			t.Errorf("the message %q is not valid text", got.Message)
		}
		if !got.Time.IsZero() && got.Time.Location() != time.UTC {
			t.Errorf("the time %v is not in UTC", got.Time)
		}
		if again := Parse(line); again != got {
			t.Errorf("parsed twice: %+v and %+v", got, again)
		}
	})
}
