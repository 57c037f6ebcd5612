package catalogue

import (
	"context"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/fairlead/fairlead"
)

// Stable is the train of those who name none. Other trains take versions before a release too, this one only when its range
// names one.
const Stable = "stable"

// maxRange bounds a range, in bytes.
const maxRange = 256

// CheckRange says what is wrong with the range of a train.
func CheckRange(train, text string) error {
	if len(text) > maxRange {
		return fairlead.Errorf(fairlead.Invalid, "The range of release train '%.64s' is longer than %d bytes.", train, maxRange).WithCode("InvalidRequestContent")
	}
	if _, err := semver.NewConstraint(text); err != nil {
		return fairlead.Errorf(fairlead.Invalid, "The range '%.64s' of release train '%.64s' cannot be read: %w. Ranges are such as '>=1.2.0 <2' or '1.x'.",
			text, train, err).WithCode("InvalidRequestContent")
	}
	return nil
}

// Train returns the range of a train, or an error that lists the trains.
func (t Type) Train(train string) (*semver.Constraints, error) {
	name := strings.ToLower(train)
	text, ok := t.Trains[name]
	if !ok {
		trains := make([]string, 0, len(t.Trains))
		for known := range t.Trains {
			trains = append(trains, known)
		}
		slices.Sort(trains)
		return nil, fairlead.Errorf(fairlead.Invalid, "The extension type '%s' has no release train '%.64s'. It has: %s.", t.Name, train, list(trains)).
			WithCode(CodeNoTrain)
	}
	wanted, err := semver.NewConstraint(text)
	if err != nil {
		return nil, CheckRange(name, text)
	}
	wanted.IncludePrerelease = name != Stable
	return wanted, nil
}

// In returns those of all versions that a train takes, newest first.
func (t Type) In(all []*semver.Version, train string) ([]*semver.Version, error) {
	wanted, err := t.Train(train)
	if err != nil {
		return nil, err
	}
	taken := slices.DeleteFunc(slices.Clone(all), func(version *semver.Version) bool { return !wanted.Check(version) })
	slices.SortFunc(taken, func(x, y *semver.Version) int { return y.Compare(x) })
	return taken, nil
}

// Resolved is one exact version of a type.
type Resolved struct {
	Version string
	Chart   fairlead.ExtensionChart
}

// Resolve chooses a version: the pinned one, which must be in the train, or else the newest of the train. Errors list what there is.
func (c *Catalogue) Resolve(ctx context.Context, t Type, train, pinned string) (Resolved, error) {
	if _, err := t.Train(train); err != nil { // before asking anybody
		return Resolved{}, err
	}
	known, err := c.find(ctx, t, pinned)
	if err != nil {
		return Resolved{}, err
	}
	taken, err := t.In(known.versions(), train)
	if err != nil {
		return Resolved{}, err
	}
	chosen, err := t.choose(taken, train, pinned)
	if err != nil {
		return Resolved{}, err
	}
	digest, err := c.digest(ctx, t, known, chosen)
	if err != nil {
		return Resolved{}, err
	}
	return Resolved{chosen.Original(), fairlead.ExtensionChart{Repository: t.Chart, Name: t.ChartName, Digest: digest, CABundle: t.CABundle}}, nil
}

func (t Type) choose(taken []*semver.Version, train, pinned string) (*semver.Version, error) {
	if len(taken) == 0 {
		return nil, fairlead.Errorf(fairlead.Invalid, "The release train '%s' of extension type '%s' has no version: %s holds none in the range '%s'.",
			train, t.Name, t.Chart, t.Trains[strings.ToLower(train)]).WithCode(CodeNoVersion)
	}
	if pinned == "" {
		return taken[0], nil
	}
	for _, version := range taken {
		if version.Original() == pinned || version.String() == strings.TrimPrefix(pinned, "v") {
			return version, nil
		}
	}
	names := make([]string, len(taken))
	for i, version := range taken {
		names[i] = version.Original()
	}
	return nil, fairlead.Errorf(fairlead.Invalid, "The version '%.64s' of extension type '%s' is not in release train '%s'. There are: %s.",
		pinned, t.Name, train, list(names)).WithCode(CodeNoVersion)
}

// find lists the versions, anew when the pinned one is not among those that are remembered.
func (c *Catalogue) find(ctx context.Context, t Type, pinned string) (known, error) {
	found, err := c.list(ctx, t, freshFor)
	if err != nil || pinned == "" || found.has(pinned) {
		return found, err
	}
	return c.list(ctx, t, again)
}
