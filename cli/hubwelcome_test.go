package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fairlead/fairlead/hub"
)

func TestGreetForCollectors(t *testing.T) {
	tests := map[string]struct {
		administrator hub.Administrator
		shown         string
	}{
		"SecretInAFile": {administrator: hub.Administrator{AppID: "app", File: "/data/administrator.json"}},
		"SecretShown":   {administrator: hub.Administrator{AppID: "app", Secret: "unmistakable"}, shown: "unmistakable"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var out, log bytes.Buffer
			config := hub.Config{LogFormat: "json", LogLevel: "info"}
			config.Log = hubLog(config, &log)
			welcome := hub.Welcome{URL: "https://hub", CAFile: "ca.crt", Fingerprint: "sha256:3f", Administrator: &test.administrator}
			if err := greet(t.Context(), config, Streams{Out: &out}, welcome); err != nil {
				t.Fatal(err)
			}
			var record map[string]any
			if err := json.Unmarshal(log.Bytes(), &record); err != nil || record["fingerprint"] != "sha256:3f" {
				t.Errorf("%v in %s", err, &log)
			}
			if strings.Contains(log.String(), "unmistakable") || strings.Contains(out.String(), "unmistakable") != (test.shown != "") {
				t.Errorf("log %s, shown %s", &log, &out)
			}
		})
	}
}
