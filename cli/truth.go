package cli

import (
	"strconv"
	"strings"
)

// truth is a flag that takes the words true and false, as az has it, where a flag without a value would not do.
type truth struct{ into *bool }

func (t *truth) String() string {
	if t.into == nil {
		return ""
	}
	return strconv.FormatBool(*t.into)
}

// Set takes true or false, in any case.
func (t *truth) Set(text string) error {
	switch strings.ToLower(text) {
	case "true":
		*t.into = true
	case "false":
		*t.into = false
	default:
		return usagef("it is true or false")
	}
	return nil
}

// Type is what help calls the value.
func (*truth) Type() string { return "true|false" }
