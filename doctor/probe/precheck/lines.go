package precheck

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fairlead/fairlead/doctor/probe/wire"
)

// unreachable is what curl prints where there is no status, and what the client looks for.
const unreachable = "000"

// code is the status of a target's answer.
func code(target wire.TargetResult) string {
	stage := target.Stage(wire.StageHTTP)
	if !target.OK() || stage == nil {
		return unreachable
	}
	return stage.Detail[wire.DetailStatus]
}

func (s Seen) target(address string) (wire.TargetResult, bool) {
	i := slices.IndexFunc(s.result.Targets, func(t wire.TargetResult) bool { return t.URL == address })
	if address == "" || i < 0 {
		return wire.TargetResult{}, false
	}
	return s.result.Targets[i], true
}

// reasons say, of each endpoint that is out of reach, how far the way went.
func (s Seen) reasons() string {
	var text strings.Builder
	for _, target := range s.result.Targets {
		failed := target.Failed()
		switch {
		case target.Error != "":
			fmt.Fprintf(&text, "%s was not reached: %s\n", target.URL, plain(target.Error))
		case failed != nil:
			fmt.Fprintf(&text, "%s was not reached, at stage %s: %s\n", target.URL, failed.Name, plain(failed.Error))
		}
	}
	return text.String()
}

// names prints what name servers say. Only a failure may hold the words by which the client knows one.
func (s Seen) names() string {
	var text strings.Builder
	text.WriteString("DNS Result:\n")
	for _, lookup := range s.result.Lookups {
		fmt.Fprintln(&text, plain(resolved(lookup)))
	}
	return text.String()
}

func resolved(lookup wire.Lookup) string {
	if len(lookup.Servers) == 0 {
		return lookup.Name + ": no servers could be reached: " + lookup.Error
	}
	answer := decisive(lookup.Servers)
	switch answer.RCode {
	case "NOERROR":
		if len(answer.Addresses) == 0 {
			return fmt.Sprintf("%s at %s: the name has no address (NXDOMAIN)", lookup.Name, answer.Server)
		}
		return fmt.Sprintf("%s at %s: %s", lookup.Name, answer.Server, strings.Join(answer.Addresses, ", "))
	case "NXDOMAIN", "SERVFAIL":
		return fmt.Sprintf("%s at %s: %s", lookup.Name, answer.Server, answer.RCode)
	case wire.RCodeTimeout:
		return fmt.Sprintf("%s at %s: connection timed out; no servers could be reached", lookup.Name, answer.Server)
	default:
		return fmt.Sprintf("%s at %s: communications error: %s", lookup.Name, answer.Server, answer.RCode)
	}
}

// decisive is the first that says anything, as the C library has it.
func decisive(answers []wire.Answer) wire.Answer {
	i := slices.IndexFunc(answers, func(a wire.Answer) bool { return a.RCode != wire.RCodeTimeout && a.RCode != wire.RCodeError })
	return answers[max(i, 0)]
}

// endpoints prints the one for cluster connect first, and what is out of reach last: the client looks at the first line for
// the one, and at the last for all others.
func (s Seen) endpoints() string {
	var lines []string
	if target, ok := s.target(s.settings.Connect); ok {
		lines = append(lines, outbound("for Cluster Connect", target))
	}
	var reached, missed []string
	for _, address := range s.settings.Onboarding {
		target, ok := s.target(address)
		switch {
		case !ok:
		case code(target) == unreachable:
			missed = append(missed, outbound("for Onboarding", target))
		default:
			reached = append(reached, outbound("for Onboarding", target))
		}
	}
	return strings.Join(slices.Concat(lines, reached, missed), "")
}

func outbound(what string, target wire.TargetResult) string {
	return fmt.Sprintf("Outbound Network Connectivity Check %s : %s : %s\n", what, target.URL, code(target))
}

// plain keeps foreign text in one line, and from looking like a line of ours.
func plain(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	for _, marker := range []string{"DNS Result:", "Outbound Network Connectivity", "Connectivity Check Result", "Check Failed:"} {
		text = strings.ReplaceAll(text, marker, "...")
	}
	return text
}
