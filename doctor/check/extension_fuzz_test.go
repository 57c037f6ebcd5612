package check

import (
	"strings"
	"testing"

	"github.com/fairlead/fairlead/doctor/snapshot"
)

func FuzzExtensionLog(f *testing.F) {
	f.Add(extSays(0, extAnswered) + "\n" + extSays(0, extRefusal))
	f.Add(extSays(0, extBlocked) + "\n" + extBlocked + "\n{\"Message\": \"Errorcode: 403")
	f.Add("\n\xff{}")
	f.Fuzz(func(t *testing.T, text string) {
		log := snapshot.Log{Namespace: extSystem, Pod: "extension-agent-x", Container: "main", Text: text}
		talk := extRead(log, extNow())
		for kind, line := range map[string]extLine{"answered": talk.Answered, "refused": talk.Refused, "blocked": talk.Blocked} {
			if line.Number > 1+strings.Count(text, "\n") || line.Number == 0 && line.Text != "" {
				t.Errorf("%s: line %d of %q", kind, line.Number, text)
			}
		}
		if talk.cutOff(extNow()) != "" && talk.Answered.Number == 0 && talk.Failures < extFewFailures {
			t.Errorf("cut off after %d failures: %q", talk.Failures, text)
		}
	})
}

func FuzzExtensionStatus(f *testing.F) {
	f.Add("status", "Failed", "Error: x")
	f.Add("level", "error", "")
	f.Fuzz(func(t *testing.T, key, value, message string) {
		status := extStatus{}
		status.read("", map[string]any{key: value, "list": []any{map[string]any{"message": message}, 1, nil}})
		if status.Failed && !strings.EqualFold(value, "failed") && !strings.EqualFold(value, "error") {
			t.Errorf("%q: %q counts as failed", key, value)
		}
		if message != "" && len(status.Messages) == 0 {
			t.Errorf("message %q is lost", message)
		}
	})
}
