package hub

import (
	"errors"
	"fmt"
	"time"

	"github.com/fairlead/fairlead/hub/audit"
)

const (
	day     = 24 * time.Hour
	maxDays = 36500
	minRows = 1000
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
