package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// notJSON says in words why a document is not the JSON object that it should be, and where: of what is in it, it shows one sign at
// most. What reports a different failure than that of the syntax or of the document as a whole is returned as it is.
func notJSON(content []byte, err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case len(bytes.TrimSpace(content)) == 0:
		return errors.New("it is empty")
	case errors.As(err, &syntax):
		return fmt.Errorf("%s: %w", position(content, syntax.Offset), err)
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("it is %s, not a JSON object", inEnglish(kind.Value))
	}
	return err
}

// position is where in a document a parser has given up after so many bytes, as editors count.
func position(content []byte, offset int64) string {
	before := string(content[:max(0, min(int(offset)-1, len(content)))])
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndex(before, "\n")+1:])) + 1
	return fmt.Sprintf("line %d, column %d", line, column)
}

func inEnglish(kind string) string {
	switch word, _, _ := strings.Cut(kind, " "); word { // a number is followed by its digits
	case "array":
		return "a list"
	case "bool":
		return "true or false"
	default:
		return "a " + word
	}
}
