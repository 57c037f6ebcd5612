package fairlead

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SourceControl is what the properties of a sourceControlConfiguration say: a configuration of Flux v1, which is run by Flux 2.
type SourceControl struct {
	RepositoryURL         string `json:"repositoryUrl"`
	OperatorNamespace     string `json:"operatorNamespace,omitempty"`
	OperatorInstanceName  string `json:"operatorInstanceName,omitempty"`
	OperatorType          string `json:"operatorType,omitempty"`
	OperatorParams        string `json:"operatorParams,omitempty"`
	OperatorScope         string `json:"operatorScope,omitempty"`
	SSHKnownHostsContents string `json:"sshKnownHostsContents,omitempty"` // base64
	EnableHelmOperator    Truth  `json:"enableHelmOperator,omitempty"`
}

// Truth reads a boolean that some clients write as a text.
type Truth bool

// UnmarshalJSON takes true, "true" and what strconv.ParseBool takes besides.
func (t *Truth) UnmarshalJSON(text []byte) error {
	word := strings.Trim(string(text), `"`)
	if word == "null" || word == "" {
		return nil
	}
	yes, err := strconv.ParseBool(strings.ToLower(word))
	if err != nil {
		return Errorf(Invalid, "%.20s is neither true nor false", text)
	}
	*t = Truth(yes)
	return nil
}

// Flux v1 watched a repository this often, and what it had applied that often, unless it was told otherwise.
const fluxV1Interval = 5 * time.Minute

// Flux returns what does the same on Flux 2, and sentences about what does not.
func (s SourceControl) Flux() (FluxSpec, []string, error) {
	given, notes, err := readOperatorParams(s.OperatorParams)
	if err != nil {
		return FluxSpec{}, nil, err
	}
	spec := FluxSpec{Scope: ScopeCluster, Namespace: cmp.Or(s.OperatorNamespace, "default"), SourceKind: SourceGit}
	if strings.EqualFold(s.OperatorScope, ScopeNamespace) {
		spec.Scope = ScopeNamespace
	}
	spec.GitRepository = &FluxGit{
		URL: s.RepositoryURL, SSHKnownHosts: s.SSHKnownHostsContents, RepositoryRef: &FluxGitRef{Branch: cmp.Or(given.branch, "master")},
		FluxRhythm: FluxRhythm{SyncIntervalInSeconds: given.poll, TimeoutInSeconds: given.timeout},
	}
	spec.Kustomizations = map[string]FluxKustomization{}
	for at, path := range given.paths {
		name := "kustomization-" + strconv.Itoa(at+1)
		spec.Kustomizations[name] = FluxKustomization{Path: path, Prune: given.prune, FluxRhythm: FluxRhythm{SyncIntervalInSeconds: given.sync}}
	}
	if s.EnableHelmOperator {
		notes = append(notes, "HelmRelease objects of helm.fluxcd.io/v1 are not read: Flux 2 wants those of helm.toolkit.fluxcd.io")
	}
	return spec, notes, nil
}

// operatorParams are the arguments of Flux v1 that have a counterpart.
type operatorParams struct {
	branch              string
	paths               []string
	poll, sync, timeout int64 // seconds
	prune               bool
}

// harmless are arguments whose loss nobody notices: Flux 2 does not write to the repository unless it is asked to, and so needs no
// name for that, and it keeps its place by itself.
func harmless() []string {
	return []string{
		"git-readonly", "git-user", "git-email", "git-set-author", "git-label", "git-sync-tag", "git-notes-ref", "git-ci-skip", "git-ci-skip-message", "sync-state",
		"registry-disable-scanning", "registry-poll-interval", "memcached-hostname", "memcached-port", "log-format", "connect", "token", "listen-metrics",
	}
}

// readOperatorParams reads what Flux v1 was started with, such as "--git-branch=main --git-path=a,b".
func readOperatorParams(text string) (operatorParams, []string, error) {
	given := operatorParams{poll: int64(fluxV1Interval.Seconds()), sync: int64(fluxV1Interval.Seconds())}
	var notes []string
	words := strings.Fields(text)
	for at := 0; at < len(words); at++ {
		flag, found := strings.CutPrefix(words[at], "--")
		if !found {
			return given, nil, Errorf(Invalid, "operatorParams: %.64q is no argument: each is such as --git-branch=main", words[at]).WithCode("InvalidRequestContent")
		}
		name, value, hasValue := strings.Cut(flag, "=")
		if !hasValue && at+1 < len(words) && !strings.HasPrefix(words[at+1], "--") {
			at++
			value = words[at]
		}
		note, err := given.take(name, strings.Trim(value, `"'`))
		if err != nil {
			return given, nil, err
		}
		if note != "" {
			notes = append(notes, note)
		}
	}
	if len(given.paths) == 0 {
		given.paths = []string{"./"}
	}
	return given, notes, nil
}

// take takes one argument, or says what is lost without it.
func (o *operatorParams) take(name, value string) (note string, err error) {
	switch name {
	case "git-branch":
		o.branch = value
	case "git-path":
		for path := range strings.SplitSeq(value, ",") {
			if path = strings.TrimSpace(path); path != "" && !slices.Contains(o.paths, path) {
				o.paths = append(o.paths, path)
			}
		}
	case "git-poll-interval":
		o.poll, err = seconds(name, value)
	case "sync-interval":
		o.sync, err = seconds(name, value)
	case "git-timeout":
		o.timeout, err = seconds(name, value)
	case "sync-garbage-collection":
		o.prune = value == "" || strings.EqualFold(value, "true")
	default:
		if !slices.Contains(harmless(), name) {
			note = "--" + name + " has no counterpart in Flux 2 and is not followed"
		}
	}
	return note, err
}

func seconds(name, value string) (int64, error) {
	span, err := time.ParseDuration(value)
	if err != nil || span < time.Second {
		return 0, Errorf(Invalid, "operatorParams: --%s: %.32q is no duration of at least a second, such as 5m", name, value).WithCode("InvalidRequestContent")
	}
	return int64(span.Seconds()), nil
}
