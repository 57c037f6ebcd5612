package cli

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// words is a flag that takes several words, as az has it: --tags a=b c=d. The first word is the
// flag's value; gather adds the others before the command line is parsed.
type words struct {
	into *[]string
	also string // what separates words besides blanks
}

const wordBreak = "\x1f"

// Set implements pflag.Value.
func (w *words) Set(text string) error {
	if *w.into == nil {
		*w.into = []string{}
	}
	*w.into = append(*w.into, strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(wordBreak+w.also, r) })...)
	return nil
}

// String implements pflag.Value.
func (w *words) String() string { return "" }

// Type implements pflag.Value.
func (w *words) Type() string { return "word ..." }

// gather joins the words after flags that take several into one argument each, and true or false to flags that can do without,
// since pflag would take these words for arguments of the command.
func gather(root *cobra.Command, args []string) []string {
	command, _, err := root.Find(args)
	if err != nil {
		return args
	}
	var gathered []string
	for i := 0; i < len(args); i++ {
		gathered = append(gathered, args[i])
		if args[i] == "--" {
			return append(gathered, args[i+1:]...)
		}
		if i+1 < len(args) && answered(command, args[i], args[i+1]) {
			i++
			gathered[len(gathered)-1] += "=" + args[i]
			continue
		}
		if !several(command, args[i]) {
			continue
		}
		var all []string
		for i+1 < len(args) && !strings.HasPrefix(args[i+1], "-") {
			i++
			all = append(all, args[i])
		}
		gathered = append(gathered, strings.Join(all, wordBreak))
	}
	return gathered
}

func several(command *cobra.Command, arg string) bool {
	flag := flagOf(command, arg)
	if flag == nil {
		return false
	}
	switch flag.Value.(type) {
	case *words, *groups:
		return true
	}
	return false
}

// answered reports a flag that may be followed by true or false, and is: pflag would take the word for an argument of the command.
func answered(command *cobra.Command, arg, next string) bool {
	flag := flagOf(command, arg)
	if flag == nil || !strings.EqualFold(next, "true") && !strings.EqualFold(next, "false") {
		return false
	}
	_, ok := flag.Value.(*tristate)
	return ok
}

func flagOf(command *cobra.Command, arg string) *pflag.Flag {
	name, isFlag := strings.CutPrefix(arg, "--")
	switch {
	case isFlag:
		return command.Flags().Lookup(name)
	case len(arg) == 2 && arg[0] == '-':
		return command.Flags().ShorthandLookup(arg[1:])
	}
	return nil
}

// parseTags reads key=value words; a key alone has an empty value.
func parseTags(pairs []string) (map[string]string, error) {
	if pairs == nil {
		return nil, nil //nolint:nilnil // no flag, no tags: not the same as none wanted
	}
	tags := map[string]string{}
	for _, pair := range pairs {
		key, value, _ := strings.Cut(pair, "=")
		if key == "" {
			return nil, usagef("--tags: %q is not key=value", pair)
		}
		tags[key] = value
	}
	return tags, nil
}
