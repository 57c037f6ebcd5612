package hub

import (
	"errors"
	"fmt"
	"time"

	"github.com/fairlead/fairlead/hub/audit"
	"github.com/fairlead/fairlead/hub/recording"
)

const (
	day     = 24 * time.Hour
	maxDays = 36500
	minRows = 1000

	mib    = 1 << 20
	maxMiB = 1 << 30 // a PiB
)

func (c *Config) auditLimits() audit.Limits {
	return audit.Limits{Age: time.Duration(c.AuditDays) * day, Rows: c.AuditRows}
}

func (c *Config) validateAudit() error {
	var problems []error
	if c.AuditDays < 1 || c.AuditDays > maxDays {
		problems = append(problems, fmt.Errorf("--audit-days: %d is not from 1 to %d", c.AuditDays, maxDays))
	}
	if c.AuditRows < minRows {
		problems = append(problems, fmt.Errorf("--audit-rows: %d is below %d", c.AuditRows, minRows))
	}
	return errors.Join(problems...)
}

func (c *Config) recordingLimits() recording.Limits {
	return recording.Limits{Age: time.Duration(c.RecordingDays) * day, Total: c.RecordingTotalMiB * mib, Session: c.RecordingSessionMiB * mib}
}

func (c *Config) validateRecordings() error {
	var problems []error
	if c.RecordingDays < 1 || c.RecordingDays > maxDays {
		problems = append(problems, fmt.Errorf("--recording-days: %d is not from 1 to %d", c.RecordingDays, maxDays))
	}
	if c.RecordingSessionMiB < 1 || c.RecordingSessionMiB > c.RecordingTotalMiB || c.RecordingTotalMiB > maxMiB {
		problems = append(problems, fmt.Errorf("--recording-session-mib: %d is not from 1 to that of --recording-total-mib, %d, which is at most %d",
			c.RecordingSessionMiB, c.RecordingTotalMiB, maxMiB))
	}
	return errors.Join(problems...)
}
