package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	begin = "-----BEGIN FAIRLEAD PROBE RESULT-----"
	end   = "-----END FAIRLEAD PROBE RESULT-----"
)

// ErrNoResult is the error of a log that holds no whole result.
var ErrNoResult = errors.New("the probe's output holds no whole result")

// Write prints the result as one line of JSON between two marker lines.
func (r Result) Write(w io.Writer) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the probe's result: %w", err)
	}
	if _, err := fmt.Fprintf(w, "%s\n%s\n%s\n", begin, data, end); err != nil {
		return fmt.Errorf("write the probe's result: %w", err)
	}
	return nil
}

// ReadResult finds the result in what the program printed, whatever else is around it.
func ReadResult(output []byte) (Result, error) {
	_, rest, begun := bytes.Cut(output, []byte(begin+"\n"))
	line, _, ended := bytes.Cut(rest, []byte("\n"+end))
	if !begun || !ended {
		return Result{}, ErrNoResult
	}
	var result Result
	if err := json.Unmarshal(line, &result); err != nil {
		return Result{}, errors.Join(ErrNoResult, err)
	}
	if result.Version != Version {
		return Result{}, fmt.Errorf("%w of version %d, only of %d", ErrNoResult, Version, result.Version)
	}
	return result, nil
}
